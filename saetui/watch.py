"""Jobs, followed by looking at their files; cheap where nothing happens."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.state import JobState
    from store import Workspace

Stamp = tuple[int, int, int]


class JobsWatch:
    """Remembers every job's state and reads again only those that moved, or may have died."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Stamp | None, JobState]] = {}
        self._looking = threading.Lock()

    def look(self, workspace: Workspace) -> list[JobState]:
        """All jobs, newest first. Reads files: not for the UI thread."""
        with self._looking:
            return self._look(workspace)

    def _look(self, workspace: Workspace) -> list[JobState]:
        from jobs import state as states
        from store.errors import AskedWrongly

        found: dict[str, tuple[Stamp | None, JobState]] = {}
        for job in states.ids(workspace):
            stamp = _stamp(workspace.root / "jobs" / job / "state.json")
            known = self._known.get(job)
            if known is not None and stamp is not None and known[0] == stamp and not known[1].live:
                found[job] = known
                continue
            try:
                found[job] = (stamp, states.read(workspace, job))
            except AskedWrongly:  # removed since it was listed
                continue
        self._known = found
        return sorted(
            (state for _, state in found.values()),
            key=lambda state: (state.created_at, states.number(state.job)),
            reverse=True,
        )


def _stamp(path: Path) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
