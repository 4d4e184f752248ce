"""ReLU features with an L1 penalty weighted by decoder norms."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.code import SparseCode, from_mask


class Standard(Dictionary):
    """f = ReLU((x − b_dec)·W_enc + b_enc), L = ‖x − x̂‖² + λ Σ_i f_i ‖d_i‖."""

    architecture = "standard"
    formula = "f = ReLU((x − b_dec)·W_enc + b_enc);  L = ‖x − x̂‖² + λ Σ_i f_i‖d_i‖"
    source = "Anthropic, Circuits Updates April 2024 (penalty weighted by decoder norms)"

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """ReLU of the pre-activations."""
        return self.before(x).relu()

    @torch.no_grad()
    def sparse(self, x: Float[Tensor, "batch d"]) -> SparseCode:
        """The features that fire, features ascending within a row."""
        before = self.before(x)
        return from_mask(before, before > 0)
