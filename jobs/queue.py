"""Asking for jobs, and asking jobs to stop, go on, start over or go away."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from jobs import events
from jobs import state as states
from jobs.backends import backend as find_backend
from jobs.folder import make_folder, staging
from jobs.parse import load
from jobs.specs import Spec
from jobs.state import JobState
from store import lock
from store.errors import AskedWrongly, SaetuiError

if TYPE_CHECKING:
    from store import Workspace


@dataclass(frozen=True)
class Job:
    """A job that was asked for."""

    ws: Workspace
    id: str

    @property
    def folder(self) -> Path:
        """``jobs/<id>`` of the workspace."""
        return self.ws.job_folder(self.id)

    def state(self) -> JobState:
        """What is known of it now."""
        return states.read(self.ws, self.id)

    def wait(self, timeout: float | None = None) -> JobState:
        """Waits until it is neither queued nor running or `timeout` seconds are over."""
        return wait(self.ws, self.id, timeout)


def submit(
    ws: Workspace,
    spec: Spec,
    *,
    after: Sequence[str] = (),
    backend: str = "local",
    start: bool = True,
) -> Job:
    """Asks for a job; its supervisor runs on when this process ends.

    It waits for the jobs in `after`, and for those that are about to make its inputs. Raises
    AskedWrongly, with nothing begun, where an input is unknown or an output exists already.
    With ``start=False`` it is written down and waits for `resume`.
    """
    for job in after:
        states.folder(ws, job)
    check(ws, spec, alone=not after)
    return place(ws, spec, after=after, backend=backend, start=start)


def place(
    ws: Workspace,
    spec: Spec,
    *,
    after: Sequence[str] = (),
    backend: str = "local",
    start: bool = True,
) -> Job:
    """`submit` without its checks, for who has made them."""
    where = find_backend(backend)
    first = dict.fromkeys([*after, *_makers(ws, spec)])
    job, held = make_folder(ws, spec, tuple(first), backend, supervised=start)
    try:
        if start:
            where.start(ws.root, job, held)
    finally:
        os.close(held)
    return Job(ws, job)


def wait(ws: Workspace, job: str, timeout: float | None = None) -> JobState:
    """Waits until a job is neither queued nor running, or `timeout` seconds; returns its state."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        state = states.read(ws, job)
        if not state.live or (deadline is not None and time.monotonic() >= deadline):
            return state
        time.sleep(0.05)


def cancel(ws: Workspace, job: str) -> None:
    """Asks a job to stop: it writes a checkpoint and ends as ``cancelled``. Returns at once."""
    folder = states.folder(ws, job)
    state = states.read(ws, job)
    if not state.live and state.state != "lost":
        _refuse(job, f"is {state.state} already")
    (folder / "cancel").touch()
    if lock.held(folder / "lock"):
        # The file is what counts; the signal only spares the wait for the next look at it.
        if state.supervisor:
            state.supervisor.signal(signal.SIGTERM)
        return
    with _lock(folder) as held:
        if held is None:
            return
        state = states.read(ws, job)
        if state.state in ("done", "failed", "cancelled"):
            (folder / "cancel").unlink(missing_ok=True)
            return
        if state.worker:
            state.worker.signal(signal.SIGKILL, group=True)
        stopped = replace(
            state,
            state="cancelled",
            ended_at=states.now(),
            message=f"Cancelled; `saetui jobs resume {job}` goes on with it.",
        )
        _settle(folder, stopped)


def resume(ws: Workspace, job: str) -> Job:
    """Lets a job that failed, was cancelled or lost, or never started, go on where it was.

    It keeps its id and its checkpoint, and begins its next attempt.
    """
    state = _restartable(ws, job, "resume")
    if state.state == "done":
        _refuse(job, "is done; nothing is left to resume")
    return _again(ws, job, fresh=False)


def retry(ws: Workspace, job: str) -> Job:
    """Starts a job over: the same id and spec, without its checkpoint."""
    state = _restartable(ws, job, "retry")
    if state.state == "done":
        _refuse_existing(ws, load(states.load_spec(states.folder(ws, job))))
    return _again(ws, job, fresh=True)


