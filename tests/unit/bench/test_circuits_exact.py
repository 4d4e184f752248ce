"""What attribution says is held against exact effects, kind of node by kind of node."""

from __future__ import annotations

import pytest
import torch

from tests.bench.circuits_exact import correlation, groups


def test_heads_and_mlps_stand_apart_and_the_first_mlp_is_left_out_once() -> None:
    found = groups(["L0.mlp", "L0.H3", "L1.mlp", "L2.mlp"])
    assert {kind: own.tolist() for kind, own in found.items()} == {
        "MLP": [True, False, True, True],
        "head": [False, True, False, False],
        "MLPs, all but the first": [False, False, True, True],
    }


def test_correlation_is_of_the_means_over_prompts() -> None:
    exact = torch.tensor([[0.0, 2.0, 4.0], [2.0, 2.0, 8.0]], dtype=torch.float64)
    r, low, high = correlation(2 * exact + 1, exact, torch.arange(2))
    assert (r, low, high) == pytest.approx((1, 1, 1))
    r, *_ = correlation(exact.flip(1), exact, torch.arange(2))  # means 6, 2, 1 and 1, 2, 6
    assert r == pytest.approx(-11 / 14)
