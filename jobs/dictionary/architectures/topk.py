"""The k largest pre-activations of a token."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.code import SparseCode
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import Step, sparse_step
from jobs.dictionary.topk import top_k, top_k_of

WIDTH = 576
"""Dimensions from which on decoder and encoder learn at one rate (SmolLM2's; there a decoder three
times as quick is worse)."""


class TopK(Dictionary):
    """f = ReLU(TopK((x − b_dec)·W_enc + b_enc)), L = ‖x − x̂‖² + α L_aux."""

    architecture = "topk"
    formula = "f = ReLU(TopK_k((x − b_dec)·W_enc + b_enc));  L = ‖x − x̂‖² + α L_aux"
    source = "Gao et al. 2024, arXiv:2406.04093"
    settings = ("k",)
    unit_norm = True
    saelens_options: ClassVar[dict[str, Any]] = {"rescale_acts_by_decoder_norm": False}

    def __init__(self, d_in: int, d_sae: int, k: int) -> None:
        super().__init__(d_in, d_sae)
        self.k = k

    @property
    def pace(self) -> dict[str, float]:  # type: ignore[override]
        """A step of Adam turns a decoder row, of length one, by about rate·√d: below `WIDTH`
        dimensions the decoder's rate is raised so that it turns as far as there.
        """
        return {"W_dec": max(1.0, math.sqrt(WIDTH / self.d_out))}

    @property
    def chooses_by_batch(self) -> bool:
        """Never: k a token."""
        return False

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """The k largest pre-activations where positive, zero elsewhere."""
        return top_k_of(self.before(x), self.k)

    @torch.no_grad()
    def sparse(self, x: Float[Tensor, "batch d"]) -> SparseCode:
        """The at most k features that fire, strongest first within a row."""
        return top_k(self.before(x), self.k)

    @torch.no_grad()
    def newcomers(
        self, x: Float[Tensor, "batch d"], rows: Int64[Tensor, " n"], code: SparseCode | None
    ) -> Float[Tensor, "batch n"]:
        """Those among the k largest of a token, beside what fires in `code`."""
        before = self.before_of(x, rows).relu()
        others = before.new_zeros(len(x), self.k)
        if code is not None:
            row = code.rows()
            place = torch.arange(len(row), device=row.device) - code.offsets[row]
            others[row, place] = code.values.to(before.dtype)
        least = torch.cat((others, before), 1).topk(self.k).values[:, -1:]
        return before * (before >= least)

    @torch.no_grad()
    def learn(self, x: Float[Tensor, "batch d"], encoder: FastEncoder, sparsity: float) -> Step:
        """‖x − x̂‖² over the k features that `encoder` puts first; no penalty."""
        code = top_k(encoder(self.centred(x)), self.k)
        return sparse_step(self, x, code, refine=encoder.low)
