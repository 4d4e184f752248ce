"""The random dictionary that a trained one must beat.

A dictionary can explain variance merely because k directions out of m, chosen for each token, span
something. The null has everything but learning: the same number of features, directions drawn
with the second moment of the trained decoder (so it knows which subspace matters, METHODS §4 "a
random dictionary of the same spectrum"), the data's own centre, as many active features, and for
every token the best scale:

    r_i = S^{1/2} g_i / ‖S^{1/2} g_i‖,  g_i ~ N(0, I),  S = D̂ᵀD̂ / m   (D̂: decoder rows, normalised)
    f   = the k largest of max(0, R(x − c))
    x̂   = c + s·fR,  s = ⟨x − c, fR⟩ / ‖fR‖²
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn.functional import normalize

from jobs.dictionary.code import SparseCode
from jobs.dictionary.topk import top_k

_BLOCK = 1 << 14
"""Rows drawn at once: a power of two, so that the numbers are those of a single draw."""


class Spectrum(NamedTuple):
    """The second moment of the unit rows of a decoder."""

    spread: Float64[Tensor, " d"]
    """√ of its eigenvalues."""
    basis: Float64[Tensor, "d d"]
    """Its eigenvectors, columns."""

    def draw(self, rows: Float[Tensor, "count d"], seed: int) -> Float[Tensor, "count d"]:
        """Fills `rows`, on the CPU, with unit rows at random with this second moment; in blocks, so
        that a wide dictionary is never held in double precision, nor twice.
        """
        generator = torch.Generator().manual_seed(seed)
        for block in rows.split(_BLOCK):
            drawn = torch.randn(block.shape, generator=generator, dtype=torch.float64)
            block.copy_(normalize((drawn * self.spread) @ self.basis.T, dim=1))
        return rows


def spectrum(W_dec: Float[Tensor, "m d"]) -> Spectrum:
    """The second moment of the unit rows of `W_dec`."""
    moment = torch.zeros(W_dec.shape[1], W_dec.shape[1], dtype=torch.float64)
    for rows in W_dec.split(1 << 16):
        unit = normalize(rows.double().cpu(), dim=1)
        moment += unit.T @ unit
    value, basis = torch.linalg.eigh(moment / len(W_dec))
    return Spectrum(value.clamp(min=0).sqrt(), basis)


def random_directions(W_dec: Float[Tensor, "m d"], seed: int) -> Float[Tensor, "m d"]:
    """Unit rows drawn at random with the second moment of the unit rows of `W_dec`.

    The same seed gives the same rows on every device.
    """
    return spectrum(W_dec).draw(torch.empty(W_dec.shape), seed).to(W_dec.device)


def random_code(
    y: Float[Tensor, "tokens d"], directions: Float[Tensor, "m d"], k: int
) -> SparseCode:
    """The `k` largest of the positive inner products of each centred row `y`."""
    return top_k(y @ directions.T, min(k, len(directions)))


def random_error(
    y: Float[Tensor, "tokens d"], directions: Float[Tensor, "m d"], k: int
) -> Float[Tensor, " tokens"]:
    """‖y − s·fR‖² of each centred row `y`, with its best scale s."""
    rebuilt = random_code(y, directions, k).times(directions)
    explained = (y * rebuilt).sum(1) ** 2 / (rebuilt**2).sum(1).clamp(min=1e-30)
    return (y**2).sum(1) - explained
