"""Circles that a cluster's features make together are found; what they make apart is not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]

from jobs.manifold.exchange import Active, against_exchange
from jobs.manifold.geometry import Plane, geometry, reconstructed
from jobs.manifold.irreducible import alike, hopeless, verdicts

TOKENS, D = 2_400, 16
Draw = Callable[[np.random.Generator, int], np.ndarray]


def around(k: int) -> np.ndarray:
    angle = np.arange(k) * (2 * math.pi / k)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def circle(rng: np.random.Generator, k: int) -> np.ndarray:
    """Every feature fires for the angles around its own, its neighbours with it."""
    angle = rng.uniform(0, 2 * math.pi, (TOKENS, 1)) - np.arange(k) * (2 * math.pi / k)
    return np.maximum(np.cos(angle) - math.cos(2.2 * math.pi / k), 0) * loud(rng)


def week(rng: np.random.Generator, k: int) -> np.ndarray:
    """Angles that cluster around those of the features."""
    angle = rng.integers(0, k, (TOKENS, 1)) * (2 * math.pi / k) + rng.normal(0, 0.2, (TOKENS, 1))
    near = np.cos(angle - np.arange(k) * (2 * math.pi / k))
    return np.maximum(near - math.cos(2.2 * math.pi / k), 0) * loud(rng)


def independent(rng: np.random.Generator, k: int) -> np.ndarray:
    return (rng.uniform(size=(TOKENS, k)) < 0.5 / k) * rng.exponential(size=(TOKENS, k))


def one_at_a_time(rng: np.random.Generator, k: int) -> np.ndarray:
    return (rng.integers(0, k, (TOKENS, 1)) == np.arange(k)) * rng.exponential(size=(TOKENS, k))


def loud_together(rng: np.random.Generator, k: int) -> np.ndarray:
    return (rng.uniform(size=(TOKENS, k)) < 2 / k) * rng.exponential(size=(TOKENS, 1))


def loud(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.7, 1.3, (TOKENS, 1))


CIRCLES, APART = (circle, week), (independent, one_at_a_time, loud_together)


def seen(draw: Draw, k: int, seed: int) -> Plane:
    """The first plane of `k` features whose directions lie around a circle, with a little noise."""
    rng = np.random.default_rng(seed)
    code = draw(rng, k)
    directions = np.zeros((k, D))
    directions[:, :2] = around(k)
    directions += 0.1 * rng.normal(size=directions.shape)
    token, member = np.nonzero(code)
    value = code[token, member].astype(np.float32)
    active = Active(token, member, value, torch.from_numpy(directions).float())
    found = geometry(reconstructed(*active).x, planes=1, shuffles=8, seed=seed)
    return against_exchange(found.planes, active, draws=8, seed=seed)[0]


@pytest.fixture(scope="module")
def planted() -> dict[Draw, list[Plane]]:
    sizes = (5, 8, 12)
    return {
        draw: [seen(draw, k, seed) for seed, k in enumerate(sizes)] for draw in (*CIRCLES, *APART)
    }


def test_circles_of_features_are_told_from_features_by_themselves(
    planted: dict[Draw, list[Plane]], capsys: pytest.CaptureFixture
) -> None:
    every = [(plane, draw in CIRCLES) for draw, planes in planted.items() for plane in planes]
    truth = [is_circle for _, is_circle in every]
    ranked = {
        "M over a round cloud's": [-plane.ratio for plane, _ in every],
        "p of no mixture": [-p.p_value - p.mixed for p, _ in every],
        "S(1 - M)": [p.separability * (1 - p.mixture) for p, _ in every],
    }
    scores = {name: roc_auc_score(truth, by) for name, by in ranked.items()}
    with capsys.disabled():
        told = ", ".join(f"{value:.2f} by {name}" for name, value in scores.items())
        print(f"\ncircles of features against features by themselves: ROC AUC {told}")
    assert scores["p of no mixture"] == 1
    assert scores["S(1 - M)"] < 0.8 and scores["M over a round cloud's"] < 1  # not enough alone
    called = [verdict.irreducible for verdict in verdicts([plane for plane, _ in every], 0.05)]
    assert called == truth


def test_shuffled_coordinates_alone_would_call_them_all_inseparable(
    planted: dict[Draw, list[Plane]],
) -> None:
    """Which is why features are exchanged."""
    apart = [plane for draw in APART for plane in planted[draw]]
    assert all(plane.p_shuffled < 1e-3 for plane in apart)
    assert sum(plane.p_value < 0.05 for plane in apart if not plane.mixed) <= 1


def test_what_chance_makes_as_well_is_no_discovery(planted: dict[Draw, list[Plane]]) -> None:
    circles, apart = planted[circle], [plane for draw in APART for plane in planted[draw]]
    alone = verdicts(circles[:1], 0.05, [apart] * 19)  # 19 draws, and one may stand alone
    assert alone[0].irreducible and alone[0].by_chance == pytest.approx(1 / 20)
    assert not verdicts(circles[:1], 0.05, [apart] * 18)[0].irreducible
    beside = verdicts(circles, 0.05, [*[apart] * 18, circles])
    assert not any(verdict.irreducible for verdict in beside)
    assert alike(circles, 0.05) == 3 and alike(apart, 0.05) == 0
    assert verdicts([], 0.05, [apart]) == []


def test_draws_of_chance_end_where_no_plane_could_count_any_more(
    planted: dict[Draw, list[Plane]],
) -> None:
    circles, apart = planted[circle], [plane for draw in APART for plane in planted[draw]]
    assert not hopeless(circles[:1], 0.05, [apart] * 3, draws=19)
    # One plane as good, and a single one cannot count in 19 draws; of three, it takes more.
    assert hopeless(circles[:1], 0.05, [apart, circles[:1]], draws=19)
    assert not hopeless(circles, 0.05, [apart, circles[:1]], draws=19)
    assert hopeless(apart, 0.05, [], draws=19)  # mixtures count in no case
