"""A search that is killed without a word goes on to the same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.killing import killed, start
from tests.unit.causal import small, test_circuit
from tests.unit.causal import test_circuit_spans as spans
from tests.unit.causal.test_circuit import TABLES


def parts(folder: Path) -> list[Path]:
    return sorted(p for name in TABLES for p in (folder / "tables" / name).rglob("*.parquet"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("worker", "write_task"),
    [("circuit_worker", test_circuit.write_task), ("circuit_spans_worker", spans.write_task)],
)
def test_killed_at_random_moments(
    tmp_path: Path, worker: str, write_task: Callable[[Path, Path], None]
) -> None:
    small.models(tmp_path / "model", ())
    write_task(tmp_path / "task.jsonl", tmp_path / "model")
    small.workspace(tmp_path / "whole", tmp_path / "model")
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    assert start(worker, tmp_path / "whole").wait() == 0
    assert killed(worker, tmp_path / "killed", steps=(0.2, 0.4), seed=3)
    one, other = parts(tmp_path / "whole"), parts(tmp_path / "killed")
    assert len(one) == len(TABLES)
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]
