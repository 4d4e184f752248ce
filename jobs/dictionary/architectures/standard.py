"""ReLU features with an L1 penalty weighted by decoder norms."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.beginning import firing, settle_bias
from jobs.dictionary.code import SparseCode, from_mask
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import SPARSE_BELOW, Step, dense_step, sparse_step


class Standard(Dictionary):
    """f = ReLU((x − b_dec)·W_enc + b_enc), L = ‖x − x̂‖² + λ√d Σ_i f_i ‖d_i‖.

    Inputs have mean ‖x‖² = d in training, so activations grow like √d: with √d in the penalty, λ
    means the same at every width.
    """

    architecture = "standard"
    formula = "f = ReLU((x − b_dec)·W_enc + b_enc);  L = ‖x − x̂‖² + λ√d Σ_i f_i‖d_i‖"
    source = "Anthropic, Circuits Updates April 2024 (penalty weighted by decoder norms)"

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """ReLU of the pre-activations."""
        return self.before(x).relu()

    @torch.no_grad()
    def sparse(self, x: Float[Tensor, "batch d"]) -> SparseCode:
        """The features that fire, features ascending within a row."""
        before = self.before(x)
        return from_mask(before, before > 0)

    @torch.no_grad()
    def settle(self, x: Float[Tensor, "rows d"]) -> None:
        """b_enc = what lets 2√d features a token through."""
        settle_bias(self, x)

    @torch.no_grad()
    def settle_rows(self, rows: Int64[Tensor, " n"]) -> None:
        """b_enc = the mean of all."""
        self.b_enc[rows] = self.b_enc.mean()

    @torch.no_grad()
    def learn(self, x: Float[Tensor, "batch d"], encoder: FastEncoder, sparsity: float) -> Step:
        """‖x − x̂‖² + λ√d Σ_i f_i‖d_i‖, λ = `sparsity`; by matrix products while much fires."""
        if self.starting:
            return self.learn_chosen(x, x, self.choose(x, encoder), encoder.low, sparsity)
        penalty = sparsity * math.sqrt(self.d_in)
        before = encoder(self.centred(x))
        on = before > 0
        if int(on.sum()) > SPARSE_BELOW * on.numel():
            return dense_step(self, x, before, on, penalty, encoder.dtype)
        return sparse_step(self, x, from_mask(before, on), penalty, refine=encoder.low)

    @torch.no_grad()
    def choose(self, x: Float[Tensor, "batch d"], encoder: FastEncoder) -> SparseCode:
        """The largest pre-activations of the batch; see `jobs.dictionary.beginning`."""
        return firing(self, self.centred(x), encoder)

    @torch.no_grad()
    def learn_chosen(
        self,
        x: Float[Tensor, "batch d"],
        y: Float[Tensor, "batch d_out"],
        code: SparseCode,
        refine: bool,
        sparsity: float,
    ) -> Step:
        """The same loss over `code`."""
        return sparse_step(self, x, code, sparsity * math.sqrt(self.d_in), refine=refine)
