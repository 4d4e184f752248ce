"""An ablation that is killed without a word goes on to the same bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fault.killing import killed, start
from tests.unit.causal import small


def parts(folder: Path) -> list[Path]:
    return sorted((folder / "tables" / "edges").rglob("*.parquet"))


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    small.models(tmp_path / "model", ())
    small.workspace(tmp_path / "whole", tmp_path / "model")
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    assert start("ablate_worker", tmp_path / "whole").wait() == 0

    def nothing_half_made() -> None:
        assert not parts(tmp_path / "killed")

    steps = (0.25, 0.5)
    assert killed("ablate_worker", tmp_path / "killed", steps, seed=3, after=nothing_half_made)
    one, other = parts(tmp_path / "whole"), parts(tmp_path / "killed")
    assert one and [p.read_bytes() for p in one] == [p.read_bytes() for p in other]
