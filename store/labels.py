"""Labels: what users write about features. Append-only, one JSON object a line."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path

FILE = "labels.jsonl"


def append(
    root: Path, dictionary: str, feature: int, label: str | None, note: str | None = None
) -> None:
    """Adds a line to ``labels/labels.jsonl``: one write under a lock, flushed to the disk."""
    row = {
        "dictionary": dictionary,
        "feature": feature,
        "label": label,
        "note": note,
        "at": datetime.now(UTC).isoformat(timespec="microseconds"),
    }
    line = json.dumps(row, ensure_ascii=True) + "\n"
    path = root / "labels" / FILE
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        # A line torn by a crash must not swallow the next one.
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (("\n" if torn else "") + line).encode())
        os.fsync(handle)
    finally:
        os.close(handle)
