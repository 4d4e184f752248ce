"""This machine: a detached process per job, which outlives the app, the shell and the SSH link."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from jobs.lease import announce
from jobs.state import arrival, from_json
from store.errors import SaetuiError


class Local:
    """Starts supervisors in a session of their own on this machine."""

    def start(self, root: Path, job: str, lock: int) -> None:
        """Starts the supervisor of `job`; it inherits the lock."""
        folder = root / "jobs" / job
        with suppress(OSError, SaetuiError):
            announce(folder, arrival(from_json((folder / "state.json").read_bytes())))
        # -P: a jobs/ or store.py in the current folder must not shadow ours.
        command = [sys.executable, "-P", "-m", "jobs.supervisor", str(root), job, str(lock)]
        try:
            with open(folder / "log.txt", "ab") as log:
                supervisor = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(lock,),
                    env=_environment(),
                )
        except OSError as error:
            raise SaetuiError(
                f"The supervisor of {job} could not be started ({error.strerror}); "
                f"`saetui jobs resume {job}` tries again."
            ) from error
        # Reaps it while we live, so that a long-lived app gathers no zombies.
        threading.Thread(target=supervisor.wait, daemon=True, name=f"reap {job}").start()


def _environment() -> dict[str, str]:
    """Ours, without the relative parts of PYTHONPATH: they are the current folder again."""
    environment = dict(os.environ)
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if os.path.isabs(path))
    return environment
