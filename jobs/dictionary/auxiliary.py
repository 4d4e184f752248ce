"""AuxK: dead features learn to reconstruct what the living ones miss (arXiv:2406.04093, §A.2)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary.base import Dictionary


def auxiliary_step(
    dictionary: Dictionary,
    x: Float[Tensor, "batch d"],
    error: Float[Tensor, "batch d"],
    dead: Int64[Tensor, " n_dead"],
    k: int,
    weight: float,
) -> Float[Tensor, ""]:
    """Adds the gradients of α·s·‖e − ê‖²/batch to ``.grad`` and gives that loss.

    e = x − x̂ is taken as fixed; ê = f·D over the `k` most active dead features of a token; α is
    `weight`, and s = min(1, n_dead/k) keeps a handful of dead features from weighing like many.
    b_dec is taken as fixed too: it serves the living.
    """
    alpha = weight * min(1.0, len(dead) / k) / x.shape[0]
    centred = dictionary.centred(x)
    W, D = dictionary.encoder[dead], dictionary.W_dec[dead]
    f = torch.nn.functional.linear(centred, W, dictionary.b_enc[dead]).relu_()
    if len(dead) > k:
        # A threshold, not a choice of k columns: equal values stand or fall together.
        f *= f >= f.kthvalue(len(dead) - k + 1, dim=1, keepdim=True).values
    left = error - f @ D
    delta = left * (-2 * alpha)
    df = (delta @ D.T) * (f > 0)
    _add(dictionary.W_dec, dead, f.T @ delta)
    _add(dictionary.encoder, dead, df.T @ centred)
    _add(dictionary.b_enc, dead, df.sum(0))
    return alpha * left.square().sum()


def _add(parameter: torch.nn.Parameter, rows: Tensor, gradient: Tensor) -> None:
    assert parameter.grad is not None
    parameter.grad[rows] += gradient
