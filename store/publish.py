"""Publication: a folder is filled out of sight, then appears whole, by one rename.

Files are flushed, then the manifest is written, then the folder is renamed from ``.staging`` to
its place. A reader sees nothing or all of it, whenever the writer dies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from store import catalog as catalogs
from store import manifest as manifests
from store.errors import AskedWrongly
from store.files import room_needed, sync
from store.ids import check_id, flat
from store.parquet import TableWriter, check_file, stored_columns
from store.schema import TABLES

STAGING = ".staging"


@contextmanager
def staged(root: Path, what: str) -> Iterator[Path]:
    """A folder of one's own under ``.staging``, gone when the block ends, however it ends."""
    home = root / STAGING
    home.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{flat(what)[:80]}.", dir=home))
    folder.chmod(0o755)
    alive = os.open(folder, os.O_RDONLY)
    fcntl.flock(alive, fcntl.LOCK_EX)  # tells `store.gc` that the writer lives
    try:
        with room_needed(what, folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(alive)


@contextmanager
def table(
    root: Path, name: str, run: str, scope: str | None, fields: Mapping[str, Any]
) -> Iterator[TableWriter]:
    """Publishes one run of a table; see `store.Workspace.publish_table`."""
    if name not in TABLES or TABLES[name].source != "tables":
        raise AskedWrongly(f"Table {name!r} is not one that jobs publish.")
    check_id(run, "run", nested=False)
    if scope is not None:
        check_id(scope, "scope")
    with staged(root, f"{name} of {run}") as folder:
        writer = TableWriter(folder, name, scope)
        yield writer
        writer.close()
        place = run if scope is None else f"{run}@{flat(scope)}"
        about = {
            "id": f"{name}/{place}",
            "kind": "table",
            "table": name,
            "run": run,
            "scope": scope,
            "columns": {name: [column.name for column in stored_columns(TABLES[name])]},
        }
        written = manifests.write(folder, {"job": run, **fields, **about})
        _settle(root, folder, root / "tables" / name / place, written)


def _settle(root: Path, folder: Path, place: Path, written: manifests.Manifest) -> None:
    """Moves a run to its place. A resumed job may publish again: where the newest run holds the
    same bytes it is kept; other bytes stand beside it (``…~2``) and supersede it.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    for run in catalogs.scan(root).live(written["table"]):
        about = (run.scope, run.manifest.get("run"), run.manifest["files"])
        if about == (written["scope"], written["run"], written["files"]) and not run.damaged:
            return
    target, attempt = place, 1
    while not _moved(folder, target):
        attempt += 1
        target = place.with_name(f"{place.name}~{attempt}")


def _moved(folder: Path, target: Path) -> bool:
    """Renames `folder` to `target`; false where something is there already."""
    try:
        os.rename(folder, target)
    except OSError:
        if target.exists():
            return False
        raise
    sync(target.parent)
    return True


@contextmanager
def folder(root: Path, home: str, name: str, fields: Mapping[str, Any]) -> Iterator[Path]:
    """Publishes ``<home>/<name>/``; see `store.Workspace.publish_folder`."""
    check_id(name, {"dictionaries": "dictionary", "corpora": "corpus"}[home] + " id")
    place = root / home / name
    _refuse_taken(root / home, place, name)
    with staged(root, name) as staging:
        yield staging
        kind = {"corpora": "corpus", "dictionaries": "dictionary"}[home]
        about = {"id": name, "kind": kind, "columns": _columns(staging, home, kind, name)}
        manifests.write(staging, {**fields, **about})
        place.parent.mkdir(parents=True, exist_ok=True)
        _refuse_taken(root / home, place, name)
        if not _moved(staging, place):
            _refuse_taken(root / home, place, name)


def _columns(staging: Path, home: str, key: str, name: str) -> dict[str, list[str]]:
    """Checks the Parquet files that views will read; table → columns that all of them have."""
    columns: dict[str, list[str]] = {}
    for table in TABLES.values():
        if table.source != home:
            continue
        for path in sorted(staging.glob(f"{table.name}*.parquet")):
            found = check_file(path, table.name, key, name)
            columns[table.name] = [c for c in columns.get(table.name, found) if c in found]
    return columns


def _refuse_taken(home: Path, place: Path, name: str) -> None:
    for taken in (place, *place.parents):
        if taken == home:
            return
        if (taken / manifests.NAME).exists() or (taken == place and place.exists()):
            other = taken.relative_to(home).as_posix()
            raise AskedWrongly(
                f"{name} cannot be written: {other} exists already; choose another name."
            )
