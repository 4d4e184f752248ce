"""Passes in parts that fit into the device's memory: half as large whenever it was full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")


class Fitting:
    """How many rows fit at once; what was too many is never tried again."""

    def __init__(self, told: str, say: Callable[[str], object], most: int | None = None) -> None:
        """`told` is what `say` is told when memory was full, ``{}`` in it being the rows from then
        on; `most` is how many are tried first, all by default.
        """
        self._told, self._say = told, say
        self._limit = None if most is None else max(1, most)

    def of(self, count: int, run: Callable[[slice], Result]) -> list[Result]:
        """What `run` gives for one slice of `count` rows after another. Raises
        ``torch.OutOfMemoryError`` where a single row is too much.
        """
        done: list[Result] = []
        at = 0
        while at < count:
            size = min(self._limit or count, count - at)
            try:
                done.append(run(slice(at, at + size)))
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
            else:
                at += size
                continue
            # Not in the handler: the exception holds on to what filled the memory.
            self._limit = max(1, size // 2)
            torch.cuda.empty_cache()
            self._say("out of GPU memory: " + self._told.format(self._limit))
        return done
