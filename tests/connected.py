"""Workspaces that tests find at the same place, one after the other: connected to once a process.

To make a database and forty views takes longer than most of what is asked of them.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import duckdb

from store import Workspace, connection

_plain = connection.connect
_places: set[Path] = set()
_kept: dict[tuple[Path, bool], duckdb.DuckDBPyConnection] = {}


def once(place: Path) -> Path:
    """From now on the workspace at `place` is connected to once, whatever lies there by then: once
    by what a test itself calls, and once by the threads of the workbench.
    """
    _places.add(place.resolve())
    return place


def _connect(workspace: Workspace) -> duckdb.DuckDBPyConnection:
    if workspace.root not in _places:
        return _plain(workspace)
    key = workspace.root, threading.current_thread() is threading.main_thread()
    if key in _kept:
        with suppress(duckdb.Error):  # a workbench that was closed may still be busy with it
            connection.make_views(workspace, _kept[key])
            return _kept[key]
    _kept[key] = _plain(workspace)
    return _kept[key]


connection.connect = _connect
