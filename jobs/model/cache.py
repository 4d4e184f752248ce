"""Things made once a machine and kept: under the XDG cache, whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

from store.files import room_needed, sync


def cache_root() -> Path:
    """``$XDG_CACHE_HOME/saetui`` (``~/.cache/saetui``)."""
    return platformdirs.user_cache_path("saetui")


def made_once(
    folder: Path, make: Callable[[Path], None], waiting: Callable[[], object] = lambda: None
) -> Path:
    """`folder`, filled by ``make(staging)`` where it does not exist yet.

    Of several processes one makes it and the others wait, after a call of `waiting`. The folder
    appears by one rename after `make` returns, so it never holds half of what it should; a maker
    that dies leaves a staging folder, which the next maker removes.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.with_name(f".{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _make(folder, make)
    finally:
        os.close(lock)
    return folder


def _make(folder: Path, make: Callable[[Path], None]) -> None:
    for left in folder.parent.glob(f".{folder.name}.making-*"):
        shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.making-", dir=folder.parent))
    staging.chmod(0o755)
    try:
        with room_needed(folder.name, staging):
            make(staging)
            for path in staging.rglob("*"):
                sync(path)
            sync(staging)
        os.rename(staging, folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
