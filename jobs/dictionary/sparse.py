"""The sparse step: loss and gradients of a dictionary, touching only the features that fire.

With f sparse, x̂ = f·D is a weighted sum of a few rows of D, and the gradients of D and of the
encoder are, feature by feature, weighted sums of a few tokens: both are `embedding_bag`, the second
after sorting the (token, feature) pairs by feature. The result is autograd's, to rounding, at a
fraction of its cost.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from jobs.dictionary.code import SparseCode, offsets_of

if TYPE_CHECKING:
    from jobs.dictionary.base import Dictionary

Before = Callable[[Tensor], Tensor]
"""Pre-activations of centred inputs, [batch, d] → [batch, m], perhaps in low precision."""

SPARSE_BELOW = 0.04
"""Share of features firing below which the sparse step is quicker than the dense one."""

_GATHER = 1 << 22
"""Numbers gathered at a time where no fused kernel exists."""

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly disabled")


class Step(NamedTuple):
    """What a step measured; its gradients are in the parameters' ``.grad``."""

    loss: Float[Tensor, ""]
    """Training loss, mean over the batch."""
    error: Float[Tensor, "batch d"]
    """x − x̂."""
    active: Int64[Tensor, " m"]
    """Tokens of the batch on which each feature fires."""
    code: SparseCode | None = None
    """What fired, where the code was sparse."""


