"""A linear map of whose outputs few have a slope, as those of an encoder before its threshold."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def linear_to_few(
    x: Float[Tensor, "... d"], weight: Float[Tensor, "m d"], bias: Float[Tensor, " m"]
) -> Float[Tensor, "... m"]:
    """x·Wᵀ + b, whose gradient in x is taken over those outputs alone that have any; W and b have
    no gradient.
    """
    found: Tensor = _LinearToFew.apply(x, weight, bias)
    return found


class _LinearToFew(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.weight = weight
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor, None, None]:
        own = gradient[0]
        few = (own.flatten(0, -2) != 0).any(0).nonzero()[:, 0]
        return own[..., few] @ ctx.weight[few], None, None
