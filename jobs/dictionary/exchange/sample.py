"""How well a dictionary from elsewhere reconstructs a sample, and what may be amiss where it does
not: it may have been trained on other activations than the ones this model gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.profile.null import random_directions, random_error
from store.errors import AskedWrongly

_ROWS = 256
"""Tokens encoded at a time."""
BAD = 0.8
"""FVU from which a dictionary is thought not to be at home here."""


class Sample(NamedTuple):
    """A dictionary on some activations."""

    tokens: int
    fvu: float
    """Σ‖x−x̂‖² / Σ‖x−x̄‖²."""
    l0: float
    """Features active on a token, mean."""
    fvu_random: float
    """FVU of as many random directions, as active, in the same subspace: the null."""


@torch.no_grad()
def measured(
    dictionary: Dictionary,
    x: Float[Tensor, "tokens d"],
    y: Float[Tensor, "tokens d_out"] | None = None,
) -> Sample:
    """FVU, L0 and the null's FVU on `x`; `y` is what a transcoder is to write for it. Raises
    AskedWrongly where the sample does not vary.
    """
    wanted = x if y is None else y
    if not _square(wanted - wanted.mean(0)):
        raise AskedWrongly(
            "Every token of the sample gives the same activation, so there is nothing to fit: on "
            "this text nothing varies at that hook. If the text is not in the language of the "
            "model, name another: corpus=…."
        )
    fvu, l0 = _fvu(dictionary, x, wanted)
    y = wanted - wanted.mean(0)
    k = max(1, min(round(l0), dictionary.d_sae))
    rows = random_directions(dictionary.W_dec.detach(), seed=0)
    missed = sum(float(random_error(part, rows, k).double().sum()) for part in y.split(_ROWS))
    return Sample(len(x), fvu, l0, missed / _square(y))


def warning(
    dictionary: Dictionary, x: Float[Tensor, "tokens d"] | None, sample: Sample
) -> str | None:
    """What to tell a user whose dictionary does not fit the activations `x`; None where it does.
    Without `x`, as for a transcoder, no other activations are tried.
    """
    if sample.fvu < BAD and sample.fvu < sample.fvu_random:
        return None
    worse = ", no better than a random dictionary" if sample.fvu >= sample.fvu_random else ""
    text = (
        f"It does not fit these activations: FVU {sample.fvu:.2f}{worse} "
        f"(random: {sample.fvu_random:.2f}). "
    )
    tried = {} if x is None else {name: change(x) for name, change in _CHANGES.items()}
    for name, changed in tried.items():
        fvu = _fvu(dictionary, changed, changed)[0]
        if fvu < 0.6 * min(sample.fvu, 1.0):
            return text + f"On {name} its FVU is {fvu:.2f}: it was trained on those."
    return text + (
        "Check hook and model; it may want activations of processed weights, or scaled ones."
    )


def _scaled(x: Tensor) -> Tensor:
    return x * (math.sqrt(x.shape[1]) / torch.linalg.vector_norm(x, dim=1).mean())


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(1, keepdim=True)


_CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "activations scaled to mean length √d": _scaled,
    "activations centred over d (processed weights)": _centred,
    "activations centred over d (processed weights) and scaled to mean length √d": (
        lambda x: _scaled(_centred(x))
    ),
}
"""What other libraries do to activations before they train on them."""


@torch.no_grad()
def _fvu(dictionary: Dictionary, x: Tensor, y: Tensor) -> tuple[float, float]:
    error, active = 0.0, 0
    for part, wanted in zip(x.split(_ROWS), y.split(_ROWS), strict=True):
        code = dictionary.sparse(part)
        error += _square(wanted - dictionary.written(part, code))
        active += len(code.indices)
    return error / max(_square(y - y.mean(0)), 1e-30), active / len(x)


def _square(x: Tensor) -> float:
    return float(x.double().square().sum())
