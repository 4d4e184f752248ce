"""A search that is killed without a word goes on to the same bytes."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.causal import small
from tests.unit.causal.test_circuit import TABLES, write_task

ROOT = Path(__file__).parents[2]


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.fault.circuit_worker", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def parts(folder: Path) -> list[Path]:
    return sorted(p for name in TABLES for p in (folder / "tables" / name).rglob("*.parquet"))


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    small.models(tmp_path / "model", ())
    write_task(tmp_path / "task.jsonl", tmp_path / "model")
    small.workspace(tmp_path / "whole", tmp_path / "model")
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    assert start(tmp_path / "whole").wait() == 0
    moments, share, kills = random.Random(3), 0.0, 0
    while True:
        process = start(tmp_path / "killed")
        assert process.stdout is not None
        until = share + moments.uniform(0.2, 0.4)
        for line in process.stdout:
            share = float(line)
            if share > until:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        if process.wait() == 0:
            break
        kills += 1
    assert kills
    one, other = parts(tmp_path / "whole"), parts(tmp_path / "killed")
    assert len(one) == len(TABLES)
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]
