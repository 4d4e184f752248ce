"""Damage that only reading a file shows, remembered so that views leave the file out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from store.files import replace, sha256

FILE = ".staging/damaged.json"

Known = dict[str, tuple[int, int, str]]
"""Path below the workspace → size and modification time when found damaged, what is wrong."""


def known(root: Path) -> Known:
    """Files found damaged earlier; those that changed since (were put right) do not count."""
    try:
        noted = json.loads((root / FILE).read_bytes())
        items = [(str(p), (int(size), int(at), str(why))) for p, (size, at, why) in noted.items()]
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    return {path: note for path, note in items if _stamp(root / path) == note[:2]}


def note(root: Path, found: Mapping[Path, str]) -> None:
    """Remembers `found`, ``{path: what is wrong}``, in place of what was known before."""
    notes = {
        str(path.relative_to(root)): (*stamp, why)
        for path, why in found.items()
        if (stamp := _stamp(path))
    }
    if not notes and not (root / FILE).exists():
        return
    with suppress(OSError):  # a workspace that may only be read: each reader finds it again
        (root / FILE).parent.mkdir(exist_ok=True)
        replace(root / FILE, json.dumps(notes, indent=1) + "\n")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def footer(path: Path) -> str:
    """What is wrong with a Parquet file's footer: empty where its metadata can be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return "its footer is damaged"
    return ""


SUSPECTED = ("Error", "IOException", "InvalidInputException", "SerializationException")
"""Classes of DuckDB's errors that a damaged Parquet file can cause; those of a query that was
asked wrongly (parser, binder, catalog, conversion, …) are others.
"""


def suspected(error: BaseException) -> bool:
    """Whether a damaged file may be why DuckDB, or Arrow that reads its rows, gave up a query."""
    kind = type(error)
    if kind.__module__.startswith("pyarrow"):
        return True
    return kind.__module__.startswith(("duckdb", "_duckdb")) and kind.__name__ in SUSPECTED


def by_reading(path: Path, checksum: str | None) -> str:
    """What is wrong with a file whose manifest gives `checksum`, found by reading all of it."""
    try:
        if checksum and sha256(path) != checksum:
            return "its content is not what was published (the checksum differs)"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return ""
