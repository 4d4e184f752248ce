"""Presses keys in a headless terminal and takes the time until something is seen."""

from __future__ import annotations

import asyncio
import math
import statistics
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

from textual.app import App
from textual.events import Key

SIZE = (160, 48)
"""The terminal."""


class Watched(App[None]):
    """Tells when a frame has been drawn."""

    drawn: asyncio.Event | None = None

    def post_display_hook(self) -> None:
        if self.drawn is not None:
            self.drawn.set()


class Probe:
    """Sends keys to an app; times are milliseconds."""

    def __init__(self, app: Watched) -> None:
        self.app = app
        self.taken: dict[str, list[float]] = {}
        self.spent: dict[str, list[float]] = {}
        """Processor time of all threads."""
        self._cpu = 0.0

    def add(self, name: str, value: float) -> None:
        """Keeps a time, and the processor time of what was done last."""
        self.taken.setdefault(name, []).append(value)
        self.spent.setdefault(name, []).append(self._cpu)

    async def frame(
        self, act: Callable[[], Any], seen: Callable[[], object] | None = None
    ) -> float:
        """From `act` to the first frame in which `seen` is true."""
        self.app.drawn = asyncio.Event()
        begun, cpu = perf_counter(), process_time()
        act()
        while True:
            await asyncio.wait_for(self.app.drawn.wait(), 30)
            if seen is None or seen():
                self._cpu = 1000 * (process_time() - cpu)
                return 1000 * (perf_counter() - begun)
            self.app.drawn.clear()

    async def key(self, key: str, seen: Callable[[], object] | None = None) -> float:
        """The same for a key."""
        return await self.frame(lambda: self.press(key), seen)

    async def until(self, true: Callable[[], object]) -> float:
        """Until something comes true, looked at every other millisecond."""
        begun, cpu = perf_counter(), process_time()
        while not true():
            await asyncio.sleep(0.002)
        self._cpu = 1000 * (process_time() - cpu)
        return 1000 * (perf_counter() - begun)

    def press(self, key: str) -> None:
        """Sends a key, as a terminal does."""
        event = Key(key, key if len(key) == 1 else None)
        event.set_sender(self.app)
        assert self.app._driver is not None
        self.app._driver.send_message(event)

    def summary(self) -> dict[str, dict[str, float]]:
        """Of everything that was taken: median, 95th percentile and how often; the same of the
        processor time.
        """
        return {
            name: summary(values) | {f"cpu_{of}": summary(self.spent[name])[of]
                                     for of in ("median", "p95")}
            for name, values in self.taken.items()
        }  # fmt: skip


def summary(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile (the nearest rank: of fewer than twenty, the worst), how many."""
    ordered = sorted(values)
    worst = ordered[math.ceil(0.95 * len(ordered)) - 1]
    found = {"median": statistics.median(ordered), "p95": worst}
    return {name: round(value, 1) for name, value in found.items()} | {"times": len(ordered)}
