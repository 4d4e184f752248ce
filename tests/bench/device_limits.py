"""How fast a device multiplies matrices and moves memory, measured."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from tests.bench.step_counts import Limits

SIDE = {"cuda": 8192, "cpu": 2048}
"""Of the square matrices."""
BYTES = {"cuda": 1 << 30, "cpu": 1 << 28}
"""Of what is copied: more than any cache holds."""
TIMES = 10


def limits(
    device: str, low: torch.dtype, side: int | None = None, size: int | None = None
) -> Limits:
    """The best of `TIMES` products of two matrices of `side`, in `low` and in float32 (without
    TF32), and copies of `size` bytes, each of which is read and written.
    """
    kind = torch.device(device).type
    n, size = side or SIDE[kind], size or BYTES[kind]
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    moved = 2 * 4 * len(source) / _fastest(device, lambda: target.copy_(source))
    return Limits(_flops(device, n, low), _flops(device, n, torch.float32), moved)


def _flops(device: str, n: int, dtype: torch.dtype) -> float:
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    return 2 * n**3 / _fastest(device, lambda: torch.mm(a, b, out=out))


def _fastest(device: str, run: Callable[[], object]) -> float:
    """Seconds; wall seconds on a CPU, whose limits are of all its threads together."""
    if torch.device(device).type == "cuda":
        return _fastest_on_gpu(run)
    spent = []
    for _ in range(TIMES):
        began = time.perf_counter()
        run()
        spent.append(time.perf_counter() - began)
    return min(spent)


def _fastest_on_gpu(run: Callable[[], object]) -> float:
    run()
    spent = []
    for _ in range(TIMES):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        spent.append(begin.elapsed_time(end) / 1e3)
    return min(spent)
