"""What a job says while it runs: ``events.jsonl``, at most ten lines a second.

A line holds everything that was said since the line before: the newest progress, the newest
numbers of every series, and all messages. Only the job's supervisor writes; `read_events` follows.
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs import state as states

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class Event:
    """Something a job said."""

    at: datetime
    """When (UTC)."""
    attempt: int
    """Which attempt of the job said it; a resume or retry begins the next."""


@dataclass(frozen=True)
class StateChanged(Event):
    """The job entered a state."""

    state: str
    message: str
    restart: bool
    """Whether this attempt starts over (a retry), so that earlier curves do not belong to it."""


@dataclass(frozen=True)
class Progress(Event):
    """How far it is."""

    share: float
    """0 to 1."""
    message: str


@dataclass(frozen=True)
class Metrics(Event):
    """One point of a live curve."""

    series: str
    """What the numbers are about, e.g. a dictionary id."""
    values: dict[str, float]
    """Name → value; a value that was not finite is NaN."""


@dataclass(frozen=True)
class Said(Event):
    """A line for the user."""

    message: str


def read_events(
    ws: states.Home, job: str, offset: int = 0, limit: int = 4 << 20
) -> tuple[list[Event], int]:
    """Events from byte `offset` on, and the offset to go on from.

    At most about `limit` bytes are read at a time: call again until the offset stays the same.
    Damaged lines are passed over, and a file that cannot be opened says nothing. A line still being
    written is left for the next call.
    """
    path = states.folder(ws, job) / "events.jsonl"
    try:
        with open(path, "rb") as file:
            if offset > os.fstat(file.fileno()).st_size:
                offset = 0
            file.seek(offset)
            chunk = file.read(limit)
            if b"\n" not in chunk:
                chunk += file.readline()
    except OSError:
        return [], 0
    whole = chunk[: chunk.rfind(b"\n") + 1]
    return [event for line in whole.splitlines() for event in _parsed(line)], offset + len(whole)


def latest_events(ws: states.Home, job: str, size: int = 1 << 16) -> list[Event]:
    """The events in the last `size` bytes of what a job said."""
    path = states.folder(ws, job) / "events.jsonl"
    try:
        offset = max(0, os.stat(path).st_size - size)
    except OSError:
        return []
    return read_events(ws, job, offset, size)[0]


def eta(events: Iterable[Event], window: float = 120.0, at: datetime | None = None) -> float | None:
    """Seconds still to go, from the progress of the last `window` seconds of the newest attempt;
    counted from the moment `at`, or from the last progress.

    None while too little is known, and where nothing was said for `window` seconds before `at`.
    """
    shares = [event for event in events if isinstance(event, Progress)]
    if not shares:
        return None
    last = shares[-1]
    recent = [
        event
        for event in shares
        if event.attempt == last.attempt and (last.at - event.at).total_seconds() <= window
    ]
    seconds = (last.at - recent[0].at).total_seconds()
    gained = last.share - recent[0].share
    silent = max(0.0, (at - last.at).total_seconds()) if at else 0.0
    if seconds < 1 or gained <= 0 or silent > window:
        return None
    return max(0.0, (1 - last.share) * seconds / gained - silent)


def curves(events: Iterable[Event]) -> dict[str, list[Metrics]]:
    """Series → its points, each step once, as the attempts that count left them.

    A resumed attempt goes on from its checkpoint: what an earlier one said of later steps gives
    way. A retry starts over.
    """
    found: dict[str, list[Metrics]] = {}
    for event in events:
        if isinstance(event, StateChanged) and event.restart:
            found.clear()
        elif isinstance(event, Metrics):
            points = found.setdefault(event.series, [])
            step = event.values.get("step")
            while step is not None and points and points[-1].values.get("step", -1) >= step:
                points.pop()
            points.append(event)
    return found


def plain(text: str, length: int = 1000) -> str:
    """One line without control characters, cut to `length`: messages may quote any data."""
    text = (
        _CONTROL.sub(" ", _ESCAPE.sub("", text)).encode("utf-8", "replace").decode("utf-8").strip()
    )
    return text if len(text) <= length else text[: length - 1] + "…"


class Gathered:
    """What was said since the last line was written; the worker's half of the ten a second."""

    def __init__(self) -> None:
        self.progress: tuple[float, str] | None = None
        self.metrics: dict[str, dict[str, float]] = {}
        self.said: list[str] = []

    def line(self) -> dict[str, Any]:
        """All of it as one line, and forgets it; empty if nothing was said."""
        line: dict[str, Any] = {}
        if self.progress:
            line["progress"], line["message"] = self.progress
        if self.metrics:
            line["metrics"] = self.metrics
        if self.said:
            line["said"] = self.said
        self.progress, self.metrics, self.said = None, {}, []
        if line:
            line["at"] = time.time()
        return line


def encode(line: Mapping[str, Any]) -> bytes:
    """One line of JSON; a number that is not finite becomes null."""
    return (json.dumps(_finite(line), ensure_ascii=False) + "\n").encode()


class Writer:
    """Appends lines to a job's ``events.jsonl``; a full disk loses lines, never the job."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        size = os.fstat(self._file).st_size
        # A supervisor that died while writing may have left half a line.
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            self._append(b"\n")

    def write(self, line: Mapping[str, Any]) -> None:
        """Appends one line."""
        self._append(encode(line))

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _append(self, data: bytes) -> None:
        try:
            os.write(self._file, data)
        except OSError:
            return


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value


def _parsed(line: bytes) -> list[Event]:
    try:
        said = json.loads(line)
        at, attempt = datetime.fromtimestamp(float(said["at"]), UTC), int(said["attempt"])
        return _unfolded(said, at, attempt)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError):
        return []


def _unfolded(said: dict[str, Any], at: datetime, attempt: int) -> list[Event]:
    events: list[Event] = []
    if "state" in said:
        events.append(
            StateChanged(
                at,
                attempt,
                str(said["state"]),
                str(said.get("message") or ""),
                bool(said.get("restart")),
            )
        )
    if "progress" in said:
        share = min(1.0, max(0.0, float(said["progress"])))
        events.append(Progress(at, attempt, share, str(said.get("message") or "")))
    for series, values in said.get("metrics", {}).items():
        numbers = {
            name: math.nan if value is None else float(value) for name, value in values.items()
        }
        events.append(Metrics(at, attempt, series, numbers))
    events.extend(Said(at, attempt, str(message)) for message in said.get("said", ()))
    return events
