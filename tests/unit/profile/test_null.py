"""The random dictionary: as wide, as active, in the same subspace, and well scaled."""

from __future__ import annotations

import torch

from jobs.dictionary.profile.null import random_code, random_directions, random_error


def test_directions_are_unit_and_share_the_decoder_s_second_moment() -> None:
    generator = torch.Generator().manual_seed(0)
    spread = torch.linspace(0, 2, 64)
    W = torch.randn(20_000, 64, generator=generator) * spread
    R = random_directions(W, seed=1)
    torch.testing.assert_close(R.norm(dim=1), torch.ones(len(R)))
    unit = torch.nn.functional.normalize(W, dim=1)
    torch.testing.assert_close(R.T @ R / len(R), unit.T @ unit / len(W), atol=2e-3, rtol=0)
    assert torch.equal(R, random_directions(W, seed=1))
    assert not torch.equal(R, random_directions(W, seed=2))


def test_the_error_is_that_of_the_best_scale() -> None:
    y, W = torch.randn(6, 8), torch.randn(40, 8)
    R = random_directions(W, 0)
    rebuilt = random_code(y, R, 3).times(R)
    error = random_error(y, R, 3)
    for scale in torch.linspace(0, 2, 21):
        assert torch.all(error <= ((y - scale * rebuilt) ** 2).sum(1) + 1e-4)


def test_it_may_use_every_direction_it_was_given_and_no_more() -> None:
    y, R = torch.randn(5, 4), torch.nn.functional.normalize(torch.randn(3, 4), dim=1)
    code = random_code(y, R, k=9)
    assert code.offsets.diff().max() <= 3
    assert torch.all(code.values > 0)
