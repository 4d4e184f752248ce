"""The feature list as the workbench keeps it: slim rows in memory, sorted and filtered by DuckDB.

A list is an array of row numbers in the wanted order; pages of rows are fetched by these numbers,
so that the millionth row is as near as the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from saetui import queries
from saetui.search import conditions, needs_tokens, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from saetui.database import Database


KEPT = 3
"""Dictionaries whose lists are kept."""


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

    def __init__(self, database: Database, table: str, rows: Any) -> None:
        self._database = database
        self._table = table
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
            "SELECT rowid, feature, density, max_activation, mean_activation, label,\n"
            "       coalesce(tokens, words)\n"
            f"FROM {self._table} WHERE rowid IN ({', '.join(map(str, wanted))})"
        )
        found = {row[0]: _feature(row[1:]) for row in await self._database.rows(sql)}
        return [found[number] for number in wanted]

    async def find(self, feature: int) -> int | None:
        """Where `feature` stands in this order; None where it is filtered out."""
        sql = f"SELECT rowid FROM {self._table} WHERE feature = {feature}"
        found = await self._database.rows(sql)
        here: Any = (self.rows == found[0][0]).nonzero()[0] if found else []
        return int(here[0]) if len(here) else None


def _feature(row: Sequence[Any]) -> Feature:
    feature, density, largest, mean, label, tokens = row
    return Feature(feature, density, largest, mean, label, tokens.split("\x1f") if tokens else [])


class FeatureIndex:
    """The slim tables behind the lists, one a dictionary; made on first use, and again when
    tables change.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._numbers = count(1)
        self._tables: dict[str, str] = {}

    def forget(self) -> None:
        """Tables changed: the next list reads them anew."""
        self._tables.clear()

    async def dictionaries(self) -> list[str]:
        """Dictionaries that have features."""
        return [row[0] for row in await self.database.rows(queries.profiled())]

    async def listing(self, dictionary: str, sort: str, reverse: bool, search: str) -> Listing:
        """The features of `dictionary` that `search` finds, in order."""
        table = self._tables.get(dictionary) or await self._make(dictionary)
        where = ""
        if needs_tokens(search):
            of = f"dictionary = {quote(dictionary)}"
            found = " AND ".join([of, *conditions(search)])
            where = f"WHERE feature IN (SELECT feature FROM features WHERE {found})"
        elif search.strip():
            where = "WHERE " + " AND ".join(conditions(search, "words"))
        sql = f"SELECT rowid FROM {table} {where} ORDER BY {queries.order_by(sort, reverse)}"
        rows = await self.database.ask(lambda cursor: cursor.execute(sql).fetchnumpy()["rowid"])
        return Listing(self.database, table, rows)

    async def _make(self, dictionary: str) -> str:
        table = f"workbench.features_{next(self._numbers)}"
        kept = {*list(self._tables.values())[-KEPT:], table}
        await self.database.ask(lambda cursor: _make(cursor, table, dictionary, kept))
        self._tables = {name: made for name, made in self._tables.items() if made in kept}
        self._tables[dictionary] = table
        return table


def _make(cursor: DuckDBPyConnection, table: str, dictionary: str, kept: set[str]) -> None:
    cursor.execute("CREATE SCHEMA IF NOT EXISTS workbench")
    cursor.execute(f"CREATE OR REPLACE TABLE {table} AS {queries.feature_index(dictionary)}")
    rows = cursor.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'workbench'"
    ).fetchall()
    number = int(table.rpartition("_")[2])
    for (name,) in rows:  # a list on screen may still show the table before
        made = int(name.rpartition("_")[2])
        if f"workbench.{name}" not in kept and made < number - 1:
            cursor.execute(f"DROP TABLE IF EXISTS workbench.{name}")
