"""A learned threshold a feature, moved by straight-through estimates."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from jobs.dictionary.code import SparseCode, from_mask
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import (
    SPARSE_BELOW,
    Step,
    bias_gradient,
    by_feature,
    encoder_gradients,
    refined,
    sampled_dot,
    sparse_step,
)
from jobs.dictionary.thresholded import Thresholded

TANH = 4.0
"""c in the tanh penalty, for activations where mean ‖x‖² = d (Anthropic, January 2025 update)."""


class JumpReLU(Thresholded):
    """f = z·H(z − θ), L = ‖x − x̂‖² + λd Σ_i H(z_i − θ_i), or λd Σ_i tanh(c f_i).

    H has no useful gradient in θ; within half a bandwidth ε_i of the threshold these stand in for
    it (K is 1 there and 0 elsewhere; pairs with z ≤ 0 take no part):

        ∂f/∂θ := −(θ/ε_i) K((z − θ)/ε_i)        ∂H/∂θ := −(1/ε_i) K((z − θ)/ε_i)

    Inputs have mean ‖x‖² = d in training, so an encoder row w_i that has nothing to do with x reads
    about N(0, ‖w_i‖²) at any width: with ε_i = ε‖w_i‖ the same share of pairs is near its threshold
    at any width and layer, and from the first step, when rows are short, to the last. A firing must
    explain about the share λ of a token's mean square to pay for itself.
    """

    architecture = "jumprelu"
    formula = (
        "z = (x − b_dec)·W_enc + b_enc;  f = z·H(z − θ);  L = ‖x − x̂‖² + λd Σ_i H(z_i − θ_i)  "
        "(or λd Σ_i tanh(4f_i));  ∂H/∂θ := −K((z − θ)/ε_i)/ε_i, ε_i = ε‖w_i‖"
    )
    source = "Rajamanoharan et al. 2024, arXiv:2407.14435"
    pace: ClassVar[dict[str, float]] = {"threshold": 5.0}

    def __init__(
        self,
        d_in: int,
        d_sae: int,
        bandwidth: float = 0.5,
        penalty: Literal["l0", "tanh"] = "l0",
    ) -> None:
        """`bandwidth` is ε, that of an encoder row of length 1."""
        super().__init__(d_in, d_sae)
        self.bandwidth, self.penalty = bandwidth, penalty

    @torch.no_grad()
    def learn(self, x: Float[Tensor, "batch d"], encoder: FastEncoder, sparsity: float) -> Step:
        """‖x − x̂‖² and the penalty, λ = `sparsity`, over the pairs above or near their threshold;
        no other pair has a gradient.
        """
        self.threshold.clamp_(min=0)
        centred, D, weight = self.centred(x), self.W_dec, sparsity * self.d_in / len(x)
        if self.starting:
            return self.learn_chosen(x, x, self.choose(x, encoder), encoder.low, sparsity)
        low, width = encoder(centred), self.widths()
        pairs = (low > self.threshold - width / 2) & (low > 0)
        if int(pairs.sum()) > SPARSE_BELOW * pairs.numel():
            return self._learn_densely(x, centred, low, weight)
        code = from_mask(low, pairs)
        code = refined(self, code, centred) if encoder.low else code
        theta, width = self.threshold[code.indices], width[code.indices]
        features, z = by_feature(code, self.d_sae), code.values
        on = z > theta
        code = code._replace(values=z * on)
        error = x - self.reconstruct(code)
        delta = error * (-2 / len(x))  # ∂L/∂x̂
        cost = self._cost(code.values, on)
        df = sampled_dot(code, delta, D) + weight * cost.by_value
        near = (z - theta).abs() < width / 2
        dtheta = -(theta * df + weight * cost.by_firing) * near / width
        self.threshold.grad = features.sum(dtheta)
        self.W_dec.grad = features.times(code.values, delta)
        encoder_gradients(self, features, df * on, centred, delta)
        loss = error.square().sum() / len(x) + weight * cost.total
        return Step(loss, error, features.firings(on))

    def widths(self) -> Float[Tensor, " m"]:
        """ε_i = ε‖w_i‖."""
        return self.bandwidth * torch.linalg.vector_norm(self.encoder, dim=1).clamp_min(1e-6)

    @torch.no_grad()
    def learn_chosen(
        self,
        x: Float[Tensor, "batch d"],
        y: Float[Tensor, "batch d_out"],
        code: SparseCode,
        refine: bool,
        sparsity: float,
    ) -> Step:
        """The start, where selection is batchtopk's: θ follows instead of learning."""
        step = sparse_step(self, x, code, refine=refine)
        self.threshold.grad = torch.zeros_like(self.threshold)
        return step._replace(loss=step.loss + sparsity * self.d_in / len(x) * step.active.sum())

    def _learn_densely(self, x: Tensor, centred: Tensor, low: Tensor, weight: float) -> Step:
        """The same by matrix products in the precision of `low`, while much fires."""
        D, theta, dtype = self.W_dec, self.threshold, low.dtype
        z = low.to(x.dtype)
        on = (z > theta) & (z > 0)
        f, low_D = z * on, D.to(dtype)
        low_f = f.to(dtype)
        error = x - ((low_f @ low_D).to(x.dtype) + self.b_dec)
        delta = error * (-2 / len(x))
        cost, low_delta, width = self._cost(f, on), delta.to(dtype), self.widths()
        df = (low_delta @ low_D.T).to(x.dtype) + weight * cost.by_value
        near = ((z - theta).abs() < width / 2) & (z > 0)
        dtheta = (theta * df + weight * cost.by_firing) * near
        self.threshold.grad = dtheta.sum(0) / -width
        dz = (df * on).to(dtype)
        self.W_dec.grad = (low_f.T @ low_delta).to(x.dtype)
        self.encoder.grad = (dz.T @ centred.to(dtype)).to(x.dtype)
        self.b_enc.grad = dz.sum(0, dtype=x.dtype)
        self.b_dec.grad = bias_gradient(self, delta, self.b_enc.grad)
        loss = error.square().sum() / len(x) + weight * cost.total
        return Step(loss, error, on.sum(0))

    def _cost(self, f: Float[Tensor, " n"], on: Bool[Tensor, " n"]) -> Cost:
        if self.penalty == "l0":
            return Cost(on.sum(), 0.0, 1.0)
        bent = torch.tanh(TANH * f)
        return Cost(bent.sum(), TANH * (1 - bent.square()), 0.0)


class Cost(NamedTuple):
    """The penalty on a batch, and what it says of each pair, before its weight."""

    total: Tensor
    by_value: Tensor | float
    """Its derivative with respect to f."""
    by_firing: float
    """What is paid for firing at all."""
