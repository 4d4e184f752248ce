"""Rows in an order that keys change, filtered as the user types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from saetui.filtering import ask_as_typed
from saetui.widgets.rows import Rows


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
        self.relist()

    def action_reverse(self) -> None:
        """Turns the order around."""
        self.reverse = not self.reverse
        self.relist()

    def action_filter(self) -> None:
        """Asks what to filter by, listing as it is typed."""
        ask_as_typed(self, "filter", self.HINT, lambda: self.search, self.filter_by)

    def filter_by(self, search: str) -> None:
        """Lists what `search` finds."""
        self.search = search
        self.relist()
