"""Connections to a workspace: in memory, with its views, unable to leave it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from store import catalog as catalogs
from store import damage, guard, views
from store.errors import SaetuiError
from store.publish import STAGING

if TYPE_CHECKING:
    import duckdb

    from store.workspace import Workspace

FILE = "workspace.duckdb"
RECORD = "views.sha256"
"""In ``.staging``: what ``workspace.duckdb`` was made of."""
_T = TypeVar("_T")
_SETTINGS = (
    "SET parquet_metadata_cache = true",
    # What a large query frees goes back to the system, not only when it freed 128 MB.
    "SET allocator_flush_threshold = '16MB'",
    "SET enable_progress_bar = false",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
)


class _Made(NamedTuple):
    """The views of a connection."""

    signature: object
    """Of the workspace when they were made, see `store.catalog.signature`."""
    views: list[str]
    """The statements that made them."""


_made: weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, _Made] = weakref.WeakKeyDictionary()


def connect(workspace: Workspace) -> duckdb.DuckDBPyConnection:
    """See `store.Workspace.connect`."""
    import duckdb

    root = str(workspace.root)
    connection = duckdb.connect(":memory:")
    spill = os.path.join(root, STAGING, f"spill-{os.getpid()}")
    for statement in (
        *_SETTINGS,
        f"SET temp_directory = {views.quoted(spill)}",
        f"SET allowed_directories = [{', '.join(map(views.quoted, _homes(workspace.root)))}]",
    ):
        connection.execute(statement)
    make_views(workspace, connection)
    if not _written(workspace.root, _made[connection].views):
        with suppress(OSError, duckdb.Error):  # a folder that may only be read
            write_file(workspace, connection)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _homes(root: Path) -> list[str]:
    """The workspace, and where its folders are when they are links to another disk."""
    homes = [root, *(root / name for name in ("corpora", "dictionaries", "tables", "jobs"))]
    real = {os.path.realpath(home) for home in homes}
    return sorted(real | {views.literally(home) for home in real})


def refresh(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> bool:
    """See `store.Workspace.refresh`."""
    made = _made.get(connection)
    if made and made.signature == catalogs.signature(workspace.root):
        return False
    make_views(workspace, connection)
    return True


def make_views(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> None:
    """Makes all views in one transaction, so that other cursors see the old set or the new one."""
    import duckdb

    signature = catalogs.signature(workspace.root)
    try:
        made = _run(connection, workspace)
    except duckdb.Error:
        if not note_damage(workspace):
            raise
        made = _run(connection, workspace)
    _made[connection] = _Made(signature, made)


def _run(connection: duckdb.DuckDBPyConnection, workspace: Workspace) -> list[str]:
    statements = views.statements(workspace.root, workspace.catalog())
    before = _made[connection].views if connection in _made else []
    connection.execute("BEGIN")
    try:
        for statement in views.to_run(statements, before):
            connection.execute(statement)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return statements


def note_damage(workspace: Workspace) -> list[Path]:
    """Looks for damaged Parquet files, remembers those found, and returns them.

    See `store.damage.search`.
    """
    parts = [
        damage.Part(
            entry.folder / name,
            entry.manifest["files"][name].get("sha256"),
            str(entry.manifest.get("published_at", "")),
        )
        for entry in workspace.catalog().entries()
        for name in entry.parts
    ]
    if found := damage.search(parts):
        known = {
            workspace.root / path: why for path, (_, _, why) in damage.known(workspace.root).items()
        }
        damage.note(workspace.root, {**known, **found})
    return list(found)


def relation(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, query: str
) -> duckdb.DuckDBPyRelation:
    """A relation for one checked statement; raises SaetuiError with DuckDB's own message.

    Where a damaged file is in the way already, the statement is tried again without it.
    """
    import duckdb

    # A cursor a query: a result that is still being read elsewhere stays open.
    cursor = connection.cursor()
    statement = guard.check_select(cursor, query)
    try:
        try:
            return cursor.sql(statement)
        except duckdb.Error as error:
            if not (damage.suspected(error) and workspace.mend(connection)):
                raise
            return cursor.sql(statement)
    except duckdb.Error as error:
        raise SaetuiError(str(error).strip()) from None


@contextmanager
def then_rewritten(workspace: Workspace, block: AbstractContextManager[_T]) -> Iterator[_T]:
    """Runs `block`, then brings ``workspace.duckdb`` up to date.

    What was published stays published where that fails: the next connection tries again.
    """
    import duckdb

    with block as value:
        yield value
    with suppress(OSError, duckdb.Error):
        write_file(workspace)


def write_file(
    workspace: Workspace,
    connection: duckdb.DuckDBPyConnection | None = None,
    anew: bool = False,
) -> None:
    """Brings ``workspace.duckdb`` up to date: writes it under a temporary name, then renames it.

    Does nothing where it holds the views already, unless it is to be written `anew`. They come from
    `connection`, else from one that is kept for it: to copy them takes a tenth of the time that it
    takes to make them.
    """
    home = workspace.root / STAGING
    home.mkdir(exist_ok=True)
    lock = os.open(home / "views.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        # One writer at a time, and the catalog is read under the lock: the last one knows all.
        fcntl.flock(lock, fcntl.LOCK_EX)
        source = connection or _source(workspace)
        make_views(workspace, source)
        if anew or not _written(workspace.root, _made[source].views):
            _copy(source, workspace.root)
    finally:
        os.close(lock)


_sources: weakref.WeakKeyDictionary[Workspace, duckdb.DuckDBPyConnection]
_sources = weakref.WeakKeyDictionary()
"""Connections from which ``workspace.duckdb`` is written."""


def _source(workspace: Workspace) -> duckdb.DuckDBPyConnection:
    import duckdb

    if workspace not in _sources:
        _sources[workspace] = duckdb.connect(":memory:", config={"threads": 1})
    return _sources[workspace]


def _copy(source: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Writes the views of `source` to ``workspace.duckdb``."""
    home = root / STAGING
    made = home / f"{FILE}.{os.getpid()}"
    try:
        made.unlink(missing_ok=True)
        source.execute(f"ATTACH {views.quoted(str(made))} AS file")
        try:
            source.execute("COPY FROM DATABASE memory TO file")
        finally:
            source.execute("DETACH file")
        (home / RECORD).unlink(missing_ok=True)
        os.replace(made, root / FILE)
        (home / RECORD).write_text(_digest(_made[source].views), encoding="utf-8")
    finally:
        for left in (made, made.with_name(made.name + ".wal")):
            left.unlink(missing_ok=True)


def _digest(statements: list[str]) -> str:
    return hashlib.sha256("\0".join(statements).encode()).hexdigest()


def _written(root: Path, statements: list[str]) -> bool:
    """Whether ``workspace.duckdb`` holds the views that `statements` make."""
    with suppress(OSError):
        recorded = (root / STAGING / RECORD).read_text(encoding="utf-8")
        return (root / FILE).exists() and recorded == _digest(statements)
    return False
