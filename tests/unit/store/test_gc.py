"""Garbage: what newer runs replaced, never what somebody may still use."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store import Workspace, gc
from tests.unit.store.examples import DICTIONARY, dictionary, profile


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "ws")
    dictionary(workspace)
    return workspace


@contextmanager
def living_job(workspace: Workspace, job: str, spec: dict[str, object]) -> Iterator[None]:
    """A job whose supervisor lives: it holds the lock."""
    folder = workspace.job_folder(job)
    folder.mkdir()
    (folder / "spec.json").write_text(json.dumps(spec))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_replaced_runs_go_and_live_ones_stay(workspace: Workspace) -> None:
    old = profile(workspace, "profile-1", density=0.25)
    new = profile(workspace, "profile-2", density=0.5)
    assert gc.collect(workspace) == [], "a reader may still have the old views"
    assert gc.collect(workspace, dry_run=True, grace=0) == [old]
    assert old.exists()
    assert gc.collect(workspace, grace=0) == [old]
    assert not old.exists() and new.exists()
    assert workspace.sql("SELECT DISTINCT density FROM features").fetchall() == [(0.5,)]
    assert gc.collect(workspace, grace=0) == []


def test_what_a_living_job_names_or_made_is_kept(workspace: Workspace) -> None:
    old = profile(workspace, "profile-1", density=0.25)
    profile(workspace, "profile-2", density=0.5)
    with living_job(workspace, "cluster-1", {"dictionaries": [DICTIONARY]}):
        assert gc.collect(workspace, grace=0) == []
    with living_job(workspace, "profile-1", {}):
        assert gc.collect(workspace, grace=0) == []
    assert gc.collect(workspace, grace=0) == [old]


def test_staging_of_the_dead_goes_and_of_the_living_stays(workspace: Workspace) -> None:
    dead = workspace.root / ".staging" / "features.of.profile-9.abc"
    dead.mkdir()
    assert gc.collect(workspace) == [], "its writer may just be starting"
    os.utime(dead, (0, 0))
    with workspace.publish_folder("dictionaries", "tiny/slow") as alive:
        os.utime(alive, (0, 0))
        assert gc.collect(workspace) == [dead]
        assert alive.exists() and not dead.exists()
    assert "tiny/slow" in workspace.dictionaries()
