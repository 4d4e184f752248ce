"""One half of the encoder says which features fire, the other how strongly."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from jobs.dictionary.base import Dictionary
from jobs.dictionary.beginning import firing, settle_bias
from jobs.dictionary.code import SparseCode, from_mask
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import Step, by_feature, encoder_gradients, sampled_dot


class Gated(Dictionary):
    """f = H(g)·ReLU(h), g = (x − b_dec)·W_enc + b_gate, h = (x − b_dec)·(W_enc e^r) + b_mag;
    L = ‖x − x̂(f)‖² + λ√d Σ_i ReLU(g_i) + ‖x − x̂*(ReLU(g))‖².

    x̂* is the decoder held fixed: the gate learns from a reconstruction of its own, the decoder does
    not. Only the gate is penalised, so magnitudes do not shrink. Here b_gate is `b_enc`.
    """

    architecture = "gated"
    formula = (
        "c = x − b_dec;  g = c·W_enc + b_gate;  h = c·(W_enc e^{r_mag}) + b_mag;  "
        "f = H(g)·ReLU(h);  L = ‖x − x̂(f)‖² + λ√d Σ_i ReLU(g_i) + ‖x − x̂_frozen(ReLU(g))‖²"
    )
    source = "Rajamanoharan et al. 2024, arXiv:2404.16014"
    unit_norm = True
    saved_names: ClassVar[dict[str, str]] = {"encoder": "W_enc", "b_enc": "b_gate"}
    scales_with_input = frozenset({"b_enc", "b_mag", "b_dec"})

    r_mag: nn.Parameter
    """Logarithm of each feature's magnitude weights over its gate weights, [m]."""
    b_mag: nn.Parameter

    def __init__(self, d_in: int, d_sae: int) -> None:
        super().__init__(d_in, d_sae)
        self.r_mag = nn.Parameter(torch.zeros(d_sae))
        self.b_mag = nn.Parameter(torch.zeros(d_sae))

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """Magnitudes where the gate is open."""
        raw = nn.functional.linear(self.centred(x), self.encoder)
        return (raw * self.r_mag.exp() + self.b_mag).relu() * (raw + self.b_enc > 0)

    @torch.no_grad()
    def sparse(self, x: Float[Tensor, "batch d"]) -> SparseCode:
        """The features that fire, features ascending within a row."""
        f = self.encode(x)
        return from_mask(f, f > 0)

    @torch.no_grad()
    def settle(self, x: Float[Tensor, "rows d"]) -> None:
        """b_gate = what lets 2√d features a token through; r_mag = b_mag = 0."""
        settle_bias(self, x)
        self.r_mag.zero_()
        self.b_mag.zero_()

    @torch.no_grad()
    def settle_rows(self, rows: Int64[Tensor, " n"]) -> None:
        """b_gate = the mean of all; r_mag = b_mag = 0."""
        self.b_enc[rows] = self.b_enc.mean()
        self.r_mag[rows] = 0
        self.b_mag[rows] = 0

    @torch.no_grad()
    def newcomers(
        self, x: Float[Tensor, "batch d"], rows: Int64[Tensor, " n"], code: SparseCode | None
    ) -> Float[Tensor, "batch n"]:
        """Magnitudes, as those of newcomers are, where the gate is open."""
        before = self.before_of(x, rows)
        return (before - self.b_enc[rows]).relu() * (before > 0)

    @torch.no_grad()
    def learn(self, x: Float[Tensor, "batch d"], encoder: FastEncoder, sparsity: float) -> Step:
        """The three terms, λ = `sparsity`, over the pairs whose gate is open."""
        return self.learn_chosen(x, x, self.choose(x, encoder), encoder.low, sparsity)

    @torch.no_grad()
    def choose(self, x: Float[Tensor, "batch d"], encoder: FastEncoder) -> SparseCode:
        """The pairs whose gate is open; at the start the widest open of the batch."""
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
        """The same over `code`, whose values are computed anew either way."""
        centred, D = self.centred(x), self.W_dec
        weight = sparsity * math.sqrt(self.d_in) / len(x)
        raw = sampled_dot(code, centred, self.encoder)
        features, i = by_feature(code, self.d_sae), code.indices
        gate = code._replace(values=(raw + self.b_enc[i]).relu())
        growth = self.r_mag.exp()[i]
        open_ = gate.values > 0
        f = code._replace(values=(raw * growth + self.b_mag[i]).relu() * open_)
        error, missed = x - self.reconstruct(f), x - self.reconstruct(gate)
        delta = error * (-2 / len(x))
        dh = sampled_dot(f, delta, D) * (f.values > 0)
        dg = (sampled_dot(gate, missed * (-2 / len(x)), D) + weight) * open_
        self.W_dec.grad = features.times(f.values, delta)
        self.r_mag.grad = features.sum(dh * raw * growth)
        self.b_mag.grad = features.sum(dh)
        encoder_gradients(self, features, dh * growth + dg, centred, delta)
        self.b_enc.grad = features.sum(dg)  # the magnitude's bias is another
        loss = (error.square().sum() + missed.square().sum()) / len(x)
        return Step(loss + weight * gate.values.sum(), error, features.firings(f.values > 0))