def sampled_dot(
    code: SparseCode, left: Float[Tensor, "batch d"], right: Float[Tensor, "m d"]
) -> Float[Tensor, " n"]:
    """left_b · right_i for every entry (b, i) of `code`, and for no other pair."""
    if _fused(left.device):
        shape = (left.shape[0], right.shape[0])
        pattern = torch.sparse_csr_tensor(
            code.offsets,
            code.indices,
            left.new_zeros(len(code.indices)),
            shape,
            check_invariants=False,
        )
        return torch.sparse.sampled_addmm(pattern, left, right.T, beta=0.0).values()
    rows, d = code.rows(), left.shape[1]
    parts = zip(
        rows.split(max(1, _GATHER // d)), code.indices.split(max(1, _GATHER // d)), strict=True
    )
    return torch.cat([torch.linalg.vecdot(left[row], right[index]) for row, index in parts])


def _fused(device: torch.device) -> bool:
    """Whether sampled products have a kernel of their own there that is worth its name."""
    return device.type == "cpu"


class ByFeature(NamedTuple):
    """The entries of a code, sorted by feature: its transpose."""

    offsets: Int64[Tensor, " m+1"]
    order: Int64[Tensor, " n"]
    rows: Int64[Tensor, " n"]

    def sum(self, values: Float[Tensor, " n"]) -> Float[Tensor, " m"]:
        """Σ over a feature's entries; `values` in the code's own order."""
        return torch.segment_reduce(values[self.order], "sum", offsets=self.offsets, initial=0)

    def firings(self, on: Bool[Tensor, " n"]) -> Int64[Tensor, " m"]:
        """How many of a feature's entries are on."""
        return self.sum(on.to(torch.get_default_dtype())).long()

    def times(
        self, values: Float[Tensor, " n"], x: Float[Tensor, "batch d"]
    ) -> Float[Tensor, "m d"]:
        """Σ_b value_bi x_b for every feature i: the sparse product fᵀ·X."""
        return F.embedding_bag(
            self.rows,
            x,
            self.offsets,
            mode="sum",
            per_sample_weights=values[self.order],
            include_last_offset=True,
        )


def by_feature(code: SparseCode, d_sae: int) -> ByFeature:
    """Sorts the entries of `code` by feature, tokens ascending within one."""
    order = _ascending(code.indices, d_sae)
    counts = torch.bincount(code.indices, minlength=d_sae)
    return ByFeature(offsets_of(counts), order, code.rows()[order])


def _ascending(features: Int64[Tensor, " n"], d_sae: int) -> Int64[Tensor, " n"]:
    """The order in which `features` ascend, equal ones as they come."""
    if features.device.type == "cpu" and d_sae <= 1 << 16:
        # NumPy sorts numbers of 16 bits by their digits, 2 to 12 times as quickly as torch.
        order = np.argsort(features.numpy().astype(np.uint16), kind="stable")
        return torch.from_numpy(order)
    return features.to(torch.int32).sort(stable=True).indices


def sparse_step(
    dictionary: Dictionary,
    x: Float[Tensor, "batch d"],
    code: SparseCode,
    penalty: float = 0.0,
    refine: bool = True,
    target: Float[Tensor, "batch d_out"] | None = None,
) -> Step:
    """Loss Σ_b (‖x − x̂‖² + λ Σ_i f_i ‖d_i‖) / batch and its gradients.

    `code` says which features may fire; with `refine` their values are computed anew in full
    precision, so that a low-precision encoder only chooses. λ is `penalty`. With `target`, that
    takes the place of x in the loss.
    """
    D, batch = dictionary.W_dec, x.shape[0]
    centred = dictionary.centred(x)
    if refine:
        code = refined(dictionary, code, centred)
    features = by_feature(code, dictionary.d_sae)
    error = (x if target is None else target) - dictionary.reconstruct(code)
    delta = error * (-2 / batch)  # ∂L/∂x̂
    on = code.values > 0
    df = sampled_dot(code, delta, D)
    loss = error.square().sum() / batch
    dD = features.times(code.values, delta)
    if penalty:
        norms = torch.linalg.vector_norm(D, dim=1)
        mass = features.sum(code.values)
        loss = loss + penalty / batch * (mass @ norms)
        df += penalty / batch * norms[code.indices]
        dD.addcmul_(D, (penalty / batch * mass / norms)[:, None])
    df *= on
    dictionary.W_dec.grad = dD
    encoder_gradients(dictionary, features, df, centred, delta)
    return Step(loss, error, features.firings(on), code)


def refined(
    dictionary: Dictionary, code: SparseCode, centred: Float[Tensor, "batch d"]
) -> SparseCode:
    """The same entries with the values that full precision gives, never below zero."""
    before = sampled_dot(code, centred, dictionary.encoder) + dictionary.b_enc[code.indices]
    return code._replace(values=before.relu())


def encoder_gradients(
    dictionary: Dictionary,
    features: ByFeature,
    dz: Float[Tensor, " n"],
    centred: Float[Tensor, "batch d"],
    delta: Float[Tensor, "batch d"],
) -> None:
    """Leaves the gradients of the encoder, b_enc and b_dec, from `dz` = ∂L/∂(pre-activation) of
    every entry and `delta` = ∂L/∂x̂.
    """
    dictionary.encoder.grad = features.times(dz, centred)
    dictionary.b_enc.grad = features.sum(dz)
    dictionary.b_dec.grad = bias_gradient(dictionary, delta, dictionary.b_enc.grad)


def dense_step(
    dictionary: Dictionary,
    x: Float[Tensor, "batch d"],
    before: Float[Tensor, "batch m"],
    on: Bool[Tensor, "batch m"],
    penalty: float,
    dtype: torch.dtype,
) -> Step:
    """The same loss and gradients by matrix products in `dtype`, for codes that are not sparse.

    `before` are the pre-activations, `on` says where they are let through.
    """
    D, batch = dictionary.W_dec, x.shape[0]
    f = before * on
    low_f, low_D = f.to(dtype), D.to(dtype)
    error = x - ((low_f @ low_D).to(x.dtype) + dictionary.b_dec)
    delta = error * (-2 / batch)
    low_delta = delta.to(dtype)
    norms = torch.linalg.vector_norm(D, dim=1)
    mass = f.sum(0, dtype=x.dtype)
    df = ((low_delta @ low_D.T) + (penalty / batch * norms).to(dtype)) * on
    dictionary.W_dec.grad = (low_f.T @ low_delta).to(x.dtype)
    dictionary.W_dec.grad.addcmul_(D, (penalty / batch * mass / norms)[:, None])
    dictionary.encoder.grad = (df.T @ dictionary.centred(x).to(dtype)).to(x.dtype)
    dictionary.b_enc.grad = df.sum(0, dtype=x.dtype)
    dictionary.b_dec.grad = bias_gradient(dictionary, delta, dictionary.b_enc.grad)
    loss = (error.square().sum() + penalty * (mass @ norms)) / batch
    return Step(loss, error, on.sum(0))


def bias_gradient(
    dictionary: Dictionary, delta: Float[Tensor, "batch d"], db_enc: Float[Tensor, " m"]
) -> Float[Tensor, " d"]:
    """∂L/∂b_dec: through the decoder, and through the input it is taken off."""
    through = delta.sum(0)
    return through - db_enc @ dictionary.encoder if dictionary.subtract_b_dec else through
