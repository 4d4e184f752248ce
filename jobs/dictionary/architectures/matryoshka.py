"""Nested dictionaries in one: each prefix of the features reconstructs on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.architectures.batchtopk import BatchTopK
from jobs.dictionary.code import SparseCode, offsets_of
from jobs.dictionary.sparse import Step, by_feature, encoder_gradients, refined, sampled_dot


class Matryoshka(BatchTopK):
    """L = 1/J Σ_j ‖x − (f_{<w_j} D_{<w_j} + b_dec)‖² + α L_aux over prefixes w_1 < … < w_J = m.

    Early features must do without the later ones, so general features are not absorbed into
    special ones. Selection, θ and files are those of batchtopk.
    """

    architecture = "matryoshka"
    formula = (
        "f = BatchTopK_kB(ReLU((x − b_dec)·W_enc + b_enc));  "
        "L = 1/J Σ_j ‖x − (f_{<w_j}·W_dec,{<w_j} + b_dec)‖² + α L_aux"
    )
    source = "Bussmann et al. 2025, arXiv:2503.17547"
    settings: ClassVar[tuple[str, ...]] = ("k", "prefixes")

    def __init__(self, d_in: int, d_sae: int, k: int, prefixes: Sequence[int]) -> None:
        """`prefixes` are numbers of features, ascending; d_sae itself is added."""
        super().__init__(d_in, d_sae, k)
        self.prefixes = [*(width for width in prefixes if width < d_sae), d_sae]

    @torch.no_grad()
    def learn_chosen(
        self,
        x: Float[Tensor, "batch d"],
        y: Float[Tensor, "batch d_out"],
        code: SparseCode,
        refine: bool,
        sparsity: float,
    ) -> Step:
        """The mean over prefixes of their reconstruction errors.

        Each token counts as J rows, one a level (the features between two prefixes): the same
        sparse sums then serve for every level at once.
        """
        centred, D = self.centred(x), self.W_dec
        code = refined(self, code, centred) if refine else code
        features, by_level = by_feature(code, self.d_sae), self._levels(code)
        shape = (len(x), len(self.prefixes), self.d_in)
        errors = (x - self.b_dec)[:, None] - by_level.times(D).view(shape).cumsum(1)
        deltas = errors * (-2 / (len(x) * shape[1]))  # ∂L/∂x̂_j
        # A feature takes part in the prefix of its own level and in all later ones.
        reach = deltas.flip(1).cumsum(1).flip(1).reshape(-1, self.d_in)
        on = code.values > 0
        dz = sampled_dot(by_level, reach, D) * on
        of_level = features._replace(rows=by_level.rows()[features.order])
        self.W_dec.grad = of_level.times(code.values, reach)
        encoder_gradients(self, features, dz, centred, deltas.sum(1))
        loss = errors.square().sum() / (len(x) * shape[1])
        return Step(loss, errors[:, -1], features.firings(on))

    def _levels(self, code: SparseCode) -> SparseCode:
        """`code` with J rows for each row b: row b·J + j holds the entries of level j. The entries
        stay where they are, for features ascend within a row.
        """
        ends = torch.tensor(self.prefixes, device=code.indices.device)
        level = torch.bucketize(code.indices, ends, right=True)
        rows = code.rows() * len(self.prefixes) + level
        counts = torch.bincount(rows, minlength=(len(code.offsets) - 1) * len(self.prefixes))
        return code._replace(offsets=offsets_of(counts))
