"""What steps of training take; needs torch alone, so any library's environment has it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Clock:
    """Adds up what blocks of work take: wall and CPU seconds, and seconds of the device.

    On a GPU, where a call returns before its work is done, the device is timed by events around
    each block and waited for once, when the clock is read; wall and CPU seconds run from the first
    block until then. On a CPU the device's seconds are those of the process.
    """

    def __init__(self, device: str) -> None:
        self._on_gpu = torch.device(device).type == "cuda"
        self._wall = self._cpu = 0.0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        if self._on_gpu:
            torch.cuda.synchronize()
            self._began = time.perf_counter(), time.process_time()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Times the block."""
        if self._on_gpu:
            pair = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            pair[0].record()
            yield
            pair[1].record()
            self._events.append(pair)
            return
        began, spent = time.perf_counter(), time.process_time()
        yield
        self._wall += time.perf_counter() - began
        self._cpu += time.process_time() - spent

    def read(self) -> dict[str, float]:
        """Seconds of all blocks so far."""
        if not self._on_gpu:
            return {"wall": self._wall, "cpu": self._cpu, "device": self._cpu}
        torch.cuda.synchronize()
        wall, cpu = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
        device = sum(begin.elapsed_time(end) for begin, end in self._events) / 1e3
        return {"wall": wall, "cpu": cpu, "device": device}
