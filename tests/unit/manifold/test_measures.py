"""Similarity by firing, shares, stability and dimension, against the long way round."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jobs.manifold.dimension import two_nn
from jobs.manifold.firing import Firing, Together
from jobs.manifold.methods import METHODS, Asked
from jobs.manifold.mixed import Mixed
from jobs.manifold.partition import Partition, ordered
from jobs.manifold.shares import shares
from jobs.manifold.similarity import Directions, root
from jobs.manifold.stability import agreement, bootstrap
from jobs.manifold.tokens import shared_tokens
from tests.unit.manifold.made import blobs, noise

N, TOKENS = 30, 400


@pytest.fixture
def fires() -> np.ndarray:
    """Features fire on the tokens of their group, five features each, and rarely elsewhere."""
    random = np.random.default_rng(0)
    topic = random.integers(0, N // 5, TOKENS)
    usual = (np.arange(N)[:, None] // 5 == topic) & (random.random((N, TOKENS)) < 0.7)
    return (usual | (random.random((N, TOKENS)) < 0.03)) * random.gamma(2, 1, (N, TOKENS))


def firing(dense: np.ndarray) -> Firing:
    token, feature = np.nonzero(dense.T)
    return Firing(feature, token, dense[feature, token].astype(np.float32), *dense.shape)


def test_jaccard_and_pmi_are_those_of_their_formulas(fires: np.ndarray) -> None:
    on = fires > 0
    for measure in ("jaccard", "pmi"):
        found = Together(firing(fires), measure, [N]).matrix.toarray()
        for i in range(N):
            for j in range(i):
                both, one, other = (on[i] & on[j]).sum(), on[i].sum(), on[j].sum()
                if measure == "jaccard":
                    expected = both / (on[i] | on[j]).sum()
                elif both:
                    npmi = np.log(both * TOKENS / (one * other)) / -np.log(both / TOKENS)
                    least = min(one, other)
                    expected = max(0, npmi) * both / (both + 1) * least / (least + 1)
                else:
                    expected = 0
                expected = expected if expected >= 0.01 else 0
                assert found[i, j] == found[j, i] == pytest.approx(expected, abs=1e-6)


def test_features_that_fire_together_are_clustered_and_shuffled_ones_are_not(fires) -> None:  # type: ignore[no-untyped-def]
    together = Together(firing(fires), "jaccard", [N])
    asked = Asked(6, 3, 1.0, 0)
    found = METHODS["leiden"](together, together.nearest(4), asked)
    assert [set(found.label[i : i + 5]).__len__() for i in range(0, N, 5)] == [1] * 6
    chance = together.by_chance(1)
    assert np.bincount(chance.firing.feature).tolist() == (fires > 0).sum(1).tolist()
    inside, others = together.matrix[0, 1:5].mean(), chance.matrix[0, 1:5].mean()
    assert others < 0.3 * inside


def test_a_mixture_is_the_weighted_sum_of_its_parts(fires: np.ndarray) -> None:
    one = Directions([(1.0, noise(N, 8, 0))], [N])
    other = Together(firing(fires), "jaccard", [N])
    mixed = Mixed([(0.7, one), (0.3, other)])
    cosine = (one.unit @ one.unit.T).numpy()
    expected = 0.7 * cosine + 0.3 * other.matrix.toarray()
    np.fill_diagonal(expected, -np.inf)
    graph = mixed.nearest(9)
    best = np.sort(expected, axis=1)[:, ::-1][:, :9]
    np.testing.assert_allclose(graph.similarity.numpy(), best, atol=1e-6)
    group = torch.arange(N) % 3
    sums = mixed.to_groups(group, 3)(0, N).numpy()
    np.fill_diagonal(expected, 0)
    every = np.stack([expected[:, group.numpy() == g].sum(1) for g in range(3)], axis=1)
    np.testing.assert_allclose(sums, every, atol=1e-5)


def test_cosines_mix_as_rows_side_by_side() -> None:
    one, other = noise(20, 6, 1), noise(20, 9, 2)
    both = Directions([(0.6, one), (0.4, other)], [20])
    expected = 0.6 * one @ one.T + 0.4 * other @ other.T
    torch.testing.assert_close(both.unit @ both.unit.T, expected)


def test_the_logit_lens_compares_what_directions_add_to_the_logits() -> None:
    rows, logits = torch.randn(12, 6), torch.randn(6, 50)
    short, long = (
        torch.nn.functional.normalize(x, dim=1) for x in (rows @ root(logits), rows @ logits)
    )
    torch.testing.assert_close(short @ short.T, long @ long.T, atol=1e-5, rtol=1e-5)


def test_shares_are_those_of_taking_the_features_out(fires: np.ndarray) -> None:
    """Where the error is uncorrelated with every feature, as a trained decoder's is."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(TOKENS, 12, generator=generator).double()
    x = x + torch.from_numpy(fires.T) @ torch.randn(N, 12, generator=generator).double()
    x = x - x.mean(0)
    code = torch.from_numpy(fires.T - fires.T.mean(0))
    W_dec = torch.linalg.lstsq(code, x).solution  # so Σ f_i e = 0 for every feature
    label = np.where(np.arange(N) % 4 == 3, -1, np.arange(N) % 4)
    dense = fires
    fit = torch.from_numpy(dense.T) @ W_dec
    bias = x.mean(0) - fit.mean(0)
    error = x - fit - bias
    fvu = float((error**2).sum() / (x**2).sum())
    found = shares(firing(dense), W_dec.float(), label, 3, fvu)
    for cluster in range(3):
        mine = label == cluster
        without = torch.from_numpy(dense[mine].T) @ W_dec[torch.from_numpy(mine)]
        rise = float(((error + without) ** 2).sum() / (x**2).sum()) - fvu
        assert found.fvu[cluster] == pytest.approx(rise, rel=1e-3)
        assert found.activation[cluster] == pytest.approx(dense[mine].sum() / dense.sum())


