"""The page of a circuit: reads what its panes show, and keeps them at one size and one node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

from textual import work

from saetui import queries_circuits as queries
from saetui.circuits import compare
from saetui.circuits.records import (
    METRIC,
    Circuit,
    Edges,
    Example,
    Node,
    Point,
    Whole,
    features_of,
    names,
)
from saetui.circuits.tree import Graph
from saetui.views.base import View
from saetui.views.circuits.curve import CurvePane
from saetui.views.circuits.edges import Among, EdgeList
from saetui.views.circuits.listing import CircuitList
from saetui.views.circuits.node import NodePane
from saetui.views.circuits.plot import LETTERS, Series, titles
from saetui.views.circuits.tree import TreePane

SETTLE = 0.12
"""Seconds the cursor must rest before a circuit is read while a key is held."""

MOST_NODES, MOST_EDGES = 4_000, 40_000
"""Nodes and edges of a circuit that are read, the first by rank; it says where there are more."""


class Read(NamedTuple):
    """A circuit, and what its trees grow from."""

    whole: Whole
    graph: Graph
    names: Mapping[str, str]
    """What its nodes are called."""


class CircuitPage(View):
    """The panes about one circuit; `load` shows another."""

    listed: CircuitList
    tree_pane: TreePane
    node: NodePane
    edges: EdgeList
    curve: CurvePane

    whole: Whole | None = None
    """The circuit that is shown."""
    wanted: int | None = None
    """The size that the user chose; another circuit is shown at about the same."""
    _on = ""
    """The node to put the cursor on when the circuit is here."""
    _moved = 0.0
    _kept: Mapping[str, Read] = {}
    """Circuits that were read."""

    @property
    def size_taken(self) -> int:
        """How many nodes are taken in."""
        return self.tree_pane.size_taken

    @work(exclusive=True, group="page")
    async def load(self, about: Circuit) -> None:
        """Fetches a circuit and shows it."""
        now = perf_counter()
        held, self._moved = now - self._moved < SETTLE, now
        await asyncio.sleep(SETTLE if held else 0)
        with self.told():
            await self.show_whole(await self.read(about))

    async def read(self, about: Circuit) -> Read:
        """A circuit with its nodes, edges and scores; the two read last are kept."""
        if (kept := self._kept.get(about.circuit)) and kept.whole.about == about:
            return kept
        ask, name = self.database.rows, about.circuit
        nodes, edges, points, ((n_nodes, n_edges),) = await asyncio.gather(
            ask(queries.nodes(name, MOST_NODES)),
            ask(queries.edges(name, limit=MOST_EDGES)),
            ask(queries.curves([name])),
            ask(queries.how_many(name)),
        )

        def put_together() -> Read:
            whole = Whole(
                about,
                [Node(*row) for row in nodes],
                Edges(edges),
                [Point(*row) for row in points],
                n_nodes,
                n_edges,
            )
            return Read(whole, Graph(whole.nodes, whole.edges), names(whole))

        found = await self.database.work(put_together)
        self._kept = {**dict([*self._kept.items()][-1:]), name: found}
        return found

    async def read_nodes(self, about: Circuit) -> Whole:
        """A circuit for a comparison, which needs no edges."""
        if kept := self._kept.get(about.circuit):
            return kept.whole
        ask, name = self.database.rows, about.circuit
        nodes, points = await asyncio.gather(
            ask(queries.nodes(name, MOST_NODES)), ask(queries.curves([name]))
        )
        return Whole(about, [Node(*row) for row in nodes], (), [Point(*row) for row in points])

    async def show_whole(self, read: Read) -> None:
        """Shows a circuit at the size that is wanted."""
        whole = self.whole = read.whole
        size = whole.nearest_size(self.wanted) if self.wanted else whole.first_size()
        self.tree_pane.show_circuit(whole, read.graph, read.names, size, self._on)
        self._on = ""
        self.curve.show_curves([self._own_curve()], size)
        self.show_node()
        await self._read_curves()

    def clear(self, *sentences: str) -> None:
        """Shows no circuit, and says why."""
        self.whole = None
        self.node.say(" ".join(sentences))
        self.tree_pane.empty = self.edges.empty = list(sentences)
        self.tree_pane.clear()
        self.edges.clear()
        self.curve.missing = "\n ".join(sentences)
        self.curve.show_curves([], 0)

    # Curves

    def _own_curve(self) -> Series:
        assert self.whole is not None
        return Series(self.whole.about, self.whole.curve, self.whole.about.method)

    async def _read_curves(self) -> None:
        """Curves of what stands on the same axes, and of what is marked."""
        if (whole := self.whole) is None:
            return
        known = list(self.listed.known.values())
        beside = compare.levels if self.curve.levels else compare.companions
        chosen = beside(whole.about, known)
        drawn = [each.circuit for each in chosen]
        marked = [c for c in known if c.circuit in self.listed.tagged and c.circuit not in drawn]
        chosen = [chosen[0], *marked, *chosen[1:]][: len(LETTERS)]
        rows = await self.database.rows(queries.curves([each.circuit for each in chosen]))
        if whole is not self.whole:
            return
        points: dict[str, list[Point]] = {}
        for row in rows:
            points.setdefault(row[0], []).append(Point(*row))
        title = titles(chosen)
        series = [Series(each, points.get(each.circuit, []), title(each)) for each in chosen]
        self.curve.show_curves(series, self.size_taken)

    @work(exclusive=True, group="curves")
    async def on_curve_pane_switched(self) -> None:
        """Other curves."""
        with self.told():
            await self._read_curves()

    # The node

    def show_node(self) -> None:
        """Shows the node under the tree's cursor in the panes about it."""
        whole, leaf = self.whole, self.tree_pane.leaf
        if whole is None or leaf is None:
            return
        graph, size = self.tree_pane.graph, self.size_taken
        into, out = (graph.among(size, ends.get(leaf.id, ())) for ends in (graph.into, graph.out))
        example = self.tree_pane.example(leaf.node) if leaf.node else None
        every = graph.among(size) if self.edges.every else ()
        name = whole.about.metric if leaf.line is None else leaf.name
        self.node.show_node(whole, leaf.id, name, (into, out), example)
        called = {**self.tree_pane.names, METRIC: whole.about.metric}
        among = Among(every, graph.count(size), graph.largest(size))
        self.edges.show_edges(whole, leaf.id, called, [*into, *out], among)

    def on_edge_list_switched(self) -> None:
        """All edges, or those of the node."""
        self.show_node()

    def on_tree_pane_wanted(self, event: TreePane.Wanted) -> None:
        """Rows came in sight."""
        self.read_examples(event.nodes)

    @work(group="examples")
    async def read_examples(self, nodes: Sequence[Node]) -> None:
        """Looks up where features fire most."""
        with self.told():
            rows = await self.database.rows(queries.examples(features_of(nodes)))
            found = [Example(*row) for row in rows]
            self.tree_pane.examples.update({(one.dictionary, one.feature): one for one in found})
            if found:
                self.tree_pane.refresh()
                self.show_node()

    # The size

    def take(self, size: int) -> None:
        """Draws everything at another size."""
        self.wanted = size
        self.tree_pane.take(size)
        self.curve.take(size)
        self.show_node()
