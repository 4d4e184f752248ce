"""Reads circuits, those beside the one that is shown ahead of time, and keeps the last few."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from saetui import queries_circuits as queries
from saetui.circuits.columns import Nodes, edges_from
from saetui.circuits.graph import Graph, graph_of
from saetui.circuits.names import Names
from saetui.circuits.records import Circuit, Point, Whole

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from saetui.database import Database

MOST_NODES, MOST_EDGES = 4_000, 40_000
"""Nodes and edges of a circuit that are read, the first by rank; it says where there are more."""

KEPT = 4
"""Circuits that are kept: with four thousand nodes and thirty thousand edges, 4 MB each."""


class Read(NamedTuple):
    """A circuit, and what its trees grow from."""

    whole: Whole
    graph: Graph
    names: Mapping[str, str]
    """What its nodes are called."""


class Reading:
    """The circuits of a workspace, read when they are asked for."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._kept: dict[str, Read] = {}

    def forget(self, but: str = "") -> None:
        """Lets go of all circuits, or of all but one."""
        self._kept = {name: read for name, read in self._kept.items() if name == but}

    def kept(self, about: Circuit) -> Read | None:
        """A circuit, where it was read and is as it was."""
        found = self._kept.get(about.circuit)
        return found if found and found.whole.about == about else None

    async def read(self, about: Circuit) -> Read:
        """A circuit with its nodes, edges and scores."""
        found = self.kept(about)
        if found is None:
            name = about.circuit
            nodes, edges, points, many = await asyncio.gather(
                self.database.ask(lambda cursor: _columns(cursor, queries.nodes(name, MOST_NODES))),
                self.database.ask(
                    lambda cursor: _columns(
                        cursor, queries.coded_edges(name, MOST_NODES, MOST_EDGES)
                    )
                ),
                self.database.rows(queries.curves([name])),
                self.database.rows(queries.how_many(name)),
            )
            curve = [Point(*row) for row in points]

            def put_together() -> Read:
                ranked = Nodes(nodes)
                whole = Whole(about, ranked, edges_from(ranked, edges), curve, *many[0])
                return Read(whole, graph_of(whole), Names(whole))

            found = await self.database.work(put_together)
        self._kept.pop(about.circuit, None)
        self._kept[about.circuit] = found
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return found

    async def read_ahead(self, circuits: Iterable[Circuit]) -> None:
        """Reads circuits that are likely to be asked for next."""
        for about in circuits:
            if self.kept(about) is None:
                await self.read(about)


def _columns(cursor: DuckDBPyConnection, sql: str) -> dict[str, Any]:
    return dict(cursor.execute(sql).fetchnumpy())
