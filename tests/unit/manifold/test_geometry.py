"""Features of several dimensions: planted circles are found, what can be taken apart is not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]

from jobs.manifold.geometry import Geometry, Plane, geometry, principal, reconstructed
from jobs.manifold.indices import indices, mixture
from jobs.manifold.irreducible import verdicts

Draw = Callable[[np.random.Generator, int], np.ndarray]
N, D, SHUFFLES = 700, 16, 8


def circle(rng: np.random.Generator, n: int) -> np.ndarray:
    angle = rng.uniform(0, 2 * math.pi, n)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def loud_circle(rng: np.random.Generator, n: int) -> np.ndarray:
    return circle(rng, n) * rng.uniform(0.7, 1.3, (n, 1))


def week(rng: np.random.Generator, n: int) -> np.ndarray:
    angle = rng.integers(0, 7, n) * (2 * math.pi / 7)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def gaussians(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=(n, 2))


def squares(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.uniform(-1, 1, (n, 2))


def rare_and_strong(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.exponential(size=(n, 2)) * (1, 0.6)


def often_off(rng: np.random.Generator, n: int) -> np.ndarray:
    return (rng.uniform(size=(n, 2)) < 0.6) * rng.uniform(0.5, 1.5, (n, 2))


def one_at_a_time(rng: np.random.Generator, n: int) -> np.ndarray:
    first, size = rng.uniform(size=n) < 0.5, rng.uniform(0.5, 1.5, n)
    return np.stack([size * first, size * ~first], axis=1)


def seen(draw: Draw, noise: float, seed: int, n: int = N) -> Geometry:
    """What the geometry says of a plant, turned and in `D` dimensions with noise."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(D, D)))[0][:2]
    x = draw(rng, n) @ basis + noise * rng.normal(size=(n, D))
    return geometry(torch.from_numpy(x).float(), planes=1, shuffles=SHUFFLES, seed=seed)


def irreducible(planes: list[Plane]) -> list[bool]:
    return [verdict.irreducible for verdict in verdicts(planes, fdr=0.05)]


CIRCLES = (circle, loud_circle, week)
INDEPENDENT = (gaussians, squares, rare_and_strong, often_off)
NOISES = (0.02, 0.1, 0.2, 0.35)


def test_planted_circles_are_told_from_independent_pairs(capsys: pytest.CaptureFixture) -> None:
    """ROC AUC over 24 circles and 32 pairs, at noise of up to a third of the circle's radius."""
    plants = [(draw, True) for draw in CIRCLES * 2] + [(draw, False) for draw in INDEPENDENT * 2]
    found, truth = [], []
    for seed, (draw, is_circle) in enumerate(plants):
        for noise in NOISES:
            found.append(seen(draw, noise, seed).planes[0])
            truth.append(is_circle)
    score = [plane.separability * (1 - plane.mixture) for plane in found]
    by_p = roc_auc_score(truth, [-plane.p_value for plane in found])
    by_score = roc_auc_score(truth, score)
    with capsys.disabled():
        print(f"\ncircles against pairs: ROC AUC {by_p:.3f} by p, {by_score:.3f} by S(1 - M)")
    assert by_p >= 0.95 and by_score >= 0.95
    called = irreducible(found)
    assert sum(c and t for c, t in zip(called, truth, strict=True)) >= 20
    assert sum(c and not t for c, t in zip(called, truth, strict=True)) <= 2


def test_two_features_of_which_one_is_on_at_a_time_are_a_mixture() -> None:
    """Shuffling alone would call them irreducible: each says something of the other."""
    planes = [seen(one_at_a_time, noise, seed).planes[0] for seed, noise in enumerate((0.02, 0.1))]
    assert all(plane.p_value < 1e-3 and plane.mixed for plane in planes)
    assert irreducible(planes) == [False, False]


def test_p_values_of_independent_pairs_keep_their_promise() -> None:
    """Of 60 pairs at most a few fall under .05, askew and with atoms too."""
    p = [seen(INDEPENDENT[i % 4], 0.05, 100 + i, n=400).planes[0].p_value for i in range(60)]
    assert sum(value < 0.05 for value in p) <= 8
    assert 0.3 < float(np.mean(p)) < 0.7


def test_the_indices_of_shapes_whose_values_are_known() -> None:
    rng = np.random.default_rng(0)
    cross = one_at_a_time(rng, 2_000)
    assert mixture(cross) == pytest.approx(0.5, abs=0.03)
    assert mixture(gaussians(rng, 2_000)) == pytest.approx(0.08, abs=0.04)  # P(|z| < 0.1), and luck
    assert indices(circle(rng, 2_000)).separability > 1
    assert indices(gaussians(rng, 2_000)).separability < 0.06  # what the estimate has of itself
    askew = squares(rng, 2_000) * (3, 0.5) @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    assert indices(askew).separability < 0.06


def test_a_circle_in_the_fourth_and_fifth_component_is_found_there() -> None:
    rng = np.random.default_rng(3)
    wide = rng.normal(size=(1_000, 3)) * (9, 7, 5)
    x = np.concatenate([wide, circle(rng, 1_000)], axis=1)
    found = geometry(torch.from_numpy(x).float(), shuffles=SHUFFLES)
    assert [plane.plane for plane in found.planes] == [0, 1, 2, 3]
    assert irreducible(found.planes) == [False, False, False, True]
    assert found.planes[3].variance == pytest.approx(1 / (9**2 + 7**2 + 5**2 + 1), rel=0.15)


def test_reconstruction_from_one_cluster_is_what_its_features_add_up_to() -> None:
    token, member = np.array([7, 7, 3, 9]), np.array([0, 1, 1, 0])
    value, directions = np.array([2.0, 1.0, 4.0, 1.0]), torch.randn(2, 5)
    made = reconstructed(token, member, value, directions)
    assert made.token.tolist() == [3, 7, 9]
    x = torch.tensor([[0.0, 4.0], [2.0, 1.0], [1.0, 0.0]]) @ directions
    torch.testing.assert_close(torch.pdist(made.x), torch.pdist(x))
    assert made.x.shape == (3, 2)  # in the span of its two directions


def test_the_same_seed_gives_the_same_figures() -> None:
    assert seen(circle, 0.1, 5).planes == seen(circle, 0.1, 5).planes


@pytest.mark.parametrize("n", [0, 1, 20])
def test_a_cluster_that_hardly_fires_gets_no_planes(n: int) -> None:
    found = geometry(torch.randn(n, 4))
    assert found.n == n and found.planes == [] and len(found.coordinates) == n


def test_a_cluster_that_lies_on_a_line_gets_no_planes() -> None:
    x = torch.rand(500, 1) * torch.randn(1, 6)
    assert geometry(x).planes == []
    assert geometry(torch.zeros(500, 6)).planes == []


def test_principal_components_keep_distances_and_shares_of_variance() -> None:
    x = torch.randn(300, 4) * torch.tensor([5.0, 3.0, 1.0, 0.5])
    components, variance = principal(x, 4)
    torch.testing.assert_close(torch.pdist(components), torch.pdist(x))
    assert float(variance.sum()) == pytest.approx(1)
    assert variance.tolist() == sorted(variance.tolist(), reverse=True)
