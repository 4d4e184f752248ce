"""A list with a page about the row under its cursor, which takes a while to be read."""

from __future__ import annotations

import asyncio
from functools import cached_property
from time import perf_counter
from typing import Any, Generic, TypeVar

from typing_extensions import override

from saetui.views.base import View
from saetui.widgets.ordered import OrderedRows

SETTLE = 0.12
"""Seconds the cursor must rest before a page is asked for while a key is held, which asks for none.
A cursor that rested as long before it moved is followed at once.
"""

K = TypeVar("K")


class Awaited(Generic[K]):
    """What the page is being read of, and when that is over."""

    def __init__(self) -> None:
        self.key: K | None = None
        self.rest = asyncio.Event()
        """Whether nothing is being read."""
        self.rest.set()
        self._moved = 0.0
        """When the cursor moved last."""

    def begin(self, key: K) -> float:
        """From now on `key` is read. Seconds to wait first, for the cursor may move on."""
        now = perf_counter()
        held, self._moved = now - self._moved < SETTLE, now
        self.key = key
        self.rest.clear()
        return SETTLE if held else 0

    def end(self, key: K) -> None:
        """`key` is read, or cannot be; what is read by now in its place goes on."""
        if self.key == key:
            self.stop()

    def stop(self) -> None:
        """Nothing is read any more."""
        self.key = None
        self.rest.set()


class Paged(View):
    """A view of a list and the page of one of its rows, to which links lead."""

    listed: OrderedRows

    _target = ""
    """Where a link leads that is being followed."""

    @cached_property
    def awaited(self) -> Awaited[Any]:
        """What is being read."""
        return Awaited()

    @cached_property
    def _here(self) -> asyncio.Event:
        """Whether the list stands where it was asked to."""
        return asyncio.Event()

    @override
    def go(self, target: str) -> None:
        self._target = target
        self._here.clear()
        self.open(target)

    def open(self, target: str) -> object:
        """Shows `target`, then calls `_arrived`."""
        raise NotImplementedError

    def _arrived(self) -> None:
        self._target = ""
        self._here.set()

    @property
    def coming(self) -> bool:
        """Whether what is shown is not yet what was asked for last."""
        return not self._here.is_set() or self.awaited.key is not None

    def load_listed(self) -> None:
        """Shows the page of the row under the cursor, where there is one."""
        raise NotImplementedError

    def stay(self) -> None:
        """What is being read is not wanted any more."""
        if self.awaited.key is not None:
            self.awaited.stop()
            self.workers.cancel_group(self, "page")

    @override
    async def settled(self) -> None:
        await self._here.wait()
        await self.listed.here.wait()
        self.load_listed()
        await self.awaited.rest.wait()
