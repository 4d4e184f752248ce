"""A feature page shows the strongest activations, one a document, and samples further down."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.dictionary.profile.examples import BANDS, PER_BAND, choose_examples
from jobs.dictionary.profile.statistics import Rows, strongest_first
from tests.unit.profile.test_statistics import some_rows


@pytest.fixture(scope="module")
def block():  # type: ignore[no-untyped-def]
    random = np.random.default_rng(0)
    n = 20_000
    rows = Rows(
        (random.zipf(1.3, n) % 64).astype(np.uint32),
        np.sort(random.integers(0, 400, n)).astype(np.uint32),
        random.integers(0, 64, n).astype(np.uint16),
        random.exponential(1, n).astype(np.float32),
    )
    return strongest_first(rows, 0, 64)


def test_the_strongest_are_the_best_of_each_document(block) -> None:  # type: ignore[no-untyped-def]
    chosen = choose_examples(block, top=8, seed=0)
    for feature in range(64):
        low, high = block.starts[feature : feature + 2]
        docs, best = block.rows.doc[low:high], block.rows.activation[low:high]
        expected = sorted((best[docs == doc].max() for doc in np.unique(docs)), reverse=True)[:8]
        mine = (chosen.feature == feature) & np.isnan(chosen.quantile)
        np.testing.assert_array_equal(block.rows.activation[chosen.row[mine]], expected)


def test_no_document_is_shown_twice_and_ranks_count_up(block) -> None:  # type: ignore[no-untyped-def]
    chosen = choose_examples(block, top=8, seed=0)
    for feature in range(64):
        mine = chosen.feature == feature
        docs = block.rows.doc[chosen.row[mine]]
        assert len(np.unique(docs)) == len(docs)
        assert chosen.rank[mine].tolist() == list(range(mine.sum()))


def test_samples_come_from_the_share_they_name(block) -> None:  # type: ignore[no-untyped-def]
    chosen = choose_examples(block, top=8, seed=0)
    sampled = ~np.isnan(chosen.quantile)
    counts = block.counts[chosen.feature[sampled]]
    depth = (chosen.row[sampled] - block.starts[chosen.feature[sampled]]) / counts
    assert np.all(np.abs(1 - depth - chosen.quantile[sampled]) <= 0.5 / BANDS + 1 / counts)
    busiest = block.counts.argmax()
    assert (sampled & (chosen.feature == busiest)).sum() == BANDS * PER_BAND


def test_the_seed_decides_the_samples_and_nothing_else(block) -> None:  # type: ignore[no-untyped-def]
    one, same, other = (choose_examples(block, 8, seed) for seed in (1, 1, 2))
    assert one.row.tolist() == same.row.tolist() != other.row.tolist()
    assert one.row[np.isnan(one.quantile)].tolist() == other.row[np.isnan(other.quantile)].tolist()


def test_a_feature_that_lives_in_one_document_is_searched_to_its_end() -> None:
    """999 strong activations in document 0, a weak one in document 1: both are shown."""
    n = 1000
    rows = Rows(
        np.zeros(n, np.uint32),
        np.array([0] * (n - 1) + [1], np.uint32),
        np.arange(n, dtype=np.uint16),
        np.linspace(9, 1, n).astype(np.float32),
    )
    chosen = choose_examples(strongest_first(rows, 0, 1), top=4, seed=0)
    assert chosen.row.tolist() == [0, n - 1]


def test_nothing_fires_nothing_is_shown() -> None:
    assert len(choose_examples(strongest_first(some_rows(0, 0, 4, 0), 0, 4), 8, 0).row) == 0
