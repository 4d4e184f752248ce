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

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.code import SparseCode
from jobs.dictionary.topk import top_k


def random_directions(W_dec: Float[Tensor, "m d"], seed: int) -> Float[Tensor, "m d"]:
    """Unit rows drawn at random with the second moment of the unit rows of `W_dec`.

    The same seed gives the same rows on every device.
    """
    unit = torch.nn.functional.normalize(W_dec.double().cpu(), dim=1)
    spectrum, basis = torch.linalg.eigh(unit.T @ unit / len(unit))
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(unit.shape, generator=generator, dtype=torch.float64)
    rows = (drawn * spectrum.clamp(min=0).sqrt()) @ basis.T
    return torch.nn.functional.normalize(rows, dim=1).to(W_dec.device, torch.float32)


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
