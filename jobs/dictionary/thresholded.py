"""What batchtopk and jumprelu share: at inference a feature fires above its threshold."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from jobs.dictionary.base import Dictionary
from jobs.dictionary.batchtop import batch_top_k
from jobs.dictionary.code import SparseCode, from_mask
from jobs.dictionary.precision import FastEncoder

RUNNING = 0.1
"""Weight of a new batch in the running mean of the smallest selected pre-activation. One batch says
it to a percent, having thousands of selected ones; a longer memory would lag behind the weights.
"""
RUNNING_AT_END = 0.3
"""The same while the rate falls: then it rises fast, and nothing is re-seeded by it any more."""


class Thresholded(Dictionary):
    """f = z·[z > θ] for pre-activations z > 0 and a threshold θ a feature: JumpReLU."""

    unit_norm = True
    saved_as: ClassVar[str | None] = "jumprelu"
    scales_with_input = frozenset({"b_enc", "b_dec", "threshold"})

    threshold: nn.Parameter
    """θ, [m], not below zero; in the activation's units."""

    def __init__(self, d_in: int, d_sae: int, d_out: int | None = None) -> None:
        super().__init__(d_in, d_sae, d_out)
        self.threshold = nn.Parameter(torch.zeros(d_sae))

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """Pre-activations above their threshold, zero elsewhere."""
        before = self.before(x)
        return before.relu() * (before > self.threshold)

    @torch.no_grad()
    def sparse(self, x: Float[Tensor, "batch d"]) -> SparseCode:
        """The features that fire, features ascending within a row."""
        before = self.before(x)
        return from_mask(before, (before > self.threshold) & (before > 0))

    @torch.no_grad()
    def settle(self, x: Float[Tensor, "rows d"]) -> None:
        """b_enc = 0, θ = what lets as many features a token through as fire at the start."""
        self.b_enc.zero_()
        top = batch_top_k(self.before(x), self.active_at_start() * len(x))
        self.threshold.copy_(top.cutoff.expand(self.d_sae))

    @torch.no_grad()
    def newcomers(
        self, x: Float[Tensor, "batch d"], rows: Int64[Tensor, " n"], code: SparseCode | None
    ) -> Float[Tensor, "batch n"]:
        """Those above their threshold."""
        before = self.before_of(x, rows)
        return before.relu() * (before > self.threshold[rows])

    @torch.no_grad()
    def choose(self, x: Float[Tensor, "batch d"], encoder: FastEncoder) -> SparseCode:
        """As many of the largest pre-activations as fire at the start; θ, one number for all
        features, follows the smallest.
        """
        top = encoder.largest(self.centred(x), self.active_at_start() * len(x))
        usable = torch.isfinite(top.cutoff) & (top.cutoff > 0)
        weight = RUNNING_AT_END if self.ending else RUNNING
        step = torch.where(usable, weight * (top.cutoff - self.threshold[0]), 0.0)
        self.threshold.add_(step.to(self.threshold.dtype))
        return top.code

    @torch.no_grad()
    def settle_rows(self, rows: Int64[Tensor, " n"]) -> None:
        """b_enc = 0, θ = the mean of all."""
        self.b_enc[rows] = 0
        self.threshold[rows] = self.threshold.mean()