def test_clear_clusters_are_stable_and_noise_is_not() -> None:
    def stability(rows: torch.Tensor) -> float:
        similarity = Directions([(1.0, rows)], [len(rows)])
        asked, wide = Asked(6, 5, 1.0, 0), similarity.nearest(20)
        found = METHODS["leiden"](similarity, wide.first(10), asked)
        again = bootstrap(similarity, wide, 10, METHODS["leiden"], asked, found, seed=1)
        return float(np.nanmean(again))

    assert stability(blobs(6, 20)[0]) > 0.95
    assert stability(noise(120, 48, 0)) < 0.6


def test_agreement_is_the_best_jaccard_index_among_what_was_kept() -> None:
    ones = np.ones(8)
    partition = ordered(np.array([0, 0, 0, 0, 1, 1, 2, 2]), ones, 2)
    kept = np.array([1, 1, 1, 0, 1, 1, 0, 0], bool)
    again = Partition(np.array([0, 0, 1, 1, 1]), ones[:5])
    found = agreement(partition, again, kept)
    np.testing.assert_allclose(found, [2 / 3, 2 / 3, np.nan])


@pytest.mark.parametrize(("dimension", "low", "high"), [(1, 0.8, 1.2), (2, 1.6, 2.4), (5, 4, 6)])
def test_two_nn_tells_the_dimension_of_a_sphere(dimension: int, low: float, high: float) -> None:
    generator = torch.Generator().manual_seed(0)
    ball = torch.randn(600, dimension + 1, generator=generator)
    turned = ball @ torch.linalg.qr(torch.randn(40, 40, generator=generator))[0][: dimension + 1]
    assert low < two_nn(torch.nn.functional.normalize(turned, dim=1)) < high
    assert np.isnan(two_nn(turned[:5]))


def test_shared_tokens_are_those_that_others_lack() -> None:
    words = [[" Dog", "the"], ["dog", " the"], ["dog", "cat"], [" sea", "the"], ["sea", "the"]]
    dogs, seas = shared_tokens(words, np.array([0, 0, 0, 1, 1]), 2)
    assert dogs.tokens == ["dog"] and dogs.label == "dog"
    assert seas.tokens == ["sea", "the"] and seas.label == "sea · the"
    (none,) = shared_tokens([["a"], ["b"]], np.array([0, 0]), 1)
    assert none.tokens == [] and none.label is None


def test_white_space_of_any_length_is_one_token() -> None:
    words = [["\n", "  "], ["\n\n  "], ["\n "], ["a"], ["b"], ["c"], ["d"]]
    (found,) = shared_tokens(words, np.array([0, 0, 0, -1, -1, -1, -1]), 1)
    assert found.tokens == ["\n"]
