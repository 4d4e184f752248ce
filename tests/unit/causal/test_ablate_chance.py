"""Edges that are there are found, and chance gives no more than the stated rate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jobs.causal import nulls
from jobs.causal.bootstrap import interval
from tests.unit.causal.planted import Outcome


def test_planted_links_are_found_and_little_else() -> None:
    linked, false, found = 12, [], []
    for seed in range(5):
        outcome = Outcome(linked, 24, seed, reach=1)
        true = {(i, i) for i in range(linked)}
        found.append(len(outcome.significant & true) / linked)
        false.append(len(outcome.significant - true) / max(1, len(outcome.significant)))
    assert np.mean(false) <= 0.05
    assert np.mean(found) > 0.7


def test_documents_that_read_the_same_make_no_effect_surer() -> None:
    once, often = (Outcome(4, 8, 0, times=times).found for times in (1, 3))
    assert (often["n"] == 3 * once["n"]).all()
    assert (once["low"] < once["high"]).any()
    for key in ("feature", "column", "effect", "low", "high"):
        assert np.allclose(once[key], often[key], rtol=1e-3, atol=1e-6)


def test_where_nothing_is_linked_nothing_counts() -> None:
    """24 sources over 128 features each and the metric: 3,000 pairs a run."""
    assert sum(bool(Outcome(0, 24, seed).significant) for seed in range(6)) <= 1


def test_sources_are_exactly_their_nulls_where_nothing_is_linked() -> None:
    """Their z reach the upper end of the nulls' no more often than nulls' own do."""
    counts = sum(Outcome(0, 24, seed).found["counts"][:, 0] for seed in range(20, 24))
    reach = counts[:, ::-1].cumsum(1)[:, ::-1] / counts.sum(1, keepdims=True)
    for kind in (1, 2):
        for share in (0.1, 0.01, 0.001):
            at = int((reach[kind] <= share).argmax())
            assert reach[0, at] <= 1.3 * share
        assert reach[0, int((reach[kind] <= 0.5).argmax())] > 0.3  # nor are they smaller


def exact(mean: torch.Tensor) -> nulls.Means:
    """Effects that are the same in every document."""
    return nulls.Means(mean, torch.zeros_like(mean))


def test_a_source_is_held_against_the_larger_nulls() -> None:
    effect = torch.tensor([2.0, 0.0, 3.0])
    chance = torch.tensor([[1.0, 0.0, 0.0], [-2.0, 0.0, 0.0], [3.0, 1.0, 0.0]])
    z = nulls.standardise(exact(effect), exact(chance))
    # of three targets there is no common scale: all nulls but the smallest, and all but itself
    assert float(z.source[0]) == pytest.approx(2 / ((4 + 9) / 2) ** 0.5)
    assert float(z.nulls[1, 0]) == pytest.approx(2 / ((1 + 9) / 2) ** 0.5)
    assert float(z.source[1]) == 0 and float(z.nulls[0, 1]) == 0
    assert float(z.source[2]) == float(z.nulls[2, 1]) == 2.0**24  # nothing else ever moves it


def test_a_family_lends_its_scale_to_targets_that_nulls_hardly_touch() -> None:
    effect, chance = torch.ones(100), torch.zeros(6, 100)
    chance[:, 50:] = 1.0
    z = nulls.standardise(exact(effect), exact(chance))
    assert float(z.source[0]) == pytest.approx(((nulls.PRIOR + 5) / (nulls.PRIOR * 0.5)) ** 0.5)
    assert float(z.source[0]) > float(z.source[99]) > 0.9
    nowhere = nulls.standardise(exact(torch.zeros(100)), exact(torch.zeros(6, 100)))
    assert not nowhere.source.any() and not nowhere.nulls.any()


def test_what_happens_in_one_document_alone_counts_for_little() -> None:
    values = torch.tensor([[6.0, 1.0, 1.0], [0.0, 1.0, 2.0], [0.0, 1.0, 0.0]])
    found = nulls.means(values.sum(0), values.square().sum(0), 3)
    assert torch.allclose(found.mean, values.mean(0))
    assert torch.allclose(found.error, values.std(0) / 3**0.5, atol=1e-3)
    z = nulls.standardise(found, exact(torch.full((4, 3), 0.1)))
    assert float(z.source[0]) <= 2 < float(z.source[1])
    once = nulls.means(values[0], values[0].square(), 1)
    assert (nulls.standardise(once, exact(torch.full((4, 3), 0.1))).source <= 2).all()


def test_false_discoveries_are_controlled_as_one_by_one() -> None:
    """Bins give Benjamini and Hochberg's q of every pair, but for their width."""
    random = torch.Generator().manual_seed(0)
    null = torch.randn(20_000, generator=random).abs().sort().values
    z = torch.cat([torch.randn(2000, generator=random).abs(), torch.full((40,), 6.0)])
    found = nulls.chances(nulls.count(z), [nulls.count(null), nulls.count(null / 2)])
    p = (1 + len(null) - torch.searchsorted(null, z)).double() / (1 + len(null))
    order = p.argsort()
    q = (p[order] * len(p) / torch.arange(1, len(p) + 1)).flip(0).cummin(0).values.flip(0)
    at = nulls.bins(z[order])
    assert (found.p[at] >= p[order].numpy() - 1e-12).all()  # never better than it is
    assert np.allclose(found.p[at], p[order], rtol=0.1, atol=3e-4)
    assert np.allclose(found.q[at], q, rtol=0.15, atol=1e-3)
    assert 40 <= (found.q[at] <= 0.05).sum() <= int((q <= 0.05).sum())
    assert found.exceed[at[0]] == 0


def test_matched_features_fire_as_often_and_write_as_much() -> None:
    fires = np.array([0, 10, 10, 11, 9, 10, 1000, 1000, 10, 10])
    writes = np.array([1.0, 1, 1, 1, 1, 1.1, 1, 1, 50, 0.9])
    near = {tuple(nulls.matched(1, fires, writes, 2, seed).tolist()) for seed in range(40)}
    assert len(near) > 5
    few = nulls.matched(1, fires, writes, 20, 0)
    assert 0 not in few and 1 not in few and len(few) == 8
    many = np.tile(fires, 20), np.tile(writes, 20)
    for seed in range(5):
        chosen = nulls.matched(1, *many, 2, seed)
        assert set(fires[chosen % 10]) <= {9, 10, 11} and set(writes[chosen % 10]) <= {0.9, 1, 1.1}


def test_intervals_hold_the_mean() -> None:
    random = np.random.default_rng(0)
    inside = []
    for seed in range(60):
        low, high = interval(random.normal(1.0, 1.0, (16, 3)), seed)
        inside += ((low < 1.0) & (high > 1.0)).tolist()
    assert 0.85 < np.mean(inside) < 0.99
    assert np.isnan(interval(np.ones((1, 2)), 0)[0]).all()
