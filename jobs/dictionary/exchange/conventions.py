"""What libraries do differently with the same weights, changed so that reconstructions stay."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def reading(weights: Mapping[str, Tensor], takes_off: bool, shall: bool) -> dict[str, Tensor]:
    """`weights` for a library that takes b_dec off the input (`shall`) or reads the input itself,
    where they were made to take it off (`takes_off`) or not: the difference b_dec·W_enc goes into
    the encoder's biases, that of the magnitudes times e^r.
    """
    changed = dict(weights)
    if takes_off == shall:
        return changed
    shift = weights["b_dec"].double() @ weights["W_enc"].double() * (1 if shall else -1)
    for name in ("b_enc", "b_gate", "b_mag"):
        if name in weights:
            grown = weights["r_mag"].double().exp() if name == "b_mag" else 1.0
            changed[name] = (weights[name].double() + shift * grown).float()
    return changed


def scaled(weights: Mapping[str, Tensor], factor: float) -> dict[str, Tensor]:
    """`weights` for activations x as the model has them, where they were made for factor·x:
    features are in the units of x then, so that biases and thresholds alone change.
    """
    named = ("b_enc", "b_dec", "b_gate", "b_mag", "threshold")
    return {name: w.float() / factor if name in named else w for name, w in weights.items()}


def of_unit_directions(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`weights` of ReLU features with rows of W_dec of length one, their lengths moved into the
    encoder. A row of length zero, which writes nothing, becomes a feature that never fires.
    """
    lengths = torch.linalg.vector_norm(weights["W_dec"].double(), dim=1)
    if torch.allclose(lengths, torch.ones_like(lengths)):
        return dict(weights)
    dead = lengths == 0
    directions = weights["W_dec"].double() / lengths.where(~dead, 1.0)[:, None]
    directions[dead, 0] = 1.0
    return {
        **weights,
        "W_dec": directions.float(),
        "W_enc": (weights["W_enc"].double() * lengths).float(),
        "b_enc": (weights["b_enc"].double() * lengths).float(),
    }
