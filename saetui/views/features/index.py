"""The feature list as the workbench keeps it: which dictionaries are in memory, and one order of
their features, filtered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from saetui import memory, queries
from saetui.search import Marked, parsed
from saetui.views.features.columns import Columns, Feature, read_columns

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection

    from saetui.database import Database

T = TypeVar("T")

_numbers = count(1)

KEPT = 1_000_000
"""Features that are kept in memory in all; those of the list on screen always are."""


class Listing(Sequence[Any]):
    """One order of some dictionaries' features, filtered. Its rows are in memory."""

    def __init__(self, columns: Columns, rows: np.ndarray[Any, Any]) -> None:
        self._columns = columns
        self.rows = rows
        """Row numbers in the wanted order."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Feature:
        return self._columns.row(int(self.rows[place]))

    def find(self, dictionary: str, feature: int) -> int | None:
        """Where a feature stands in this order; None where it is filtered out."""
        number = self._columns.number(dictionary, feature)
        if number is None:
            return None
        found = (self.rows == number).nonzero()[0]
        return int(found[0]) if len(found) else None


HEAD = 512
"""Rows of a list that are shown before its features are in memory."""


class Head(NamedTuple):
    """The beginning of a list, straight from the tables."""

    total: int
    """How many rows the list has in all."""
    rows: list[Feature]
    """The first of them, `HEAD` at most."""

    def find(self, dictionary: str, feature: int) -> int | None:
        """Where a feature stands, if it is among the rows."""
        keys = [(row.dictionary, row.feature) for row in self.rows]
        return keys.index((dictionary, feature)) if (dictionary, feature) in keys else None


class FeatureIndex:
    """The features behind the lists, in memory; read on first use, and again when they change."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._read: dict[tuple[str, ...], tuple[object, Columns]] = {}
        self._under_way: dict[object, asyncio.Future[Any]] = {}

    async def dictionaries(self) -> list[str]:
        """Dictionaries that have features."""
        return [row[0] for row in await self.database.rows(queries.profiled())]

    async def refresh(self) -> None:
        """Tables or labels may have changed: what is out of date is read anew when it is asked for,
        and labels now.
        """
        await self.database.ask(self._refresh)

    def _refresh(self, cursor: DuckDBPyConnection) -> None:
        for names, (source, columns) in list(self._read.items()):
            if self._source(names) == source:
                columns.relabel(cursor)
            else:
                del self._read[names]
                columns.drop(cursor)

    def holds(self, dictionaries: Sequence[str]) -> bool:
        """Whether the features of `dictionaries` are in memory."""
        return tuple(dictionaries) in self._read

    async def head(self, dictionaries: Sequence[str], sort: str, reverse: bool) -> Head:
        """The beginning of an unfiltered list, in a tenth of a second where all of it takes a few:
        for the time until the features are in memory.
        """
        rows, count = await asyncio.gather(
            self.database.rows(
                queries.features(dictionaries, sort=sort, reverse=reverse, limit=HEAD)
            ),
            self.database.rows(queries.how_many(dictionaries)),
        )
        found = [Feature._make((*row[1:], row[0])) for row in rows]
        return Head(count[0][0], found)

    async def prepare(self, dictionaries: Sequence[str], sort: str, *, reverse: bool) -> None:
        """Works out an order that is likely to be asked for next."""
        columns = self._held(dictionaries)
        if columns is not None and columns.known_order(sort, reverse) is None:
            await self._ordered(columns, sort, reverse=reverse)

    async def want(self, dictionaries: Sequence[str], column: str) -> None:
        """Reads a column of tokens that a search is about to need."""
        await self._tokens(await self._columns(tuple(dictionaries)), column)

    def reading(self, dictionaries: Sequence[str]) -> dict[str, float]:
        """Columns of tokens that are being read, and how much of each has been."""
        columns = self._held(dictionaries)
        return dict(columns.progress) if columns else {}

    def named(self, dictionary: str, feature: int) -> Feature | None:
        """A feature, if it is in memory."""
        for names, (_, columns) in list(self._read.items()):
            if dictionary in names and (number := columns.number(dictionary, feature)) is not None:
                return columns.row(number)
        return None

    def density_histogram(self, dictionary: str) -> list[tuple[int, int]] | None:
        """Rows of `saetui.queries.density_histogram`; None where it is not in memory."""
        for _, columns in list(self._read.values()):
            if dictionary in columns.dictionaries:
                return columns.density_histogram(dictionary)
        return None

    def _held(self, dictionaries: Sequence[str]) -> Columns | None:
        found = self._read.get(tuple(dictionaries))
        return found and found[1]

    async def _ordered(self, columns: Columns, sort: str, *, reverse: bool) -> np.ndarray[Any, Any]:
        known = columns.known_order(sort, reverse)
        if known is not None:
            return known
        return await self._once(
            (columns.name, sort, reverse), lambda _: columns.order(sort, reverse)
        )

    async def _tokens(self, columns: Columns, column: str) -> None:
        if not columns.has_tokens(column):
            ask = partial(columns.tokens, column=column)
            await self._once((columns.name, column), ask)
            await self.database.work(memory.give_back)

    async def listing(
        self,
        dictionaries: Sequence[str],
        sort: str,
        reverse: bool,
        search: str,
        marked: Marked = (),
    ) -> Listing:
        """The features of `dictionaries` that `search` finds, in order."""
        names = tuple(dictionaries)
        wanted = parsed(search, marked)
        columns = await self._columns(names)
        for column in {condition.within for condition in wanted} - {""}:
            await self._tokens(columns, column)
        order = await self._ordered(columns, sort, reverse=reverse)
        if not wanted:
            return Listing(columns, order)

        def ask(cursor: DuckDBPyConnection) -> Listing:
            rows = order
            for condition in wanted:
                rows = rows[columns.meeting(cursor, condition)[rows]]
            return Listing(columns, rows)

        return await self.database.ask(ask)

    async def _once(self, key: object, question: Callable[[DuckDBPyConnection], T]) -> T:
        """What takes seconds and is kept: it goes on when a newer list no longer waits for it."""
        if key not in self._under_way:
            task = asyncio.ensure_future(self.database.ask(question))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        answer: T = await asyncio.shield(self._under_way[key])
        return answer

    def _ended(self, key: object, done: asyncio.Future[Any]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            done.exception()  # told to those who wait, if any

    async def _columns(self, names: tuple[str, ...]) -> Columns:
        if names in self._read:
            self._read[names] = self._read.pop(names)
            return self._read[names][1]
        name = f"workbench.words_{next(_numbers)}"

        def read(cursor: DuckDBPyConnection) -> Columns:
            source = self._source(names)
            columns = read_columns(cursor, name, names)
            self._read[names] = source, columns
            self._make_room(cursor, names)
            memory.give_back()
            return columns

        return await self._once(names, read)

    def _make_room(self, cursor: DuckDBPyConnection, shown: tuple[str, ...]) -> None:
        room = KEPT
        for names, (_, columns) in reversed(list(self._read.items())):
            room -= len(columns)
            if room < 0 and names != shown:
                del self._read[names]
                columns.drop(cursor)

    def _source(self, names: tuple[str, ...]) -> object:
        """Changes when the features of these dictionaries do."""
        runs = self.database.workspace().catalog().live("features")
        return [(run.folder, run.parts) for run in runs if run.scope is None or run.scope in names]
