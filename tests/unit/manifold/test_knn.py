"""Nearest rows found by way of bytes, held against the long way round."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jobs.manifold import coarse, knn
from jobs.manifold.firing import Firing, Together
from jobs.manifold.graph import Graph
from jobs.manifold.knn import largest, nearest, nearest_to
from jobs.manifold.mixed import Mixed
from jobs.manifold.recall import recall
from jobs.manifold.similarity import Directions
from tests.unit.manifold.made import blobs, noise

K = 8


@pytest.mark.parametrize("columns", [7, 100, 1_000, 5_003])
def test_the_largest_of_groups_are_the_largest_of_all(columns: int) -> None:
    values = torch.randint(-100_000, 100_000, (9, columns), dtype=torch.int32)
    found, where = largest(values, 5)
    assert torch.equal(found, values.topk(5, dim=1).values)
    assert torch.equal(values.gather(1, where), found)


def by_cosine(rows: torch.Tensor, others: torch.Tensor, k: int) -> torch.Tensor:
    return (rows @ others.T).topk(k, dim=1).indices


@pytest.fixture
def in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of half a million rows, on a processor that multiplies bytes; in several blocks."""
    monkeypatch.setattr(coarse, "_WORTH", 0)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: True)
    monkeypatch.setattr(knn, "_ROWS", 100)
    monkeypatch.setattr(knn, "_COLUMNS", 300)


@pytest.mark.usefixtures("in_bytes")
def test_bytes_find_the_same_neighbours_though_one_coordinate_stands_out() -> None:
    rows = noise(700, 24, 0)
    rows[:, 3] += 2 * rows.abs().max()  # as the residual stream of many a model has
    rows = torch.nn.functional.normalize(rows, dim=1)
    found = nearest(rows, K)
    cosine = rows @ rows.T
    cosine.fill_diagonal_(-torch.inf)
    assert torch.equal(found.other, cosine.topk(K, dim=1).indices)
    torch.testing.assert_close(found.similarity, cosine.topk(K, dim=1).values)
    other = noise(230, 24, 1)
    assert torch.equal(nearest_to(other, rows, K).other, by_cosine(other, rows, K))


@pytest.mark.usefixtures("in_bytes")
def test_what_is_missed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = blobs(40, 20, d=24, noise=0.6)
    similarity = Directions([(1.0, rows)], [len(rows)])
    graph = similarity.nearest(K)
    assert recall(similarity, graph, seed=0) == 1
    lost = torch.rand(graph.other.shape, generator=torch.Generator().manual_seed(0)) < 0.3
    worse = Graph(graph.other, torch.where(lost, -1.0, graph.similarity))
    assert recall(similarity, worse, seed=0) == pytest.approx(1 - float(lost.float().mean()))
    monkeypatch.setattr(coarse, "_REACH", 200.0)  # five steps in all: hardly a direction is left
    monkeypatch.setattr(knn, "_MARGIN", 0)
    assert recall(similarity, similarity.nearest(K), seed=0) < 0.95


def test_twins_are_as_near_as_each_other() -> None:
    rows = noise(4, 8, 0).repeat_interleave(30, 0)
    similarity = Directions([(1.0, rows)], [len(rows)])
    assert recall(similarity, similarity.nearest(K), seed=0) == 1


def test_a_mixture_is_asked_pair_by_pair() -> None:
    """Each kind proposes its 3k best, so one that no kind thinks of first may be missed."""
    random = np.random.default_rng(0)
    token, feature = random.integers(0, 300, 900), random.integers(0, 120, 900)
    firing = Firing(feature, token, np.ones(900, np.float32), 120, 300)
    parts = [Directions([(1.0, noise(120, 8, 0))], [120]), Together(firing, "jaccard", [120])]
    mixed = Mixed([(0.5, parts[0]), (0.5, parts[1])])
    graph = mixed.nearest(4)
    one = torch.arange(120).repeat_interleave(120)
    every = mixed.pairs(one, torch.arange(120).repeat(120)).view(120, 120)
    every.fill_diagonal_(-torch.inf)
    kth = every.topk(4, dim=1).values[:, -1:]
    assert recall(mixed, graph, seed=0) == float((graph.similarity >= kth - 1e-5).float().mean())
