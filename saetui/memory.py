"""Memory that is free again goes back to the system: glibc keeps tens of megabytes of it else."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable

_ARENAS, _MAPPED = -8, -3
"""What ``malloc.h`` calls M_ARENA_MAX and M_MMAP_THRESHOLD."""


def be_frugal() -> None:
    """Threads share two heaps, and what is large is mapped by itself and unmapped when it is freed.

    Call before there are threads. Each thread has a heap of its own else, and what a query freed in
    one is of no use to the next. Does nothing where the C library is another one.
    """
    if tune := _function("mallopt"):
        tune(_ARENAS, 2)
        tune(_MAPPED, 1 << 20)  # telling it at all stops glibc from raising it up to 32 MB


def give_back() -> None:
    """Returns what was freed after something large.

    Does nothing where the C library is another one.
    """
    if trim := _function("malloc_trim"):
        trim(0)


def set_apart() -> None:
    """What there is now will stay: the garbage collector need not go through it ever again.

    Classes, code and styles are some hundred thousand objects, and a collection of all that is old
    took 50 ms, under a key as often as not. What is new is looked through less often, too. Call
    where a part of the program has been loaded. Does nothing where whoever runs the program has set
    something apart already.
    """
    if not _thresholds:
        if gc.get_freeze_count():
            return
        _thresholds.append(gc.get_threshold())
        gc.set_threshold(20_000, 20, 20)
        atexit.register(take_back)
    gc.freeze()


def take_back() -> None:
    """What was set apart may go again: the program ends, or the workbench does."""
    if _thresholds:
        gc.unfreeze()
        gc.set_threshold(*_thresholds.pop())
        atexit.unregister(take_back)


_thresholds: list[tuple[int, int, int]] = []
"""Those of before, while something is set apart."""


def _function(name: str) -> Callable[..., int] | None:
    import ctypes

    return getattr(ctypes.CDLL(None), name, None)
