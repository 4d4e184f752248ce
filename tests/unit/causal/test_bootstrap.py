"""What reads the same is one observation: samples hold all of it or none."""

from __future__ import annotations

import numpy as np
import torch

from jobs.causal.bootstrap import contents, interval, samples
from jobs.causal.curve import Curve
from jobs.causal.scores import score
from jobs.causal.stability import stability


def test_rows_are_told_apart_by_what_they_read_not_by_their_padding() -> None:
    tokens = torch.tensor([[5, 6, 6], [5, 6, 9], [5, 6, 6], [7, 6, 6]])
    assert contents(tokens, torch.tensor([2, 2, 3, 2])).tolist() == [0, 0, 1, 2]


def test_a_sample_holds_all_rows_of_a_content_alike() -> None:
    weight = samples(torch.tensor([0, 1, 0, 2, 0]), 200, seed=0)
    assert weight.shape == (201, 5)
    assert torch.allclose(weight.sum(1), torch.ones(201, dtype=torch.float64))
    assert weight[0].tolist() == [0.2] * 5
    assert torch.equal(weight[:, 0], weight[:, 2]) and torch.equal(weight[:, 0], weight[:, 4])
    missing = (weight[1:] == 0).double().mean(0)
    assert 0.2 < float(missing[0]) < 0.4  # (2/3)³
    assert 0.2 < float(missing[1]) < 0.4


def test_intervals_know_how_much_was_seen() -> None:
    """Of 16 documents read four times each, the interval of 64 is half as wide as is true."""
    random, inside, believed = np.random.default_rng(0), [], []
    content = np.arange(64) % 16
    for seed in range(60):
        values = random.normal(1.0, 1.0, (16, 3))[content]
        for told, given in ((inside, content), (believed, None)):
            low, high = interval(values, seed, given)
            told += ((low < 1.0) & (high > 1.0)).tolist()
    assert 0.85 < np.mean(inside) < 0.99
    assert np.mean(believed) < 0.75
    assert np.isnan(interval(np.ones((4, 2)), 0, np.zeros(4, int))[0]).all()


def curve(times: int) -> Curve:
    """Of three prompts at 0, 2 and all of 4 nodes, each prompt `times` over."""
    inside = torch.tensor([[0.0, 0.5, 1.0], [0.0, 0.9, 1.0], [0.0, 0.1, 1.0]]).T.repeat(1, times)
    clean = torch.ones(3 * times)
    return Curve([0, 2, 4], inside, 1 - inside, clean, torch.arange(3).repeat(times))


def test_a_prompt_that_comes_again_makes_no_score_surer() -> None:
    once, often = (score(curve(times), 4, seed=0) for times in (1, 5))
    for name in ("cpr", "cmd", "cmd_log"):
        assert np.allclose(getattr(once, name), getattr(often, name))
    assert once.cmd.low < once.cmd.value < once.cmd.high
    alone = curve(5)._replace(content=torch.zeros(15, dtype=torch.long))
    assert np.isnan(score(alone, 4, seed=0).cmd.low)


def test_a_prompt_that_comes_again_makes_no_node_stabler() -> None:
    effect = torch.tensor([[3.0, 0.0], [0.0, 2.0], [0.0, 0.5]])
    found = [
        stability(effect.repeat(n, 1), torch.arange(3).repeat(n), torch.arange(2), [1], 400, 0)
        for n in (1, 5)
    ]
    assert 0 < float(found[0].share[0]) < 1
    for once, often in zip(*found, strict=True):
        assert torch.allclose(once, often)
