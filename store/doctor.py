"""The doctor: reads everything in a workspace and says what is wrong, where, and what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import cache, connection, damage, gc
from store import catalog as catalogs
from store import manifest as manifests
from store.catalog import FOLDERS, Catalog, Entry
from store.errors import SaetuiError
from store.files import human_bytes
from store.publish import STAGING

if TYPE_CHECKING:
    from store.workspace import Workspace

LITTLE_ROOM = 1_000_000_000
"""Bytes of free disk under which the doctor warns."""


class Finding(NamedTuple):
    """One thing the doctor has to say."""

    level: str
    """``ok``, ``warning`` or ``error``."""
    what: str
    """What was found, a sentence."""
    where: str
    """A path in the workspace, or its root."""
    what_to_do: str
    """What helps, a sentence; empty where nothing is needed."""


def examine(workspace: Workspace) -> list[Finding]:
    """Checks manifests, sizes, checksums, lineage, labels, job files, leftovers, disk and views.

    Reads every published byte once. Files found damaged are remembered, and the views leave them
    out from now on, so that the rest stays usable; a file that was put right is taken back.
    """
    root = workspace.root
    catalog = workspace.catalog()
    entries = list(catalog.entries())
    findings = [*_folders(root), *_manifests(root), *_files(root, entries), *_inputs(catalog)]
    findings += [*_labels(root), *_jobs(root), *_leftovers(workspace), *_disk(root)]
    findings += [*_kept(root), *_views(workspace)]
    if not any(finding.level == "error" for finding in findings):
        count = sum(len(entry.manifest["files"]) for entry in entries)
        said = f"{count} files of {len(entries)} publications are as their manifests say."
        findings.insert(0, Finding("ok", said, str(root), ""))
    return findings


def _folders(root: Path) -> Iterator[Finding]:
    """What should be a folder and is something else, so that nothing can be written there."""
    for name in (*FOLDERS, STAGING):
        if (path := root / name).exists() and not path.is_dir():
            yield Finding(
                "error",
                f"{name} is no folder, so nothing can be written there.",
                str(path),
                "Move it out of the workspace; the folder is made when it is needed.",
            )


def _manifests(root: Path) -> Iterator[Finding]:
    """Manifests that cannot be read, and folders with files that nothing published."""
    for home in ("corpora", "dictionaries", "tables"):
        for folder in catalogs.folders(root / home):
            if manifests.read(Path(folder.path)) is None:
                yield Finding(
                    "error",
                    "The manifest is damaged, so nothing here is visible.",
                    folder.path,
                    _again("it"),
                )
        for path in _unpublished(root / home):
            yield Finding(
                "warning",
                "Files lie here that no manifest lists; they are not visible.",
                str(path),
                "Move them out of the workspace, or delete them.",
            )


def _unpublished(folder: Path) -> Iterator[Path]:
    if not folder.is_dir() or (folder / manifests.NAME).exists():
        return
    inside = list(folder.iterdir())
    if any(path.is_file() for path in inside):
        yield folder
    for path in sorted(inside):
        if path.is_dir() and not path.is_symlink():
            yield from _unpublished(path)


def _files(root: Path, entries: list[Entry]) -> Iterator[Finding]:
    found: dict[Path, str] = {}
    for entry in entries:
        for name, file in entry.manifest["files"].items():
            path = entry.folder / name
            glance = catalogs.glance(path, file["bytes"])
            why = glance or damage.by_reading(path, file.get("sha256"))
            if why:
                found[path] = why
                made = entry.manifest.get("job")
                yield Finding("error", f"{path.name} is damaged: {why}.", str(path), _again(made))
    damage.note(root, found)


def _again(job: object) -> str:
    by = f" (`saetui jobs retry {job}`)" if job and job != "it" else ""
    return f"Copy it from a backup, or run the job that made it again{by}."


def _inputs(catalog: Catalog) -> Iterator[Finding]:
    """Things whose inputs are gone: they still work, but cannot be traced to the end."""
    there = {*catalog.corpora, *catalog.dictionaries}
    for dictionary, entry in catalog.dictionaries.items():
        corpus = entry.manifest.get("corpus")
        if isinstance(corpus, str) and corpus not in there:
            yield Finding(
                "warning",
                f"{dictionary} was trained on corpus {corpus}, which is not here.",
                str(entry.folder),
                "Nothing, unless it is to be profiled; then publish the corpus again.",
            )
    for run in catalog.runs:
        if run.scope and run.manifest.get("table") == "features" and run.scope not in there:
            yield Finding(
                "warning",
                f"Features of {run.scope} are here, but the dictionary is not.",
                str(run.folder),
                "Copy the dictionary here, or delete this folder.",
            )


def _labels(root: Path) -> Iterator[Finding]:
    for path in sorted((root / "labels").glob("*.jsonl")):
        for number, line in enumerate(_content(path).splitlines(), 1):
            if line.strip() and not _is_object(line):
                yield Finding(
                    "warning",
                    f"Line {number} is not JSON and is passed over.",
                    str(path),
                    "Put the line right, or delete it.",
                )


def _jobs(root: Path) -> Iterator[Finding]:
    for stray in sorted(path for path in (root / "jobs").glob("[a-z]*") if not path.is_dir()):
        yield Finding(
            "warning",
            f"{stray.name} is no job: a job is a folder.",
            str(stray),
            "Move it out of the workspace, or delete it.",
        )
    for folder in sorted((root / "jobs").glob("*/")):
        for name in ("spec.json", "state.json"):
            path = folder / name
            if not _is_object(_content(path)):
                yield Finding(
                    "warning",
                    f"{name} of job {folder.name} is {'damaged' if path.exists() else 'missing'}.",
                    str(path),
                    f"Remove the job with `saetui jobs rm {folder.name}`.",
                )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


def _leftovers(workspace: Workspace) -> Iterator[Finding]:
    if left := gc.collect(workspace, dry_run=True):
        yield Finding(
            "warning",
            f"{len(left)} folders were replaced by newer runs, left by writers that died, or are "
            "caches that nobody used for a week.",
            str(workspace.root),
            f"Free the space with `saetui gc {workspace.root}`.",
        )


def _kept(root: Path) -> Iterator[Finding]:
    if found := cache.kept(root):
        size = human_bytes(sum(one.size for one in found))
        said = f"Kept activations take {size}; `saetui gc --list` names them."
        yield Finding("ok", said, str(root / cache.FOLDER), "")


def _disk(root: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(root).free
    level = "warning" if free < LITTLE_ROOM else "ok"
    todo = "Make room before starting jobs." if level == "warning" else ""
    yield Finding(level, f"{human_bytes(free)} are free on this disk.", str(root), todo)


def _views(workspace: Workspace) -> Iterator[Finding]:
    """Writes ``workspace.duckdb`` anew, with what was found: it may be damaged itself."""
    path = workspace.root / connection.FILE
    try:
        connection.write_file(workspace, anew=True)
    except (OSError, SaetuiError) as error:
        yield Finding("warning", f"It cannot be written: {error}.", str(path), "See to its rights.")
