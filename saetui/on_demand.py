"""Sequences whose items are made when they are asked for: of thousands, a screen shows a few."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class OnDemand(Sequence[T]):
    """Gives `__len__` and `made` the manners of a sequence."""

    @abstractmethod
    def made(self, at: int) -> T:
        """The item at a place, 0 or more and less than the length."""

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        """The item at a place; raises IndexError beyond the ends."""
        if isinstance(at, slice):
            return [self.made(place) for place in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self.made(at % len(self))
