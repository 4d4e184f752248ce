"""Waiting for jobs at the terminal: bars where somebody watches, lines in a pipe."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from saetui.cli.output import note
from saetui.text import inert

if TYPE_CHECKING:
    from jobs.process import Process
    from jobs.state import JobState
    from store import Workspace

EVERY = 0.2
"""Seconds between two looks at the jobs' files."""
LINE_EVERY = 10.0
"""Seconds between two lines about the same job where no bars can be drawn."""


class Followed(NamedTuple):
    """How a job ended that was waited for."""

    state: JobState
    peak_memory: int | None
    """Most memory its worker held, bytes; None if it was never seen running."""


Show = Callable[["JobState"], None]


def follow(ws: Workspace, jobs: Sequence[str]) -> list[Followed]:
    """Waits until none of `jobs` goes on by itself, telling on stderr how they do.

    An interrupt stops the waiting, not the jobs.
    """
    peaks: dict[str, int] = {}
    try:
        with _bars() if sys.stderr.isatty() else _lines() as show:
            states = _watched(ws, jobs, show, peaks)
    except KeyboardInterrupt:
        note("The jobs go on without being watched; `saetui jobs` tells how they do.")
        raise
    return [Followed(state, peaks.get(state.job)) for state in states]


def _watched(
    ws: Workspace, jobs: Sequence[str], show: Show, peaks: dict[str, int]
) -> list[JobState]:
    from jobs.events import Said, read_events
    from jobs.state import read

    offsets = dict.fromkeys(jobs, 0)
    while True:
        states = [read(ws, job) for job in jobs]  # before the events: an ended job has said all
        for state in states:
            events, offsets[state.job] = read_events(ws, state.job, offsets[state.job])
            for event in events:
                if isinstance(event, Said) and event.attempt == state.attempt:
                    note(f"{state.job}: {event.message}")
            show(state)
            if held := _peak_memory(state.worker):
                peaks[state.job] = max(held, peaks.get(state.job, 0))
        if not any(state.live for state in states):
            return states
        time.sleep(EVERY)


def _peak_memory(worker: Process | None) -> int | None:
    """Most memory a living process has held so far, bytes."""
    if worker is None or not worker.alive:
        return None
    try:
        status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


@contextlib.contextmanager
def _bars() -> Iterator[Show]:
    """A bar a job, drawn on the terminal behind stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
    from rich.table import Column

    words = TextColumn("{task.fields[says]}", markup=False, table_column=Column(ratio=1))
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        words,
    )
    with Progress(*columns, console=Console(stderr=True), expand=True) as progress:
        tasks: dict[str, TaskID] = {}

        def show(state: JobState) -> None:
            if state.job not in tasks:
                tasks[state.job] = progress.add_task(state.job, total=1.0, says="")
            says = inert(_says(state)).replace("\n", " ")
            progress.update(tasks[state.job], completed=state.progress, says=says)

        yield show


@contextlib.contextmanager
def _lines() -> Iterator[Show]:
    """A line when a job's state changes, and now and then while it runs."""
    last: dict[str, tuple[str, float]] = {}

    def show(state: JobState) -> None:
        known, at = last.get(state.job, ("", 0.0))
        due = state.state == "running" and time.monotonic() - at >= LINE_EVERY
        if known == state.state and not due:
            return
        last[state.job] = (state.state, time.monotonic())
        note(f"{state.job} {state.state} {state.progress:4.0%} {_says(state)}")

    yield show


def _says(state: JobState) -> str:
    return (state.error if not state.live else None) or state.message or state.state
