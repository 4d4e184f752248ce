"""What a job has said so far: its curves and its log, followed from where one stopped reading."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store import Workspace

KEPT = 5000
"""Lines of a log that are kept, the last ones."""

TAIL = 1 << 18
"""Bytes of a log that are read at most, from its end."""


@dataclass
class Followed:
    """One job, as far as it has been read. `read` runs in a thread, one call at a time."""

    job: str
    curves: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    """Name of a number → series → (step, value)."""
    log: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """Lines that the job wants the user to see."""
    _events: int = 0
    _log: int = 0
    _half: bytes = b""

    def read(self, workspace: Workspace) -> bool:
        """Reads on; whether there was anything new."""
        from store.errors import AskedWrongly

        try:
            return self._read_events(workspace) | self._read_log(workspace.job_folder(self.job))
        except AskedWrongly:  # the job was removed
            return False

    def _read_events(self, workspace: Workspace) -> bool:
        from jobs.events import Metrics, Said, StateChanged, read_events

        events, offset = read_events(workspace, self.job, self._events)
        if offset < self._events:  # the job was started over
            self.curves.clear()
        self._events = offset
        for event in events:
            if isinstance(event, Metrics):
                self._add(event.series, event.values)
            elif isinstance(event, StateChanged) and event.restart:
                self.curves.clear()
            elif isinstance(event, Said):
                self.said.append(event.message)
        return bool(events)

    def _add(self, series: str, values: dict[str, float]) -> None:
        step = values.get("step", values.get("tokens"))
        for name, value in values.items():
            if name not in ("step", "tokens"):
                points = self.curves.setdefault(name, {}).setdefault(series, [])
                x = float(len(points)) if step is None else step
                while points and points[-1][0] >= x:  # resumed from an earlier checkpoint
                    points.pop()
                points.append((x, value))

    def _read_log(self, folder: Path) -> bool:
        try:
            with open(folder / "log.txt", "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._log:
                    self._log, self._half = 0, b""
                    self.log = []
                if size - self._log > TAIL:
                    file.seek(size - TAIL)
                    file.readline()
                else:
                    file.seek(self._log)
                text = self._half + file.read()
                self._log = file.tell()
        except OSError:
            return False
        lines = text.split(b"\n")
        self._half = lines.pop()
        # A line that draws itself anew (a progress bar) is shown as it was left.
        new = [line.split(b"\r")[-1].decode("utf-8", "replace") for line in lines]
        self.log = [*self.log, *new][-KEPT:]
        return bool(new)