def remove(ws: Workspace, job: str) -> None:
    """Removes a job's folder. What it published stays; its id is not given again."""
    folder = states.folder(ws, job)
    state = states.read(ws, job)
    with _lock(folder) as held:
        if held is None:
            _refuse(job, f"is {state.state}; `saetui jobs cancel {job}` first")
        if state.worker:
            state.worker.signal(signal.SIGKILL, group=True)
        states.bury(ws, state)
        grave = staging(ws)
        grave.parent.mkdir(exist_ok=True)
        os.rename(folder, grave)
    shutil.rmtree(grave, ignore_errors=True)


def check(ws: Workspace, spec: Spec, coming: Sequence[str] = (), *, alone: bool = True) -> None:
    """Raises AskedWrongly if an input of `spec` is unknown, an output of it exists already, or a
    quick look shows that it cannot be done.

    `coming` are ids of dictionaries that jobs not yet submitted will make; `alone` says that none
    of them goes before this one. What tables lack is told only where no job may still write it.
    """
    _refuse_existing(ws, spec, coming)
    inputs = spec.inputs()
    known = {*ws.dictionaries(), *coming} if inputs else set()
    missing = [name for name in inputs if name not in known]
    if missing:
        made = {name for state in _live(ws) for name in _outputs(state)}
        for name in missing:
            if name not in made:
                ws.dictionary(name)  # says what is nearest
    spec.check(ws)
    if alone and not _live(ws):
        spec.check_rows(ws)


def _makers(ws: Workspace, spec: Spec) -> list[str]:
    """The live jobs that will make what a spec reads."""
    inputs = set(spec.inputs())
    missing = inputs - set(ws.dictionaries()) if inputs else set()
    if not missing:
        return []
    return [state.job for state in _live(ws) if missing & set(_outputs(state))]


def _refuse_existing(ws: Workspace, spec: Spec, coming: Sequence[str] = ()) -> None:
    outputs = spec.outputs()
    if not outputs:
        return
    taken = dict.fromkeys(ws.dictionaries(), "exists already")
    for state in _live(ws):
        taken.update(dict.fromkeys(_outputs(state), f"is being made by {state.job}"))
    taken.update(dict.fromkeys(coming, "is made by another job of the same request"))
    for name in outputs:
        if name in taken:
            raise AskedWrongly(
                f"The dictionary {name} {taken[name]}; give another seed=… or a name=… of its own."
            )


def _live(ws: Workspace) -> list[JobState]:
    return [state for state in states.list_jobs(ws) if state.live]


def _outputs(state: JobState) -> list[str]:
    try:
        return load(state.spec).outputs()
    except (SaetuiError, KeyError):
        return []


def _restartable(ws: Workspace, job: str, verb: str) -> JobState:
    state = states.read(ws, job)
    if state.live and state.supervised:
        _refuse(job, f"is {state.state}; there is nothing to {verb}")
    return state


def _again(ws: Workspace, job: str, *, fresh: bool) -> Job:
    folder = states.folder(ws, job)
    spec = states.load_spec(folder)
    where = find_backend(states.read(ws, job).backend)
    with _lock(folder) as held:
        if held is None:
            _refuse(job, "is running already")
        state = states.read(ws, job)
        (folder / "cancel").unlink(missing_ok=True)
        if fresh:
            if state.worker:
                state.worker.signal(signal.SIGKILL, group=True)
            shutil.rmtree(folder / "checkpoint", ignore_errors=True)
        moment = states.now()
        queued = replace(
            state,
            state="queued",
            progress=0.0 if fresh else state.progress,
            message="Waiting to start.",
            started_at=None if fresh else state.started_at,
            ended_at=None,
            error=None,
            spec=spec,
            attempt=state.attempt + (1 if state.supervised else 0),
            supervised=True,
            queued_at=moment,
        )
        _settle(folder, queued, restart=fresh)
        where.start(ws.root, job, held)
    return Job(ws, job)


def _settle(folder: Path, state: JobState, *, restart: bool = False) -> None:
    """Writes a state in the supervisor's stead, while we hold the job's lock."""
    states.write(folder, state)
    line = {"state": state.state, "message": state.message, "restart": restart}
    writer = events.Writer(folder / "events.jsonl")
    writer.write({"at": time.time(), "attempt": state.attempt, **line})
    writer.close()


@contextmanager
def _lock(folder: Path) -> Iterator[int | None]:
    # Readers look at the lock by holding it for an instant: do not take one of them for an owner.
    held = lock.take(folder / "lock", wait=0.3)
    try:
        yield held
    finally:
        if held is not None:
            os.close(held)


def _refuse(job: str, why: str) -> NoReturn:
    raise AskedWrongly(f"{job} {why}.")
