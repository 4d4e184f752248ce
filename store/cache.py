"""What may be thrown away: results that take long to make and are made again where they are gone.

``cache/<id>/`` holds files of one origin, each named ``<key>.<sha256 of its content>``: by what was
asked for, and by what must be in it. A file appears whole, by rename, and is read whole, so that a
damaged one is known before it is used. Whoever uses an id holds its lock, shared; a folder is taken
away only by who holds it alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from store.files import folder_bytes, replace, sha256
from store.lock import alone, shared
from store.publish import staged

FOLDER = "cache"
ABOUT = "about.json"
STALE = 7 * 24 * 3600.0
"""Seconds after which `store.gc` takes away what nobody used."""


class Found(NamedTuple):
    """What a file held."""

    content: bytes | None
    """None where there is no sound one."""
    damaged: bool
    """Whether there was only one whose content is not what its name says; it is gone now."""


class Kept(NamedTuple):
    """One id, as it lies there."""

    id: str
    """E.g. ``smollm2/L12.resid_post/5f0c6d1e93a2``."""
    size: int
    """Bytes."""
    unused: float
    """Seconds since it was last used."""
    about: dict[str, Any]
    """What its files come from, as their maker said."""


class Shelf:
    """The files of one id, held for use until `close`."""

    def __init__(self, root: Path, id: str, about: Mapping[str, Any]) -> None:
        """`root` is the workspace's; `about` says in words what the files come from."""
        self.root, self.id = root, id
        self.folder = root / FOLDER / id
        self._lock = self._taken()
        if not (self.folder / ABOUT).exists():
            replace(self.folder / ABOUT, json.dumps(about, indent=1, default=str) + "\n")
        os.utime(self.folder / ABOUT)  # tells when it was last used

    def close(self) -> None:
        """Lets go of it."""
        os.close(self._lock)

    def read(self, key: str) -> Found:
        """The content kept under `key`; a damaged file is removed."""
        damaged = False
        for path in sorted(self.folder.glob(f"{key}.*")):
            with suppress(OSError):
                content = path.read_bytes()
                if hashlib.sha256(content).hexdigest() == path.suffix[1:]:
                    return Found(content, False)
                damaged = True
                path.unlink()
        return Found(None, damaged)

    def write(self, key: str, fill: Callable[[Path], None]) -> int:
        """Keeps the file that `fill` writes where it is told to; returns its bytes.

        Raises SaetuiError where the disk is full.
        """
        with staged(self.root, FOLDER) as draft:
            path = draft / "content"
            fill(path)
            size = path.stat().st_size
            os.rename(path, self.folder / f"{key}.{sha256(path)}")
        return size

    def _taken(self) -> int:
        """A shared lock on the folder, made again if it was taken away in between."""
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            if (handle := shared(self.folder)) is not None:
                return handle


def used(root: Path) -> int:
    """Bytes that everything kept takes."""
    return folder_bytes(root / FOLDER)


def kept(root: Path) -> list[Kept]:
    """Everything that is kept, by id."""
    found = []
    for path in sorted((root / FOLDER).glob(f"**/{ABOUT}")):
        with suppress(OSError, ValueError):
            about = json.loads(path.read_text(encoding="utf-8"))
            id = path.parent.relative_to(root / FOLDER).as_posix()
            unused = max(0.0, time.time() - path.stat().st_mtime)
            found.append(Kept(id, folder_bytes(path.parent), unused, dict(about)))
    return found


def idle(root: Path, seconds: float = 0.0) -> Iterator[Path]:
    """Folders that nobody holds and nobody used for `seconds`, longest unused first."""
    aged = []
    for about in (root / FOLDER).glob(f"**/{ABOUT}"):
        with suppress(OSError):
            aged.append((about.stat().st_mtime, about.parent))
    for moment, folder in sorted(aged):
        if time.time() - moment >= seconds and (handle := alone(folder)) is not None:
            os.close(handle)
            yield folder


def making_room(root: Path, size: int) -> list[Path]:
    """Folders of `idle` to remove so that `size` bytes are free, longest unused first; none where
    all of them together take less.
    """
    chosen = []
    for folder in idle(root):
        if size <= 0:
            break
        chosen.append(folder)
        size -= folder_bytes(folder)
    return chosen if size <= 0 else []


def remove(root: Path, folder: Path) -> int:
    """Takes a folder of `idle` away; returns its bytes, 0 where somebody holds it now."""
    if (handle := alone(folder)) is None:
        return 0
    try:
        size = folder_bytes(folder)
        with staged(root, FOLDER) as bin_folder:
            os.rename(folder, bin_folder / "old")
    finally:
        os.close(handle)
    _without_empty(folder.parent, root / FOLDER)
    return size


def _without_empty(folder: Path, home: Path) -> None:
    while folder != home:
        with suppress(OSError):
            folder.rmdir()
        if folder.exists():
            return
        folder = folder.parent
