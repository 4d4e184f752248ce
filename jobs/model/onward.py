"""Passes that begin in the middle of a model: blocks that would give what is known are skipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn


@contextmanager
def beginning_at(
    blocks: Sequence[nn.Module], layer: int, residual: Float[Tensor, "b t d"]
) -> Iterator[None]:
    """Within the block, `blocks` before `layer` pass on what they get, and that one reads
    `residual` instead.
    """

    def enter(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (residual, *args[1:]), kwargs
        return args, kwargs | {"hidden_states": residual}

    handle = blocks[layer].register_forward_pre_hook(enter, with_kwargs=True)
    try:
        for block in blocks[:layer]:
            block.forward = _pass_on  # of the instance: it hides that of the class
        yield
    finally:
        handle.remove()
        for block in blocks[:layer]:
            block.__dict__.pop("forward", None)


def _pass_on(hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return hidden_states
