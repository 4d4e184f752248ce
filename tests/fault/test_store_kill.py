"""A writer is killed at a random moment: a reader never sees anything half-written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from store import Workspace, doctor, gc
from store.files import sha256

KILLS = 6


def test_kill_at_random_moments(tmp_path: Path) -> None:
    """Each round: start, kill -9 somewhere inside, look. A reader looks all the while, too."""
    chance = random.Random(7)
    workspace = Workspace.create(tmp_path / "ws")
    connection = workspace.connect()
    for number in range(KILLS):
        writer = start(workspace.root, number)
        end = time.monotonic() + chance.uniform(0.02, 0.8)
        while time.monotonic() < end:
            workspace.refresh(connection)
            whole_in_views(connection)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        whole_on_disk(workspace)
        workspace.refresh(connection)
        whole_in_views(connection)
        whole_in_file(workspace.root)
    assert workspace.catalog().runs
    assert not [f for f in doctor.examine(workspace) if f.level == "error"]
    left_behind(workspace)


def start(root: Path, number: int) -> subprocess.Popen[str]:
    script = Path(__file__).with_name("store_writer.py")
    writer = subprocess.Popen(
        [sys.executable, str(script), str(root), str(number)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert writer.stdout and writer.stdout.readline() == "ready\n"
    return writer


def whole_in_views(connection: duckdb.DuckDBPyConnection) -> None:
    ask = "SELECT count(*), count(DISTINCT feature) FROM activations"
    rows = connection.execute(ask).fetchone()
    assert rows in ((0, 0), (4000, 4000))
    assert connection.execute("SELECT count(*) FROM features").fetchone() in ((0,), (2,))
    curves = "SELECT dictionary FROM training GROUP BY dictionary HAVING count(*) <> 2"
    assert connection.execute(curves).fetchall() == []


def whole_on_disk(workspace: Workspace) -> None:
    catalog = Workspace(workspace.root).catalog()
    assert catalog.damaged() == []
    for entry in catalog.entries():
        inside = {path.name for path in entry.folder.iterdir()}
        assert inside == {*entry.manifest["files"], "manifest.json"}
        for name, file in entry.manifest["files"].items():
            assert sha256(entry.folder / name) == file["sha256"]


def whole_in_file(root: Path) -> None:
    if (root / "workspace.duckdb").exists():
        with duckdb.connect(str(root / "workspace.duckdb"), read_only=True) as shell:
            whole_in_views(shell)


def left_behind(workspace: Workspace) -> None:
    """What the dead left in staging is seen as theirs, and collected; nothing else is."""
    staging = workspace.root / ".staging"
    for folder in staging.iterdir():
        if folder.is_dir():
            os.utime(folder, (0, 0))
    live = {
        run.folder
        for table in ("activations", "features")
        for run in workspace.catalog().live(table)
    }
    removed = gc.collect(workspace, grace=0)
    assert not [path for path in staging.iterdir() if path.is_dir()]
    assert removed and not live & set(removed)
    assert {run.folder for run in workspace.catalog().runs} == live
    whole_in_views(workspace.connect())
