"""RelP (arXiv:2508.21258): a gradient that follows relevance instead of slopes.

Within `relevance(model)` the model computes what it always does, and its gradient is another:

- norms: the length that they divide by is held fixed (LN rule),
- activation functions: act(x) counts as x · sg(act(x) / x), stabilised near 0 (identity rule),
- gated MLPs: half of act(gate) · up passes to each factor (half rule).

Attention patterns keep their gradient: detaching them (AH rule) is off in the paper too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from jobs.model import LanguageModel
from jobs.model.lens import FinalNorm

NEAR_ZERO = 1e-6
"""Inputs of an activation function nearer to 0 than this are moved that far away from it."""


@contextmanager
def relevance(model: LanguageModel) -> Iterator[None]:
    """Changes how `model` is differentiated, within the block."""
    modules = [module for root in model.roots() for module in root.modules()]
    # The bridge's own modules answer for those that they wrap: take each last layer once.
    gated = {id(module.down_proj): module.down_proj for module in modules if is_gated(module)}
    handles = [layer.register_forward_pre_hook(_half) for layer in gated.values()]
    for module in modules:
        if is_norm(module):
            handles.append(module.register_forward_hook(_of_norm(module)))
        elif is_norm_of_bridge(module):
            handles.append(module.hook_scale.register_forward_hook(_detached))
        elif is_activation(module):
            handles.append(module.register_forward_hook(_of_activation))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def is_norm(module: nn.Module) -> bool:
    """LayerNorm, RMSNorm, and what families call theirs."""
    return type(module).__name__.endswith("Norm") and any(True for _ in module.parameters())


def is_norm_of_bridge(module: nn.Module) -> bool:
    """Norms that the bridge computes itself: what it wraps never runs then. Of those that it leaves
    to what it wraps a changed hook would change the path.
    """
    if not type(module).__name__.endswith("NormalizationBridge"):
        return False
    folds = getattr(getattr(module, "config", None), "layer_norm_folding", False)
    return not (folds or getattr(module, "use_native_layernorm_autograd", False))


def is_activation(module: nn.Module) -> bool:
    """Functions of one number: no weights, and a name of theirs."""
    name = type(module).__name__.lower()
    known = ("relu", "gelu", "silu", "swish", "tanh", "mish", "activation")
    return not any(True for _ in module.children()) and any(word in name for word in known)


def is_gated(module: nn.Module) -> bool:
    """An MLP whose last layer reads a product: act(gate) · up."""
    gate = hasattr(module, "gate_proj") or hasattr(module, "gate_up_proj")
    return gate and isinstance(getattr(module, "down_proj", None), nn.Module)


def _of_norm(module: nn.Module) -> Any:
    width = next(module.parameters()).shape[-1]
    about = FinalNorm.of(module, width, next(module.parameters()).device)
    about = about._replace(gain=about.gain.clone())  # made in inference mode, which has no gradient

    def hook(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        x = args[0].float()
        centred = x - x.mean(-1, keepdim=True) if about.removes_mean else x
        length = centred.pow(2).mean(-1, keepdim=True).add(_eps(module)).sqrt().detach()
        return like(output, about.linear(x) / length)

    return hook


def _detached(module: nn.Module, args: tuple[Any, ...], length: Tensor) -> Tensor:
    return length.detach()


def _eps(module: nn.Module) -> float:
    found = (getattr(module, name, None) for name in ("eps", "variance_epsilon", "epsilon"))
    return next((float(eps) for eps in found if isinstance(eps, float)), 0.0)


def _of_activation(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
    x = args[0]
    away = torch.where(x < 0, -NEAR_ZERO, NEAR_ZERO).to(x.dtype)
    safe = torch.where(x.abs() < NEAR_ZERO, away, x)
    return like(output, x * (output / safe).detach())


def _half(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    return (like(args[0], args[0] / 2), *args[1:])


def like(value: Tensor, other: Tensor) -> Tensor:
    """`value` to the last bit, with the gradient of `other`."""
    other = other.to(value.dtype)
    return _Straight.apply(value.detach(), other)


class _Straight(torch.autograd.Function):
    """Forward the first of two, backward through the second."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, other: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[None, Tensor]:
        return None, gradient[0]
