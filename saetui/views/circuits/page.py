"""The page of a circuit: reads what its panes show, and keeps them at one size and one node."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property

from textual import work

from saetui import queries_circuits as queries
from saetui.circuits import compare
from saetui.circuits.records import (
    METRIC,
    Circuit,
    Example,
    Node,
    Point,
    Whole,
    features_of,
)
from saetui.views.circuits.curve import CurvePane
from saetui.views.circuits.edges import Among, EdgeList
from saetui.views.circuits.listing import CircuitList
from saetui.views.circuits.node import NodePane
from saetui.views.circuits.plot import LETTERS, Series, titles
from saetui.views.circuits.reading import Read, Reading
from saetui.views.circuits.tree import TreePane
from saetui.views.paged import SETTLE, Paged
from store.errors import SaetuiError

AT_ONCE = 0.1
"""Seconds that a circuit may take to be read before its head is shown without the rest."""

REST = 0.1
"""Seconds that rows of the tree stay in sight before their examples are read."""

ROWS = 100
"""Rows whose examples are read at once, at most."""


class CircuitPage(Paged):
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
    _in_sight: Sequence[Node] = ()
    """Nodes that came in sight and whose examples are not read yet."""

    @cached_property
    def reading(self) -> Reading:
        """What was read."""
        return Reading(self.database)

    @property
    def size_taken(self) -> int:
        """How many nodes are taken in."""
        return self.tree_pane.size_taken

    def load(self, about: Circuit) -> None:
        """Shows a circuit, once it is read; the one that is shown stays, whatever was to come."""
        if about == self.awaited.key:
            return
        if self.whole is not None and self.whole.about == about:
            self.stay()
            return
        self._load(about, self.awaited.begin(about))

    @work(exclusive=True, group="page")
    async def _load(self, about: Circuit, settle: float) -> None:
        await asyncio.sleep(settle)
        with self.told():
            coming = asyncio.ensure_future(self.reading.read(about))
            try:
                if not (await asyncio.wait([coming], timeout=AT_ONCE))[0]:
                    self.show_head(about)
                self.show_whole(await coming)
            finally:
                coming.cancel()
                self.awaited.end(about)
            self.read_ahead()

    def show_head(self, about: Circuit) -> None:
        """Shows what the list knows of a circuit, while the rest of it is read."""
        self.clear("Reading the circuit …")
        self.tree_pane.entitle(about.circuit)
        self.node.show_node(Whole(about, (), (), ()), METRIC, None, "", ((), ()), None)

    @work(exclusive=True, group="prepare")
    async def read_ahead(self) -> None:
        """Reads the circuits beside the one that is shown, once the cursor rests on it."""
        await asyncio.sleep(SETTLE)
        with suppress(SaetuiError):  # whoever goes there is told
            await self.reading.read_ahead(self.listed.beside())

    def show_whole(self, read: Read) -> None:
        """Shows a circuit at the size that is wanted."""
        whole = self.whole = read.whole
        size = whole.nearest_size(self.wanted) if self.wanted else whole.first_size()
        self.tree_pane.show_circuit(whole, read.graph, read.names, size, self._on)
        self._on = ""
        self.curve.show_curves([self._own_curve()], size)
        self.show_node()
        self.on_curve_pane_switched()

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
        into, out = graph.into(leaf.id, size), graph.out(leaf.id, size)
        example = self.tree_pane.example(leaf.node) if leaf.node else None
        every = graph.among(size) if self.edges.every else ()
        name = whole.about.metric if leaf.line is None else leaf.name
        wanted = size if leaf.node is None or self.edges.every else leaf.node.rank + 1
        self.node.show_node(whole, leaf.id, leaf.node, name, (into, out), example, graph.measured)
        among = Among(every, graph.count(size), graph.largest(size), graph.measured)
        self.edges.show_edges(whole, leaf.id, self.tree_pane.names, (into, out), among, wanted)

    def on_edge_list_switched(self) -> None:
        """All edges, or those of the node."""
        self.show_node()

    def on_tree_pane_wanted(self, event: TreePane.Wanted) -> None:
        """Rows came in sight."""
        self._in_sight = [*self._in_sight, *event.nodes]
        self.read_examples()

    @work(exclusive=True, group="examples")
    async def read_examples(self) -> None:
        """Looks up where the features of the rows that came in sight last fire most, once no more
        pass by: every core reads, and a key that is held would wait for them.
        """
        await asyncio.sleep(REST)
        passed, nodes = self._in_sight[:-ROWS], self._in_sight[-ROWS:]
        with self.told():
            rows = await self.database.rows(queries.examples(features_of(nodes)))
            self._in_sight = ()
            self.tree_pane.forget(passed)
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
