"""An order learned for circuits of all sizes at once."""

from __future__ import annotations

import torch

from jobs.causal.methods import Asked
from jobs.causal.methods.mask import Gap
from jobs.causal.methods.nested import BETA, competing, nested, sizes
from tests.unit.causal import toy
from tests.unit.causal.toy import DECOY, SUM, A, B, C, D

ASKED = Asked(sizes=(1, 3, 7), batch=4, steps=60)


def test_a_wrong_order_is_put_right() -> None:
    """Started with all that is needed behind what is not."""
    ground = toy.ground()
    wrong = torch.tensor([DECOY, 5, D, C, A, B, SUM])
    order = nested(ground, ASKED, wrong, Gap.of(ground, ASKED))
    assert set(order[:3].tolist()) == {A, B, SUM} and sorted(order.tolist()) == list(range(7))
    again = nested(ground, ASKED, wrong, Gap.of(ground, ASKED))
    assert torch.equal(order, again)


def test_what_does_nothing_keeps_its_place() -> None:
    """With resampling d and what it feeds have no say; among themselves they stay as they were."""
    ground = toy.ground("resample")
    for first in ([A, B, SUM, D, DECOY, C, 5], [A, B, SUM, DECOY, D, C, 5]):
        order = nested(ground, ASKED, torch.tensor(first), Gap.of(ground, ASKED)).tolist()
        ours = [node for node in order if node in (D, DECOY)]
        assert ours == [node for node in first if node in (D, DECOY)]


def test_sizes_are_spread_over_the_logarithm() -> None:
    drawn = sizes(8, 256, 1000, torch.Generator().manual_seed(0)).sort().values
    at = drawn.double().log2()
    assert (at >= torch.arange(8) - 0.6).all() and (at <= torch.arange(1, 9) + 0.1).all()
    assert int(sizes(8, 256, 5, torch.Generator().manual_seed(0)).max()) <= 4


def test_the_gradient_is_that_of_gates_whose_sum_is_held() -> None:
    """Against finite differences, the threshold being found anew each time."""
    draw = torch.Generator().manual_seed(0)
    score, worth = (torch.randn(6, generator=draw, dtype=torch.double) for _ in range(2))

    def gates(score: torch.Tensor, total: float) -> torch.Tensor:
        low, high = score.min() - 20, score.max() + 20
        for _ in range(80):
            middle = (low + high) / 2
            more = torch.sigmoid(BETA * (score - middle)).sum() > total
            low, high = (middle, high) if more else (low, middle)
        return torch.sigmoid(BETA * (score - low))

    tau = 0.2
    total = float(torch.sigmoid(BETA * (score - tau)).sum())
    for node in range(6):
        step = torch.zeros(6, dtype=torch.double)
        step[node] = 1e-5
        ends = [(worth * gates(score + sign * step, total)).sum() for sign in (1, -1)]
        expected = float(ends[0] - ends[1]) / 2e-5
        found = competing(worth[None], (score - tau)[None])[node]
        assert abs(float(found) - expected) < 1e-6
