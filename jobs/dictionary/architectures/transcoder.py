"""An MLP's work done by features: from what it reads to what it writes."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from jobs.dictionary.architectures.batchtopk import BatchTopK
from jobs.dictionary.code import SparseCode
from jobs.dictionary.sparse import Step, sparse_step
from jobs.dictionary.topk import top_k, top_k_of

RIDGE = 0.3
"""What is added to each input's variance, as a share of their mean, where the skip begins."""


class Transcoder(BatchTopK):
    """ŷ = f(x)·W_dec + b_dec (+ (x − x̄)·W_skipᵀ), L = ‖y − ŷ‖² + α L_aux, for an MLP's input x and
    output y.

    Selection and θ are those of batchtopk, so that a saved transcoder is SAELens's
    ``jumprelu_transcoder`` or ``jumprelu_skip_transcoder`` to the digit (a per-token top-k is
    nothing SAELens can read). x̄, the mean input at the start, is folded away on save.

    sparsify's transcoders choose the k largest of every token instead (`per_token`); their folder
    is of SAELens's layout under a name of its own.
    """

    architecture = "transcoder"
    formula = (
        "f = BatchTopK_kB(ReLU((x − x̄)·W_enc + b_enc));  ŷ = f·W_dec + b_dec + (x − x̄)·W_skipᵀ "
        "(skip only);  L = ‖y − ŷ‖² + α L_aux;  θ = E[min selected z], at inference f = z·[z > θ]"
    )
    source = "Dunefsky et al. 2024, arXiv:2406.11944; skip: Paulo et al. 2025, arXiv:2501.18823"
    settings: ClassVar[tuple[str, ...]] = ("k", "skip")
    estimated = frozenset({"threshold", "b_in"})
    shared = frozenset({"b_dec", "b_in", "W_skip"})

    b_in: nn.Parameter
    """x̄, [d]; zero once saved."""

    def __init__(
        self,
        d_in: int,
        d_sae: int,
        k: int = 0,
        skip: bool = False,
        d_out: int | None = None,
        per_token: bool = False,
    ) -> None:
        """`skip` adds a linear map beside the features; `k` is for training alone (0: unknown)
        unless `per_token`: then the k largest of a token fire, whatever θ.
        """
        super().__init__(d_in, d_sae, k, d_out)
        self.skip, self.per_token, self.subtract_b_dec = skip, per_token, False
        self.b_in = nn.Parameter(torch.zeros(d_in))
        self.W_skip = nn.Parameter(torch.zeros(self.d_out, d_in)) if skip else None
        """[d_out, d], or None."""

    @property
    def saved_as(self) -> str:  # type: ignore[override]
        """SAELens's name for it, where it has one."""
        kind = "topk" if self.per_token else "jumprelu"
        return f"{kind}_skip_transcoder" if self.skip else f"{kind}_transcoder"

    @property
    def folded(self) -> frozenset[str]:  # type: ignore[override]
        """x̄; and θ where no threshold decides."""
        return frozenset({"b_in", "threshold"}) if self.per_token else frozenset({"b_in"})

    @property
    def saelens_options(self) -> dict[str, Any]:  # type: ignore[override]
        """What inference needs to know of k."""
        return {"k": self.k} if self.per_token else {}

    def options(self) -> dict[str, Any]:
        """Values of `settings`, as far as they are known."""
        return {name: value for name, value in super().options().items() if value}

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """Pre-activations that fire, zero elsewhere."""
        return top_k_of(self.before(x), self.k) if self.per_token else super().encode(x)

    @torch.no_grad()
    def sparse(self, x: Float[Tensor, "batch d"]) -> SparseCode:
        """The features that fire."""
        return top_k(self.before(x), self.k) if self.per_token else super().sparse(x)

    def centred(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        """x − x̄."""
        return x.to(self.W_dec.dtype) - self.b_in

    def bypass(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d_out"] | float:
        """What reaches the output beside the features."""
        return 0.0 if self.W_skip is None else F.linear(self.centred(x), self.W_skip)

    def forward(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d_out"]:
        """ŷ."""
        return self.decode(self.encode(x)) + self.bypass(x)

    @torch.no_grad()
    def written(
        self, x: Float[Tensor, "batch d"], code: SparseCode
    ) -> Float[Tensor, "batch d_out"]:
        """ŷ from `x` and its code."""
        return self.reconstruct(code) + self.bypass(x)

    @torch.no_grad()
    def learn_chosen(
        self,
        x: Float[Tensor, "batch d"],
        y: Float[Tensor, "batch d_out"],
        code: SparseCode,
        refine: bool,
        sparsity: float,
    ) -> Step:
        """‖y − ŷ‖² over `code`; no penalty."""
        step = sparse_step(self, x, code, refine=refine, target=y - self.bypass(x))
        if self.W_skip is not None:
            self.W_skip.grad = (step.error.T @ self.centred(x)) * (-2 / len(x))
        return step

    @torch.no_grad()
    def read_multiplied(self, gain: Float[Tensor, " d"]) -> None:
        """Makes encoder and skip read gain⊙x as they read x."""
        super().read_multiplied(gain)
        self.b_in.mul_(gain)
        if self.W_skip is not None:
            self.W_skip.div_(gain)

    @torch.no_grad()
    def set_aside(
        self, x: Float[Tensor, "rows d"], y: Float[Tensor, "rows d_out"]
    ) -> Float[Tensor, "rows d_out"]:
        """x̄, and as W_skip the linear map that does best on these rows: learned from zero by
        gradient it takes longer than a short training, while features learn what it will do.
        """
        self.b_in.copy_(x.mean(0))
        if self.W_skip is None:
            return y
        centred, wanted = self.centred(x), y - y.mean(0)
        square = (centred.T @ centred).double()
        square.diagonal().add_(RIDGE * square.diagonal().mean())
        self.W_skip.copy_(torch.linalg.solve(square, (centred.T @ wanted).double()).T)
        return y - self.bypass(x)

    def hears(
        self, x: Float[Tensor, "n d"], directions: Float[Tensor, "n d_out"]
    ) -> Float[Tensor, "n d"]:
        """The directions of the inputs themselves."""
        return F.normalize(self.centred(x))

    @torch.no_grad()
    def unscaled(self, scale: Any, read_scale: Any) -> dict[str, Tensor]:
        """Features in units of the output: with inputs r·x and outputs s·y, weights that read take
        the factor r/s, biases and thresholds 1/s, and x̄ goes into the biases.
        """
        ratio = read_scale / scale
        b_enc = self.b_enc - self.encoder @ self.b_in
        held = {
            "encoder": self.encoder * ratio,
            "b_enc": b_enc / scale,
            "W_dec": self.W_dec,
            "b_dec": self.b_dec / scale,
            "threshold": self.threshold / scale,
        }
        if self.W_skip is not None:
            held["W_skip"] = self.W_skip * ratio
            held["b_dec"] = (self.b_dec - self.W_skip @ self.b_in) / scale
        return {name: t.detach() for name, t in held.items() if name not in self.folded}
