"""What features that start anew will do is known without a look at all the others."""

from __future__ import annotations

import pytest
import torch

from jobs.dictionary import ARCHITECTURES
from jobs.dictionary.base import Dictionary
from jobs.dictionary.code import stacked
from jobs.dictionary.initial import from_data

NEW = torch.arange(5, 25)
SETTINGS = {"topk": {"k": 4}, "batchtopk": {"k": 4}, "standard": {}, "gated": {}, "jumprelu": {}}


def rows(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))


def dictionary(architecture: str) -> Dictionary:
    made = ARCHITECTURES[architecture](d_in=16, d_sae=64, **SETTINGS[architecture])
    made.requires_grad_(False)
    from_data(made, rows(256), torch.Generator().manual_seed(0))
    return made


@pytest.mark.parametrize("architecture", SETTINGS)
def test_newcomers_fire_as_they_do_among_all(architecture: str) -> None:
    made, x = dictionary(architecture), rows(100, 1)
    made.encoder[NEW] = 0  # they are silent until they start anew
    before = made.sparse(x)
    made.encoder[NEW] = rows(20, 2) / 4
    made.settle_rows(NEW)
    found, expected = made.newcomers(x, NEW, before), made.encode(x)[:, NEW]
    assert torch.allclose(found, expected, atol=1e-5)
    assert 0 < (found > 0).float().mean() < 1


def test_the_codes_of_parts_make_that_of_all() -> None:
    made, x = dictionary("standard"), rows(100, 1)
    whole = stacked([made.sparse(part) for part in x.split(40)])
    assert whole is not None
    assert all(map(torch.equal, whole, made.sparse(x)))
    assert stacked([]) is None
