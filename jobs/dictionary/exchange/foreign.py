"""What reading another library's folder gives, and the checks that all formats share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.saved import assemble
from store.errors import SaetuiError


class Foreign(NamedTuple):
    """A dictionary that another library wrote."""

    dictionary: Dictionary
    format: str
    """Key of `jobs.dictionary.exchange.FORMATS`."""
    architecture: str
    """What its own library calls it."""
    model: str | None
    """The model it was trained on, as far as its files say."""
    hook: str | None
    """The hook point, as far as its files say."""
    warning: str | None = None
    """What a user should know before trusting it."""
    before_gain: bool = False
    """Whether it reads what a norm gives without its gain, where a hook has it with the gain."""
    factor: float | None = None
    """What activations were multiplied by in training, where that was folded in here."""


_REAL = ("W_enc", "b_enc", "W_dec", "b_dec")


def assembled(
    config: Mapping[str, Any], weights: Mapping[str, Tensor], config_path: Path, weights_path: Path
) -> Dictionary:
    """`jobs.dictionary.saved.assemble`, after a look at every number and number of axes."""
    check_numbers(weights, weights_path)
    for name in ("W_enc", "W_dec"):
        if name in weights and weights[name].ndim != 2:
            raise SaetuiError(
                f"{name} in {weights_path} has {weights[name].ndim} axes; a matrix has two."
            )
    return assemble(config, weights, config_path, weights_path)


def check_numbers(weights: Mapping[str, Tensor], path: Path) -> None:
    """Raises SaetuiError for weights that are no real numbers, or not finite."""
    for name, tensor in weights.items():
        if name in _REAL and not tensor.is_floating_point():
            raise SaetuiError(
                f"{name} in {path} holds {str(tensor.dtype).removeprefix('torch.')}, not "
                "real numbers; a quantised dictionary must be restored first."
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise SaetuiError(f"{name} in {path} holds NaN or infinity.")


def parts_of(folder: Path) -> list[str]:
    """The names of a folder and of those above it, nearest first. The hub's cache calls the folder
    of a repository ``models--owner--name``, which is `name` here.
    """
    parts = reversed(folder.absolute().parts)
    return [part.rpartition("--")[2] if part.startswith("models--") else part for part in parts]


def need(weights: Mapping[str, Tensor], name: str, path: Path, axes: int) -> Tensor:
    """The tensor called `name`; raises SaetuiError where it is missing or has other axes."""
    tensor = weights.get(name)
    if tensor is None:
        raise SaetuiError(f"{path} holds no {name}; it is not a whole dictionary.")
    if tensor.ndim != axes:
        raise SaetuiError(f"{name} in {path} has {tensor.ndim} axes; it should have {axes}.")
    return tensor
