"""A GPU pretended on the CPU: tensors that say they lie on ``cuda:0``, and refuse to meet others.

What code does with devices can be tried where there is no GPU: which tensors it makes where, which
it brings together, and the branches it keeps for CUDA. Values are computed on the CPU. Whether
CUDA has a kernel for an operation and a type of number this does not tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("cuda", 0)
CARRIES_OVER = {"aten._to_copy.default", "aten.copy_.default"}
"""Operations whose tensors may lie in two places."""
INDEXES = {"aten.index.Tensor", "aten.index_put_.default"}
"""Those that CUDA does with indices from the CPU too."""


class Elsewhere(Tensor):
    """Says that it is on the GPU; its numbers are in `held`, on the CPU, where torch's own C++
    takes it to be too, for want of CUDA.
    """

    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, held: Tensor) -> Elsewhere:
        made: Elsewhere = torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=held.device,
        )
        made.held = held
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return GPU

    def cpu(self) -> Tensor:  # type: ignore[override]
        return self.held.clone()

    def to(self, *args: Any, **kwargs: Any) -> Tensor:  # type: ignore[override]
        places = [one for one in (*args, *kwargs.values()) if isinstance(one, str | torch.device)]
        if any(torch.device(place).type == "cpu" for place in places):
            return self.held.clone().to(*args, **kwargs)
        return super().to(*args, **kwargs)

    def tolist(self) -> Any:
        return self.held.tolist()

    def numpy(self, **_: Any) -> Any:  # type: ignore[override]
        raise TypeError("can't convert a tensor of the GPU to NumPy")

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"Elsewhere({self.held})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


@contextmanager
def pretended_gpu() -> Iterator[None]:
    """Within the block ``cuda:0`` is such a place (``cuda`` alone asks CUDA which one that is)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "_lazy_init", lambda: None)
        # Module.to would set .data, of which the C++ copies what it knows.
        patch.setattr(torch.__future__, "_overwrite_module_params_on_conversion", True)
        patch.setattr(torch, "tensor", partial(_tensor, torch.tensor))
        with _Mode():
            yield


def _tensor(make: Any, data: Any, device: Any = None, **kwargs: Any) -> Tensor:
    """`torch.tensor`, which goes by no dispatcher on its way to a device."""
    made: Tensor = make(data, **kwargs)
    return made if device is None else made.to(device)


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = str(func)
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = any(isinstance(one, Elsewhere) for one in tensors)
    asked = kwargs.get("device")
    if asked is not None:
        kept = name.startswith("aten.new_") or "_like." in name  # they say the tensor's device
        there = torch.device(asked).type == "cuda" or (kept and there)
        kwargs = kwargs | {"device": torch.device("cpu")}
    if there and kwargs.get("generator") is not None:
        raise RuntimeError(f"{name} takes a generator of the CPU for a tensor on the GPU")
    _check_together(name, args, tensors)
    wrappers = {id(one.held): one for one in tensors if isinstance(one, Elsewhere)}
    args, kwargs = tree_map(
        lambda leaf: leaf.held if isinstance(leaf, Elsewhere) else leaf, (args, kwargs)
    )

    def placed(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        if id(leaf) in wrappers:  # what an operation in place gives back
            return wrappers[id(leaf)]
        return Elsewhere(leaf) if there else leaf

    return tree_map(placed, func(*args, **kwargs))


def _check_together(name: str, args: Any, tensors: list[Tensor]) -> None:
    """Raises where tensors lie in two places; a single number may come from the CPU."""
    if name in CARRIES_OVER:
        return
    if name in INDEXES and isinstance(args[0], Elsewhere):
        tensors = [args[0], *(one for one in args[2:] if isinstance(one, Tensor))]
    places = {isinstance(one, Elsewhere) for one in tensors if one.ndim}
    places |= {True for one in tensors if isinstance(one, Elsewhere)}
    if len(places) > 1:
        raise RuntimeError(f"{name} brings together tensors of the CPU and of the GPU")
