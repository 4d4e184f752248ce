"""Every architecture's loss as its paper writes it, dense, for autograd: what a GPU is good at.

`p` are the parameters by the names that ours have; the encoder is [m, d]. ``z`` are pre-activations
[batch, m]. One liberty is taken, in the baseline's favour: the gradient that reaches b_dec through
the encoder's input is that of a vector times a matrix, not of the batch times a matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

P = Mapping[str, Tensor]
Loss = Callable[[P, Tensor, Tensor], Tensor]


def loss_of(architecture: str, options: Mapping[str, Any], sparsity: float) -> Loss:
    """The loss of parameters, inputs [batch, d] and what is to be written for them [batch, d], mean
    over the batch; `options` as the constructors of ours take them, λ = `sparsity`.
    """
    if architecture == "matryoshka":
        return lambda p, x, y: _nested(p, x, options["k"], options["prefixes"])
    if architecture in ("topk", "batchtopk", "transcoder"):
        choose = top_k if architecture == "topk" else batch_top_k
        return lambda p, x, y: _error(y, p, choose(before(p, x), options["k"])) / len(x)
    if architecture == "standard":
        return lambda p, x, y: _standard(p, x, sparsity)
    if architecture == "gated":
        return lambda p, x, y: _gated(p, x, sparsity)
    if architecture == "jumprelu":
        return lambda p, x, y: _jumprelu(p, x, sparsity, options.get("bandwidth", 0.5))
    raise ValueError(f"{architecture} has no dense loss here")


def before(p: P, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """(x − b)·W_enc + `bias`, which is b_enc unless it is given; b is b_dec, or the fixed b_in of a
    transcoder.
    """
    bias = p["b_enc"] if bias is None else bias
    if "b_in" in p:
        return F.linear(x - p["b_in"], p["encoder"], bias)
    held = p["b_dec"].detach()
    return F.linear(x - held, p["encoder"], bias + p["encoder"].detach() @ (held - p["b_dec"]))


def top_k(z: Tensor, k: int) -> Tensor:
    """The k largest of each row, where positive."""
    top = z.topk(k, dim=1, sorted=False)
    return torch.zeros_like(z).scatter(1, top.indices, top.values.relu())


def batch_top_k(z: Tensor, k: int) -> Tensor:
    """The k·B largest of the batch, where positive."""
    flat = z.relu().flatten()
    top = flat.topk(min(k * len(z), len(flat)), sorted=False)
    return torch.zeros_like(flat).scatter(0, top.indices, top.values).view_as(z)


def _error(y: Tensor, p: P, f: Tensor) -> Tensor:
    return (y - (f @ p["W_dec"] + p["b_dec"])).square().sum()


def _nested(p: P, x: Tensor, k: int, prefixes: Sequence[int]) -> Tensor:
    f, D, ends = batch_top_k(before(p, x), k), p["W_dec"], sorted({*prefixes, len(p["W_dec"])})
    written, total = p["b_dec"], x.new_zeros(())
    for begin, end in zip([0, *ends], ends, strict=False):
        written = written + f[:, begin:end] @ D[begin:end]
        total = total + (x - written).square().sum()
    return total / (len(ends) * len(x))


def _standard(p: P, x: Tensor, sparsity: float) -> Tensor:
    f = before(p, x).relu()
    paid = sparsity * math.sqrt(x.shape[1]) * (f.sum(0) @ p["W_dec"].norm(dim=1))
    return (_error(x, p, f) + paid) / len(x)


def _gated(p: P, x: Tensor, sparsity: float) -> Tensor:
    read = before(p, x, torch.zeros_like(p["b_enc"]))
    gate = (read + p["b_enc"]).relu()
    f = (read * p["r_mag"].exp() + p["b_mag"]).relu() * (gate > 0)
    missed = x - (gate @ p["W_dec"].detach() + p["b_dec"].detach())
    paid = sparsity * math.sqrt(x.shape[1]) * gate.sum()
    return (_error(x, p, f) + missed.square().sum() + paid) / len(x)


def _jumprelu(p: P, x: Tensor, sparsity: float, bandwidth: float) -> Tensor:
    z, theta = before(p, x), p["threshold"]
    width = bandwidth * p["encoder"].detach().norm(dim=1).clamp_min(1e-6)
    on = ((z > theta) & (z > 0)).to(z.dtype)
    near = ((z - theta).abs() < width / 2) & (z > 0)
    # Straight through: nothing in value, the paper's pseudo-derivatives in θ.
    slope = (near / -width).detach() * (theta - theta.detach())
    f, fires = z * on + theta.detach() * slope, on + slope
    return (_error(x, p, f) + sparsity * x.shape[1] * fires.sum()) / len(x)
