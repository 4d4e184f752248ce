"""The page of a circuit: reads what its panes show, and keeps them at one size and one node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import perf_counter

from textual import work

from saetui import queries_circuits as queries
from saetui.circuits import compare
from saetui.circuits.records import (
    METRIC,
    Circuit,
    Edge,
    Example,
    Node,
    Point,
    Whole,
    features_of,
    kind_of,
    names,
)
from saetui.views.base import View
from saetui.views.circuits.curve import CurvePane
from saetui.views.circuits.edges import EdgeList
from saetui.views.circuits.listing import CircuitList
from saetui.views.circuits.node import NodePane
from saetui.views.circuits.plot import LETTERS, Series, titles
from saetui.views.circuits.tree import TreePane

SETTLE = 0.12
"""Seconds the cursor must rest before a circuit is read while a key is held."""

MOST_NODES, MOST_EDGES = 4_000, 40_000
"""Nodes and edges of a circuit that are read, the first by rank."""

MOST_EXAMPLES = 256
"""Features whose strongest token is looked up at a time."""


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
    _edges_of: tuple[Whole | None, int] = (None, 0)
    """Circuit and size that the edges at hand are of."""
    _every: Sequence[Edge] = ()
    _ends: tuple[Mapping[str, list[Edge]], Mapping[str, list[Edge]]] = ({}, {})
    """The same by what they lead to, and by what they come from."""

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

    async def read(self, about: Circuit) -> Whole:
        """A circuit with its nodes, edges and scores."""
        ask, name = self.database.rows, about.circuit
        nodes, edges, points = await asyncio.gather(
            ask(queries.nodes(name, MOST_NODES)),
            ask(queries.edges(name, limit=MOST_EDGES)),
            ask(queries.curves([name])),
        )
        return Whole(
            about,
            [Node(*row) for row in nodes],
            [Edge(*row) for row in edges],
            [Point(*row) for row in points],
        )

    async def show_whole(self, whole: Whole) -> None:
        """Shows a circuit at the size that is wanted."""
        self.whole = whole
        size = whole.nearest_size(self.wanted) if self.wanted else whole.first_size()
        self.tree_pane.show_circuit(whole, names(whole), size, self._on)
        self._on = ""
        self.curve.show_curves([self._own_curve()], size)
        self.show_node()
        await self._read_curves()
        self.read_examples()

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
        every = self._edges_taken()
        into, out = (ends.get(leaf.id, []) for ends in self._ends)
        name = whole.about.metric if leaf.line is None else leaf.name
        self.node.show_node(whole, leaf.id, name, (into, out), self._example(leaf.node))
        called = {**self.tree_pane.names, METRIC: whole.about.metric}
        self.edges.show_edges(whole, leaf.id, called, [*into, *out], every)

    def _edges_taken(self) -> Sequence[Edge]:
        """The edges among the nodes taken in. A cursor that moves must not go through all of them
        each time.
        """
        of, size = self._edges_of
        if self.whole is not None and (of is not self.whole or size != self.size_taken):
            taken = {node.node for node in self.tree_pane.taken}
            self._every = [
                edge
                for edge in self.whole.edges
                if (edge.source in taken or kind_of(edge.source) == "embed")
                and (edge.target in taken or edge.target == METRIC)
            ]
            into: dict[str, list[Edge]] = {}
            out: dict[str, list[Edge]] = {}
            for edge in self._every:
                into.setdefault(edge.target, []).append(edge)
                out.setdefault(edge.source, []).append(edge)
            self._ends, self._edges_of = (into, out), (self.whole, self.size_taken)
        return self._every

    def on_edge_list_switched(self) -> None:
        """All edges, or those of the node."""
        self.show_node()

    def _example(self, node: Node | None) -> Example | None:
        if node is None or node.dictionary is None or node.feature is None:
            return None
        return self.tree_pane.examples.get((node.dictionary, node.feature))

    @work(exclusive=True, group="examples")
    async def read_examples(self) -> None:
        """Looks up where the features taken in fire most, those that are not known yet."""
        with self.told():
            waiting = [
                node
                for node in self.tree_pane.taken
                if (node.dictionary, node.feature) not in self.tree_pane.examples
            ][:MOST_EXAMPLES]
            if wanted := features_of(waiting):
                rows = await self.database.rows(queries.examples(wanted))
                found = [Example(*row) for row in rows]
                self.tree_pane.examples.update(
                    {(one.dictionary, one.feature): one for one in found}
                )
                self.tree_pane.refresh()
                self.show_node()

    # The size

    def take(self, size: int) -> None:
        """Draws everything at another size."""
        self.wanted = size
        self.tree_pane.take(size)
        self.curve.take(size)
        self.show_node()
        self.read_examples()
