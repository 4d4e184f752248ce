"""The edges of a circuit: those of one node, in and out, or all of them by strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.message import Message

from saetui import queries_circuits as queries
from saetui.circuits.columns import Edges
from saetui.circuits.records import METRIC, Edge, Whole
from saetui.circuits.text import effect_bar, signed
from saetui.key_names import key
from saetui.links import Link, Named
from saetui.views.circuits import empty
from saetui.widgets.drawing import share
from saetui.widgets.rows import Cell, Column, Rows

BAR = 6
"""Cells of an effect's bar."""


class Among(NamedTuple):
    """The edges among the nodes taken in."""

    edges: Sequence[Edge]
    """All of them, where they are to be listed."""
    many: int
    largest: float
    """The strongest effect, whatever its sign."""
    measured: int
    """Among how many nodes, the first by rank, edges were measured."""


class EdgeList(Rows):
    """One line an edge; each leads to its other end."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "switch", "its edges or all", id="edges.switch"),
        Binding("enter", "open", "go there", id="edges.open", key_display="↵"),
    ]

    class Switched(Message):
        """The user wants all edges, or only those of the node."""

    def __init__(self) -> None:
        super().__init__(
            [
                Column("", 3, lambda row: ("in" if self._into(row) else "out", "muted")),
                Column("from", 0, self._from),
                Column("to", 20, self._to, needs=56),
                Column("effect", 7 + BAR, self._effect, needs=40),
                Column("effect", 6, self._number, "right", until=40),
                Column("stable", 6, lambda row: (share(row.stability), "number"), "right",
                       needs=46),
            ],
            id="circuits-edges",
        )  # fmt: skip
        self.add_class("pane")
        self.whole: Whole | None = None
        self.node = METRIC
        self.names: Mapping[str, str] = {}
        self.every = False
        """Whether all edges are listed, not only those of the node."""
        self._largest = 0.0
        self.entitle("Edges")

    def show_edges(
        self,
        whole: Whole,
        node: str,
        names: Mapping[str, str],
        edges: tuple[Edges, Edges],
        among: Among,
        wanted: int,
    ) -> None:
        """Shows the `edges` into and out of a node, or every edge `among` the nodes taken in. To
        have the node's, they would have to be measured among as many nodes as `wanted`.
        """
        same = self.whole is whole and (self.every or node == self.node)
        self.whole, self.node, self.names = whole, node, names
        into, out = edges
        shown = among.edges if self.every else into.with_these(out)
        self._largest = among.largest
        self.empty = empty.no_edges(among.measured, wanted)
        switch = key(self, "edges.switch")
        if self.every:
            aside = f"{len(shown):,} · {switch} its own alone"
            some = (
                f"first {among.measured:,} nodes" if among.measured < wanted else "nodes taken in"
            )
            self.entitle(f"Edges among the {some}", aside)
        else:
            many = f"{len(into)} in, {len(out)} out"
            if not shown and node != METRIC and among.measured < wanted:
                many = "not measured"
            aside = f"{many} · {switch} all {among.many:,}"
            self.entitle(f"Edges of {self._called(node)}", aside if whole.edges else "")
        self.show(len(shown), shown, cursor=None if same else 0)

    def clear(self) -> None:
        """Shows none."""
        self.whole = None
        self.show(0, [])
        self.entitle("Edges")

    def _called(self, end: str) -> str:
        """What an end of an edge is called; the root of the tree, by its metric."""
        return self.whole.about.metric if self.whole and end == METRIC else self.names[end]

    def _into(self, row: Edge) -> bool:
        return row.target == self.node

    def _from(self, row: Edge) -> Cell:
        end = row.source if self.every or self._into(row) else row.target
        short = not self.every or self.size.width >= 56
        name = self._called(end)
        if not short:
            name = f"{name} → {self._called(row.target)}"
        return (name, "plain" if self._into(row) or self.every else "muted")

    def _to(self, row: Edge) -> Cell:
        if self.every:
            return (self._called(row.target), "plain")
        return ("leads here" if self._into(row) else "from here", "muted")

    def _number(self, row: Edge) -> tuple[str, str]:
        return (signed(row.effect, 2), "warn" if row.effect < 0 else "number")

    def _effect(self, row: Edge) -> Cell:
        said, style = self._number(row)
        return (f"{said:>6} {effect_bar(row.effect, self._largest, BAR)}", style)

    def other_end(self, row: Any) -> str:
        """Where an edge leads from here: where it comes from, unless that is the node itself."""
        return str(row.target if row.source == self.node else row.source)

    def key(self, row: Any) -> Any:
        """What a row is tagged by."""
        return (row.source, row.target)

    def copied(self) -> tuple[str, str] | None:
        """Both ends."""
        row: Any = self.current
        return None if row is None else (f"{row.source}\t{row.target}", "edge")

    def named(self) -> Sequence[Named]:
        """The node, and what the circuit was searched with."""
        if self.whole is None:
            return ()
        link = Link("circuits", f"{self.whole.about.circuit}::{self.node}")
        own = [] if self.node == METRIC else [Named(self.node, self._called(self.node), link)]
        return [*own, *self.whole.about.named]

    def sql(self) -> str | None:
        """The query behind the list."""
        if self.whole is None:
            return None
        return queries.edges(self.whole.about.circuit, None if self.every else self.node)

    def action_switch(self) -> None:
        """From the edges of the node to all, or back."""
        self.every = not self.every
        self.post_message(self.Switched())
