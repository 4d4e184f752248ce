"""The k·B largest pre-activations of a batch of B tokens."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.code import SparseCode
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import Step, sparse_step
from jobs.dictionary.thresholded import Thresholded


class BatchTopK(Thresholded):
    """Tokens share k·B activations as they need them: L = ‖x − x̂‖² + α L_aux.

    θ, one number for all features, is a running mean of the smallest selected pre-activation. At
    inference a feature fires above θ, so that a token's code does not depend on its neighbours; on
    disk it is a jumprelu dictionary.
    """

    architecture = "batchtopk"
    formula = (
        "f = BatchTopK_kB(ReLU((x − b_dec)·W_enc + b_enc));  L = ‖x − x̂‖² + α L_aux;  "
        "θ = E[min selected z], at inference f = z·[z > θ]"
    )
    source = "Bussmann et al. 2024, arXiv:2412.06410"
    estimated = frozenset({"threshold"})
    settings: ClassVar[tuple[str, ...]] = ("k",)

    def __init__(self, d_in: int, d_sae: int, k: int, d_out: int | None = None) -> None:
        super().__init__(d_in, d_sae, d_out)
        self.k = k

    @property
    def chooses_by_batch(self) -> bool:
        """Always."""
        return True

    def active_at_start(self) -> int:
        """k."""
        return self.k

    @torch.no_grad()
    def learn(self, x: Float[Tensor, "batch d"], encoder: FastEncoder, sparsity: float) -> Step:
        """‖x − x̂‖² over what `encoder` selects; no penalty."""
        return self.learn_pairs(x, x, encoder, sparsity)

    @torch.no_grad()
    def learn_pairs(
        self,
        x: Float[Tensor, "batch d"],
        y: Float[Tensor, "batch d_out"],
        encoder: FastEncoder,
        sparsity: float,
    ) -> Step:
        """`learn` where `y` is to be written for `x`."""
        return self.learn_chosen(x, y, self.choose(x, encoder), encoder.low, sparsity)

    @torch.no_grad()
    def learn_chosen(
        self,
        x: Float[Tensor, "batch d"],
        y: Float[Tensor, "batch d_out"],
        code: SparseCode,
        refine: bool,
        sparsity: float,
    ) -> Step:
        """‖x − x̂‖² over `code`."""
        return sparse_step(self, x, code, refine=refine)
