"""No space left: one sentence with the disk and the sizes, nothing half-made, the rest usable."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from store import SaetuiError, Workspace, files
from tests.unit.store.examples import DICTIONARY, dictionary, profile, rows


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB, where one can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only; the test below needs none")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_is_named(small_disk: Path) -> None:
    workspace = Workspace.create(small_disk / "ws")
    dictionary(workspace)
    profile(workspace, "profile-1", density=0.5)
    noise = np.random.default_rng(0).random(2_000_000)
    with pytest.raises(
        SaetuiError,
        match=r"No space left on the disk at .*/disk for .*MB were needed and .* are free",
    ):
        many_rows(workspace, noise)
    assert left_in_staging(workspace.root) == []
    assert workspace.sql("SELECT DISTINCT density FROM features").fetchall() == [(0.5,)]
    with pytest.raises(SaetuiError, match="No space left"):
        a_big_dictionary(workspace)
    assert workspace.dictionaries() == [DICTIONARY]
    assert left_in_staging(workspace.root) == []


@pytest.mark.parametrize("call", ["fsync", "rename", "write_table"])
def test_it_may_run_full_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    profile(workspace, "profile-1", density=0.5)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(pq if call == "write_table" else os, call, full)
        with pytest.raises(SaetuiError, match="No space left"):
            profile(workspace, "profile-2", density=0.75)
    assert left_in_staging(workspace.root) == []
    assert workspace.sql("SELECT DISTINCT density FROM features").fetchall() == [(0.5,)]
    profile(workspace, "profile-2", density=0.75)
    assert workspace.sql("SELECT DISTINCT density FROM features").fetchall() == [(0.75,)]


def test_what_is_published_stays_when_the_views_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.create(tmp_path / "ws")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("store.connection.write_file", full)
        dictionary(workspace)
    assert not (workspace.root / "workspace.duckdb").exists()
    assert workspace.sql("SELECT dictionary FROM dictionaries").fetchall() == [(DICTIONARY,)]
    assert (workspace.root / "workspace.duckdb").exists()


def test_other_failures_keep_their_own_words(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), files.room_needed("x", tmp_path):
        raise PermissionError(errno.EACCES, "no")


def many_rows(workspace: Workspace, noise: np.ndarray) -> None:
    with workspace.publish_table("features", run="profile-2", scope=DICTIONARY) as out:
        out.write(rows("features", len(noise), density=noise, feature=np.arange(len(noise))))


def a_big_dictionary(workspace: Workspace) -> None:
    with workspace.publish_folder("dictionaries", "tiny/big") as folder:
        (folder / "sae_weights.safetensors").write_bytes(os.urandom(4_000_000))


def left_in_staging(root: Path) -> list[str]:
    return [path.name for path in (root / ".staging").iterdir() if path.is_dir()]
