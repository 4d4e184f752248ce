"""What is published: the manifests of a workspace, and which of their runs count.

A run is live while no newer run of the same table has the same scope (a dictionary profiled
again); older ones stay on disk until `store.gc` collects them. A part that is shorter or longer
than its manifest says, or is no Parquet file, is left out of every view and told by `damaged`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from store import damage
from store import manifest as manifests
from store.manifest import Manifest

FOLDERS = ("corpora", "dictionaries", "tables", "jobs", "labels")
"""The folders of a workspace."""

_MAGIC = b"PAR1"


class Entry(NamedTuple):
    """A published folder."""

    id: str
    folder: Path
    manifest: Manifest
    parts: tuple[str, ...]
    """Names of the sound Parquet files in it."""
    damaged: tuple[tuple[str, str], ...]
    """``(file name, what is wrong)`` for files left out."""

    @property
    def table(self) -> str:
        """The table it is a run of; empty for dictionaries and corpora."""
        return str(self.manifest.get("table", ""))

    @property
    def scope(self) -> str | None:
        """What the run is about, e.g. a dictionary; newer runs of the same scope replace it."""
        return self.manifest.get("scope")

    @property
    def dictionary(self) -> str | None:
        """The dictionary that all its rows are of: named in the manifest where a run is about more
        than that, else its scope.
        """
        return self.manifest.get("dictionary") or self.scope

    def paths(self, prefix: str) -> list[str]:
        """Absolute paths of the sound Parquet files whose name starts with `prefix`."""
        return [str(self.folder / name) for name in self.parts if name.startswith(prefix)]


@dataclass(frozen=True)
class Catalog:
    """Everything that is published, at one moment."""

    dictionaries: dict[str, Entry] = field(default_factory=dict)
    corpora: dict[str, Entry] = field(default_factory=dict)
    runs: tuple[Entry, ...] = ()
    """Every run of every table, oldest first."""

    def live(self, table: str) -> list[Entry]:
        """The runs of a table that count, oldest first."""
        newest = {self.key(run): run for run in self.runs if run.table == table}
        return list(newest.values())

    def superseded(self) -> list[Entry]:
        """Runs that a newer one replaced."""
        newest = {self.key(run): run for run in self.runs}
        return [run for run in self.runs if newest[self.key(run)] is not run]

    @staticmethod
    def key(run: Entry) -> tuple[str, str]:
        """Runs of the same key replace each other."""
        # Without a scope, a run is about itself; only its own re-publication (…~2) replaces it.
        return run.table, run.scope or f"\0{run.manifest.get('run', run.id)}"

    def entries(self) -> Iterator[Entry]:
        """All published folders."""
        yield from self.corpora.values()
        yield from self.dictionaries.values()
        yield from self.runs

    def damaged(self) -> list[tuple[Path, str]]:
        """Files left out of the views, with what is wrong with each."""
        return [
            (entry.folder / name, why) for entry in self.entries() for name, why in entry.damaged
        ]


Seen = dict[Path, tuple[tuple[int, int], Entry]]
"""What an earlier scan read, by folder, with the manifest's inode and modification time."""


def scan(root: Path, seen: Seen | None = None) -> Catalog:
    """Reads every manifest; those in `seen` that did not change are not read again."""
    seen = {} if seen is None else seen
    bad = damage.known(root)
    dictionaries, corpora, tables = (
        [_without(root, entry, bad) for entry in _entries(root / home, seen)]
        if bad
        else _entries(root / home, seen)
        for home in ("dictionaries", "corpora", "tables")
    )
    runs = [run for run in tables if run.table]
    runs.sort(key=lambda run: (str(run.manifest.get("published_at", "")), run.folder.name))
    return Catalog(
        {entry.id: entry for entry in dictionaries},
        {entry.id: entry for entry in corpora},
        tuple(runs),
    )


def folders(home: Path) -> Iterator[os.DirEntry[str]]:
    """Folders under `home`, at any depth, that hold a manifest; in the order of their names."""
    try:
        with os.scandir(home) as found:
            inside = sorted((e for e in found if e.is_dir(follow_symlinks=False)), key=_name)
    except OSError:
        return
    for entry in inside:
        if entry.name.startswith("."):
            continue
        if os.path.exists(os.path.join(entry.path, manifests.NAME)):
            yield entry
        else:
            yield from folders(Path(entry.path))


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _entries(home: Path, seen: Seen) -> list[Entry]:
    entries = []
    for found in folders(home):
        folder = Path(found.path)
        with suppress(OSError):
            status = os.stat(folder / manifests.NAME)
            stamp = (status.st_ino, status.st_mtime_ns)
            if folder not in seen or seen[folder][0] != stamp:
                entry = read_entry(home, folder)
                if entry is None:
                    continue
                seen[folder] = (stamp, entry)
            entries.append(seen[folder][1])
    return entries


def _without(root: Path, entry: Entry, bad: damage.Known) -> Entry:
    """The entry without the files that are known to be damaged."""
    base = entry.folder.relative_to(root).as_posix()
    found = [(name, bad[f"{base}/{name}"][2]) for name in entry.parts if f"{base}/{name}" in bad]
    names = {name for name, _ in found}
    parts = tuple(name for name in entry.parts if name not in names)
    return entry._replace(parts=parts, damaged=(*entry.damaged, *found))


def read_entry(home: Path, folder: Path) -> Entry | None:
    """The published folder with the files that are sound at a glance; None without a manifest.

    The id is where the folder lies, so that a copied or renamed folder is found by its new name.
    """
    manifest = manifests.read(folder)
    if manifest is None:
        return None
    parts, damaged = [], []
    for name, entry in manifest["files"].items():
        if why := glance(folder / name, entry["bytes"]):
            damaged.append((name, why))
        elif name.endswith(".parquet"):
            parts.append(name)
    return Entry(
        folder.relative_to(home).as_posix(), folder, manifest, tuple(parts), tuple(damaged)
    )


def glance(path: Path, expected: int) -> str:
    """What is wrong with a published file, seen from its ends: missing, size, Parquet magic."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be opened ({error.strerror})"
    try:
        size = os.fstat(handle).st_size
        if size != expected:
            return f"it has {size} bytes, its manifest says {expected}"
        if path.suffix == ".parquet":
            start, end = os.pread(handle, 4, 0), os.pread(handle, 8, max(0, size - 8))
            if start != _MAGIC or end[4:] != _MAGIC:
                return "it is not a Parquet file"
            if int.from_bytes(end[:4], "little") > size - 12:
                return "its footer is damaged"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    finally:
        os.close(handle)
    return ""


def signature(root: Path) -> tuple[tuple[str, int], ...]:
    """Changes whenever a folder is published or removed: the times of the folders above them."""
    times: list[tuple[str, int]] = []
    for home in ("corpora", "dictionaries", "tables"):
        _times(os.path.join(root, home), times)
    times.append((damage.FILE, damage.version(root)))
    return tuple(times)


def _times(folder: str, times: list[tuple[str, int]]) -> None:
    with suppress(OSError), os.scandir(folder) as found:
        times.append((folder, os.stat(folder).st_mtime_ns))
        for entry in sorted(found, key=_name):
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                if os.path.exists(os.path.join(entry.path, manifests.NAME)):
                    times.append((entry.path, 0))
                else:
                    _times(entry.path, times)
