"""Rows in an order that keys change, filtered as the user types."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar

from saetui.filtering import ask_as_typed
from saetui.typeahead import wait_for
from saetui.widgets.rows import Column, Rows


class OrderedRows(Rows):
    """The base of lists that can be sorted and filtered; which keys do so is said by each list."""

    SORTS: ClassVar[Iterable[str]]
    """What they can be sorted by, in the order that ``s`` goes through."""
    HINT: ClassVar[str]
    """What a filter may say."""

    sort: str
    reverse = False
    search = ""
    """The filter."""

    def __init__(self, columns: Sequence[Column] = (), *, id: str | None = None) -> None:
        super().__init__(columns, id=id)
        self.here = asyncio.Event()
        """Whether what was asked for last is listed."""
        self.here.set()

    def relist(self) -> object:
        """Lists the same in another order, or by another filter."""
        raise NotImplementedError

    def sort_after(self, keys: int) -> str:
        """What the list is sorted by after so many ``s``."""
        sorts = list(self.SORTS)
        return sorts[(sorts.index(self.sort) + keys) % len(sorts)]

    def action_sort(self) -> None:
        """Sorts by the next of `SORTS`."""
        self.sort = self.sort_after(1)
        self.reverse = False
        self._turn()

    def action_reverse(self) -> None:
        """Turns the order around."""
        self.reverse = not self.reverse
        self._turn()

    def _turn(self) -> None:
        """Lists in another order; keys that follow are about the rows as they will stand."""
        self.relist()
        wait_for(self, self.here.wait)

    def action_filter(self) -> None:
        """Asks what to filter by, listing as it is typed."""
        here = self.here.wait
        ask_as_typed(self, "filter", self.HINT, lambda: self.search, self.filter_by, here)

    def filter_by(self, search: str) -> None:
        """Lists what `search` finds."""
        self.search = search
        self.relist()
