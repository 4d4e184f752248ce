"""Where dictionaries start, and where dead features start again: from the data."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.code import SparseCode

CALIBRATE = 2048
"""Rows on which the first length of encoder rows is found."""


@torch.no_grad()
def from_data(
    dictionary: Dictionary,
    x: Float[Tensor, "rows d"],
    generator: torch.Generator,
    y: Float[Tensor, "rows d_out"] | None = None,
) -> None:
    """Decoder rows = random rows of `x` minus their mean, normalised; encoder = the same rows at
    the one length that reconstructs best; b_dec = the mean; biases and thresholds as the
    architecture settles them.

    Where `x` has fewer rows than the dictionary, rows repeat with noise a tenth of their length.
    With `y`, what is to be written for each row of `x`, decoder rows are rows of `y` and encoder
    rows those of `x` beside them; what writes beside the features is set first.
    """
    y = dictionary.set_aside(x, x if y is None else y)
    chosen = _rows(len(y), dictionary.d_sae, generator).to(y.device)
    directions = y[chosen] - y.mean(0)
    noise = torch.randn(directions.shape, generator=generator).to(x.device)
    again = torch.arange(dictionary.d_sae, device=x.device) >= len(x)
    tenth = 0.1 * torch.linalg.vector_norm(directions, dim=1) / math.sqrt(dictionary.d_out)
    directions += noise * (tenth * again)[:, None]
    # A row equal to the mean has no direction of its own: take the noise alone.
    empty = torch.linalg.vector_norm(directions, dim=1) < 1e-6
    directions[empty] = noise[empty]
    _set(dictionary, dictionary.pinned(directions), x, y, chosen)


@torch.no_grad()
def at_random(
    dictionary: Dictionary, x: Float[Tensor, "rows d"], generator: torch.Generator
) -> None:
    """Isotropic unit rows instead of data: the baseline that `from_data` is held against."""
    rows = torch.randn(dictionary.W_dec.shape, generator=generator)
    chosen = _rows(len(x), dictionary.d_sae, generator).to(x.device)
    dictionary.set_aside(x, x)
    _set(dictionary, dictionary.pinned(rows.to(x.device)), x, x, chosen)


def _set(dictionary: Dictionary, directions: Tensor, x: Tensor, y: Tensor, chosen: Tensor) -> None:
    dictionary.W_dec.copy_(directions)
    dictionary.encoder.copy_(dictionary.hears(x[chosen], directions))
    dictionary.b_dec.copy_(y.mean(0))
    sample = x[:CALIBRATE]
    dictionary.settle(sample)
    # Correlated rows each claim their whole share of x, so that together they overshoot it many
    # times. One factor γ = ⟨x − b, x̂ − b⟩ / ‖x̂ − b‖² on the encoder mends most of that.
    guess = dictionary.sparse(sample).times(dictionary.W_dec)
    square = guess.square().sum()
    wanted = (guess * (y[:CALIBRATE] - dictionary.b_dec)).sum()
    if square > 0 and wanted > 0:
        dictionary.encoder.mul_(wanted / square)
        dictionary.settle(sample)


def _rows(available: int, wanted: int, generator: torch.Generator) -> Int64[Tensor, " wanted"]:
    laps = -(-wanted // available)
    drawn = [torch.randperm(available, generator=generator) for _ in range(laps)]
    return torch.cat(drawn)[:wanted]


@torch.no_grad()
def reseed(
    dictionary: Dictionary,
    dead: Int64[Tensor, " n_dead"],
    x: Float[Tensor, "batch d"],
    error: Float[Tensor, "batch d"],
    generator: torch.Generator,
    code: SparseCode | None = None,
) -> None:
    """Points dead features at what is reconstructed worst.

    Tokens are drawn with probability ∝ ‖e‖² (Anthropic 2023, "neuron resampling"), each for one
    feature, so `dead` must be shorter than the batch. A feature's direction becomes the token's
    error, its encoder row the same at the mean length of all, or shorter where newcomers that point
    the same way would together write more than was missing. `code` is what fired on `x`.
    """
    weight = error.square().sum(1).double().cpu() + 1e-30
    chosen = torch.multinomial(weight, len(dead), generator=generator)
    directions = dictionary.pinned(error[chosen.to(error.device)])
    length = torch.linalg.vector_norm(dictionary.encoder, dim=1).mean()
    dictionary.W_dec[dead] = directions
    heard = dictionary.hears(x[chosen.to(x.device)], directions)
    dictionary.encoder[dead] = heard * length
    dictionary.settle_rows(dead)
    dictionary.encoder[dead] *= _shares(dictionary, dead, x, error, code)[:, None]


LEAST = 0.05
"""Shortest encoder row of a newcomer, as a share of the mean length."""


def _shares(
    dictionary: Dictionary, new: Tensor, x: Tensor, error: Tensor, code: SparseCode | None
) -> Tensor:
    """For each feature in `new`, which fires already, the share of its activation that is wanted:
    γ_i = Σ_b f_bi ⟨d_i, e_b⟩ / Σ_b f_bi ⟨d_i, ê_b⟩, ê being what all of them write; 1 at most.

    Many tokens may lack the same direction. Without a limit on active features a token, newcomers
    that share it would overshoot by their number.
    """
    f, D = dictionary.newcomers(x, new, code), dictionary.W_dec[new]
    wanted = (f.T @ error * D).sum(1)
    given = (f.T @ (f @ D) * D).sum(1)
    return torch.where(given > 0, wanted / given, 1.0).clamp(LEAST, 1.0)
