"""Rows spilled by document come back by feature, complete and in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jobs.dictionary.profile.spill import Spill, cut, read_block, read_piece
from jobs.dictionary.profile.statistics import BLOCK, concatenate
from tests.unit.profile.test_statistics import some_rows


def test_a_block_gathers_its_rows_from_every_piece(tmp_path: Path) -> None:
    spill = Spill(tmp_path, "0", piece=500)
    everything = [some_rows(200, 0, 3000, seed) for seed in range(9)]
    for rows in everything:
        spill.add(rows)
    spill.flush()
    pieces, whole = sorted(tmp_path.iterdir()), concatenate(everything)
    assert len(pieces) == 3
    for block in range(4):
        expected = whole.take(whole.feature // BLOCK == block)
        for one, other in zip(read_block(pieces, block), expected, strict=True):
            np.testing.assert_array_equal(one, other)
    some = read_block(pieces, 1, 1100, 1200)
    assert some.size == ((whole.feature >= 1100) & (whole.feature < 1200)).sum()
    assert sum(read_piece(piece).size for piece in pieces) == whole.size


def test_nothing_added_writes_nothing(tmp_path: Path) -> None:
    spill = Spill(tmp_path, "0")
    spill.add(concatenate([]))
    spill.flush()
    assert list(tmp_path.iterdir()) == []
    assert read_block([], 0).size == 0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=2500))
def test_cuts_cover_every_feature_once_within_blocks_and_limits(counts: list[int]) -> None:
    found = cut(np.array(counts), limit=60)
    assert [low for low, _ in found] == [0, *(high for _, high in found)][:-1]
    assert found[-1][1] == len(counts)
    for low, high in found:
        assert low // BLOCK == (high - 1) // BLOCK
        assert sum(counts[low:high]) <= 60
