"""The feature list as the workbench keeps it: slim rows in memory, sorted and filtered by DuckDB.

A list is an array of row numbers in the wanted order; pages of rows are fetched by these numbers,
so that the millionth row is as near as the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from saetui import queries
from saetui.search import conditions, needs_tokens, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from saetui.database import Database


class Feature(NamedTuple):
    """A row of the list."""

    feature: int
    density: float
    max_activation: float | None
    mean_activation: float | None
    label: str | None
    top_tokens: list[str]


class Listing:
    """One order of one dictionary's features, filtered."""

    def __init__(self, index: FeatureIndex, table: str, dictionary: str, rows: Any) -> None:
        self._index = index
        self._table = table
        self._dictionary = dictionary
        self.rows = rows
        """Row numbers in the wanted order (NumPy array)."""

    def __len__(self) -> int:
        return len(self.rows)

    async def page(self, start: int, count: int) -> Sequence[Feature]:
        """Features `start` to `start + count` of this order."""
        wanted = self.rows[start : start + count].tolist()
        if not wanted:
            return []
        sql = (
            "SELECT rowid, feature, density, max_activation, mean_activation, label, top_tokens\n"
            f"FROM {self._table} WHERE rowid IN ({', '.join(map(str, wanted))})"
        )
        found = {row[0]: Feature(*row[1:]) for row in await self._index.database.rows(sql)}
        return [found[number] for number in wanted]

    async def find(self, feature: int) -> int | None:
        """Where `feature` stands in this order; None where it is filtered out."""

        sql = (
            f"SELECT rowid FROM {self._table} "
            f"WHERE dictionary = {quote(self._dictionary)} AND feature = {feature}"
        )
        found = await self._index.database.rows(sql)
        here = (self.rows == found[0][0]).nonzero()[0] if found else ()
        return int(here[0]) if len(here) else None


class FeatureIndex:
    """The slim table behind every list; made on first use, and again when tables change."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._edition = 0
        self._made = 0

    def forget(self) -> None:
        """Tables changed: the next list reads them anew."""
        self._edition += 1

    async def dictionaries(self) -> list[str]:
        """Dictionaries that have features."""
        return [row[0] for row in await self.database.rows(queries.profiled())]

    async def listing(self, dictionary: str, sort: str, reverse: bool, search: str) -> Listing:
        """The features of `dictionary` that `search` finds, in order."""
        table = await self._table()
        where = f"dictionary = {quote(dictionary)}"
        if needs_tokens(search):
            found = f"SELECT feature FROM features WHERE {where} AND "
            where += f" AND feature IN ({found}{' AND '.join(conditions(search))})"
        elif search.strip():
            where += " AND " + " AND ".join(conditions(search, "words"))
        order = queries.order_by(sort, reverse)
        sql = f"SELECT rowid FROM {table} WHERE {where} ORDER BY {order}"
        rows = await self.database.ask(lambda cursor: cursor.execute(sql).fetchnumpy()["rowid"])
        return Listing(self, table, dictionary, rows)

    async def _table(self) -> str:
        edition = self._edition + 1
        table = f"workbench.features_{edition}"
        if self._made != edition:
            await self.database.ask(lambda cursor: self._make(cursor, table))
            self._made = edition
        return table

    def _make(self, cursor: DuckDBPyConnection, table: str) -> None:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS workbench")
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} AS {queries.feature_index()}")
        rows = cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'workbench'"
        ).fetchall()
        for (name,) in rows:  # lists that still show the edition before keep it
            number = int(name.rpartition("_")[2])
            if number < int(table.rpartition("_")[2]) - 1:
                cursor.execute(f"DROP TABLE workbench.{name}")
