"""Workspaces that tests find at the same place, one after the other: connected to once a process.

To make a database and forty views takes longer than most of what is asked of them.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from store import Workspace, connection

_plain = connection.connect
_places: dict[Path, duckdb.DuckDBPyConnection | None] = {}


def once(place: Path) -> Path:
    """From now on the workspace at `place` is connected to once, whatever lies there by then."""
    _places.setdefault(place.resolve())
    return place


def _connect(workspace: Workspace) -> duckdb.DuckDBPyConnection:
    if workspace.root not in _places:
        return _plain(workspace)
    kept = _places[workspace.root] = _places[workspace.root] or _plain(workspace)
    connection.make_views(workspace, kept)
    return kept


connection.connect = _connect
