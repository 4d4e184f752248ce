"""Statistics of many features at once are those that NumPy gives feature by feature."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dictionary.profile.statistics import (
    BINS,
    Rows,
    ranges,
    rank_within,
    statistics,
    strongest_first,
)


def some_rows(n: int, first: int, features: int, seed: int, decimals: int = 6) -> Rows:
    random = np.random.default_rng(seed)
    activation = np.round(random.exponential(1.0, n), decimals).astype(np.float32) + 1e-6
    return Rows(
        (first + random.zipf(1.4, n) % features).astype(np.uint32),
        np.sort(random.integers(0, 50, n)).astype(np.uint32),
        random.integers(0, 64, n).astype(np.uint16),
        activation.astype(np.float32),
    )


@settings(deadline=None, max_examples=40)
@given(n=st.integers(0, 800), seed=st.integers(0, 999), decimals=st.sampled_from([0, 1, 6]))
def test_every_statistic_is_exact(n: int, seed: int, decimals: int) -> None:
    first, features = 2048, 40
    rows = some_rows(n, first, features, seed, decimals)
    found = statistics(strongest_first(rows, first, features))
    for feature in range(features):
        mine = rows.activation[rows.feature == first + feature]
        assert found.counts[feature] == len(mine)
        if not len(mine):
            assert np.isnan(found.mean[feature]) and np.isnan(found.largest[feature])
            assert found.histogram[feature].sum() == 0
            continue
        assert found.largest[feature] == mine.max()
        assert found.mean[feature] == pytest.approx(mine.astype(float).mean())
        exact, _ = np.histogram(mine.astype(float), BINS, (0, float(mine.max())))
        np.testing.assert_array_equal(found.histogram[feature], exact)


def test_ties_keep_the_order_of_reading() -> None:
    rows = Rows(
        np.array([7, 5, 7, 7], np.uint32),
        np.array([0, 1, 2, 3], np.uint32),
        np.zeros(4, np.uint16),
        np.array([1.0, 9.0, 2.0, 1.0], np.float32),
    )
    block = strongest_first(rows, 4, 4)
    assert block.rows.doc.tolist() == [1, 2, 0, 3]
    assert block.counts.tolist() == [0, 1, 0, 3]


def test_a_block_too_large_for_packed_keys_sorts_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = some_rows(5000, 0, 300, 1, decimals=1)
    packed = strongest_first(rows, 0, 300)
    monkeypatch.setattr("jobs.dictionary.profile.statistics._ROW_BITS", 10)
    plain = strongest_first(rows, 0, 300)
    for one, other in zip(packed.rows, plain.rows, strict=True):
        np.testing.assert_array_equal(one, other)


def test_ranges_and_ranks() -> None:
    assert ranges(np.array([10, 3]), np.array([3, 2])).tolist() == [10, 11, 12, 3, 4]
    assert ranges(np.array([], int), np.array([], int)).tolist() == []
    assert rank_within(np.array([4, 4, 9, 4])).tolist() == [0, 1, 0, 0]
