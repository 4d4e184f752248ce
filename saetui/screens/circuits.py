"""Two circuits side by side: scores and costs, their curves, the nodes they share and do not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from rich.segment import Segment
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget
from typing_extensions import override

from saetui.circuits.compare import SETTINGS, Measure, Shared, measures, shared
from saetui.circuits.names import Names
from saetui.circuits.records import Node, Whole
from saetui.circuits.text import score, short, signed
from saetui.key_names import key
from saetui.links import Named, named
from saetui.screens.box import Box
from saetui.search import quote
from saetui.text import inert
from saetui.views.base import told
from saetui.views.circuits.plot import Series, plot, titles
from saetui.widgets.drawing import count, duration, fit
from saetui.widgets.rows import Cell, Column, Rows

if TYPE_CHECKING:
    from saetui.workbench import Workbench

Pair = tuple[Whole, Whole]

SIDE = 20
"""Cells of a circuit's column."""

SAID = {
    "cmd": "CMD",
    "cpr": "CPR",
    "cmd_log": "CMD, log axis",
    "cpr_log": "CPR, log axis",
    "nodes_for_80": "nodes for 80%",
    "n_nodes": "could be chosen",
    "where": "a node for every",
    "node_auc": "AUC of nodes",
    "edge_auc": "AUC of edges",
    "transfer_cmd": "CMD elsewhere",
}
"""How measures are called."""


class CompareCircuits(Box[str]):
    """Shows two circuits; enter on a node gives the link to it.

    What was asked and what it scored is there at once, the nodes when they have been read.
    """

    def __init__(
        self, pair: Pair, read: Callable[[], Awaitable[Pair]], size_of: Callable[[Whole], int]
    ) -> None:
        """`pair`: what is known already; `read` gives all of it."""
        super().__init__()
        self.pair = pair
        self.read, self.size_of = read, size_of

    @override
    def compose(self) -> ComposeResult:
        with Vertical(id="compare-circuits", classes="box"):
            yield Beside()
            yield Lines()

    def on_mount(self) -> None:
        """Names the box, and shows what is known."""
        a, b = (whole.about.circuit for whole in self.pair)
        self.query_one(Beside).show_pair(self.pair)
        self.query_one(Lines).show_pair(self.pair, None)
        self._read()
        box = self.query_one("#compare-circuits")
        goes, close = key(self, "rows.open"), key(self, "box.close")
        box.border_title = Content(inert(f"A {a} · B {b}"))
        box.border_subtitle = Content(f"{goes} goes to the node · {close} closes")
        self.query_one(Lines).focus()

    @work(exclusive=True)
    async def _read(self) -> None:
        """Shows all of both, once it has been read."""
        with told(self):
            self.pair = first, second = await self.read()
            sizes = self.size_of(first), self.size_of(second)
            database = cast("Workbench", self.app).database
            nodes = await database.work(lambda: shared(first, second, *sizes))
            if not self.query(Lines):
                return  # the app is closing
            self.query_one(Beside).show_pair(self.pair)
            self.query_one(Lines).show_pair(self.pair, nodes, sizes)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """A node was chosen: in the first circuit, where that has it."""
        row: Any = event.row
        if isinstance(row, Shared):
            whole = self.pair[0] if row.first else self.pair[1]
            self.dismiss(f"{whole.about.circuit}::{row.node}")


class Beside(Widget):
    """Both curves."""

    def __init__(self) -> None:
        super().__init__(id="compare-curves")
        self.series: list[Series] = []

    def show_pair(self, pair: Pair) -> None:
        """Shows the curves of two circuits."""
        title = titles([whole.about for whole in pair])
        self.series = [Series(whole.about, whole.curve, title(whole.about)) for whole in pair]
        self.refresh()

    def render(self) -> Content:
        """The plot."""
        lines = plot(self.series, "faithfulness", -1, self.size.width - 1, self.size.height)
        return Content("\n").join(lines)


class Lines(Rows):
    """Measures, then nodes."""

    pair: Pair
    sizes: tuple[int, int] | None = None
    """How many nodes of each are compared; None while they are read."""

    def __init__(self) -> None:
        super().__init__(
            [
                Column("", 0, self._called),
                Column("A", SIDE, lambda row: self._side(row, 0), "right"),
                Column("B", SIDE, lambda row: self._side(row, 1), "right"),
            ],
            id="compare-lines",
        )

    def show_pair(
        self, pair: Pair, nodes: Sequence[Shared] | None, sizes: tuple[int, int] | None = None
    ) -> None:
        """Lists measures and nodes; without `nodes`, that they are being read."""
        self.pair, self.sizes = pair, sizes
        self.names = Names(pair[0]), Names(pair[1])
        rows = self._measures(pair)
        if nodes is None or sizes is None:
            rows.append("nodes: being read …")
        else:
            rows += _nodes(nodes, sizes)
        self.show(len(rows), rows)

    @staticmethod
    def _measures(pair: Pair) -> list[Any]:
        first, second = pair
        found = [
            each for each in measures(first, second) if (each.first, each.second) != (None, None)
        ]
        alike = [each for each in found if each.name in SETTINGS and each.first == each.second]
        both = " · ".join(_alike(each) for each in alike)
        rows: list[Any] = [f"both: {both}"] if both else []
        return [*rows, *(each for each in found if each not in alike)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nodes are gone to; figures lead nowhere."""
        if action == "open":
            return isinstance(self.current, Shared)
        return super().check_action(action, parameters)

    # Cells

    def _called(self, row: Any) -> Cell:
        if isinstance(row, Measure):
            return (SAID.get(row.name, row.name), "muted")
        if isinstance(row, Shared):
            return f"{self.names[0 if row.first else 1][row.node]}  {row.label}"
        return ""

    def _side(self, row: Any, side: int) -> Cell:
        if isinstance(row, Measure):
            value = (row.first, row.second)[side]
            best = row.better == side + 1
            text = _written(row.name, value)
            return (f"better {text}" if best else text, "good" if best else "number")
        if isinstance(row, Shared):
            return _place((row.first, row.second)[side])
        return ""

    def copied(self) -> tuple[str, str] | None:
        """The comparison, its values apart by tabs."""
        a, b = (whole.about.circuit for whole in self.pair)
        lines = [f"\t{a}\t{b}"]
        for row in self._whole:
            if isinstance(row, Measure):
                lines.append(f"{row.name}\t{row.first}\t{row.second}")
            elif isinstance(row, Shared):
                ranks = [str(n.rank) if n else "" for n in (row.first, row.second)]
                lines.append("\t".join([row.node, *ranks]))
        return "\n".join(lines), "comparison"

    def named(self) -> Sequence[Named]:
        """The two circuits."""
        return named("circuit", *(whole.about.circuit for whole in self.pair))

    def sql(self) -> str | None:
        """The nodes of both, a row each."""
        if self.sizes is None:
            return None
        a, b = (quote(whole.about.circuit) for whole in self.pair)
        return (
            "SELECT node, a.rank AS rank_a, b.rank AS rank_b, a.effect AS effect_a,\n"
            "       b.effect AS effect_b\n"
            f"FROM (FROM circuit_nodes WHERE circuit = {a} AND rank < {self.sizes[0]}) a\n"
            f"FULL JOIN (FROM circuit_nodes WHERE circuit = {b} AND rank < {self.sizes[1]}) b\n"
            "  USING (node)\nORDER BY rank_a NULLS LAST, rank_b"
        )

    def own_line(self, row: Any, cursor: bool, mark: str) -> Strip | None:
        """A heading has all the room."""
        if not isinstance(row, str):
            return None
        return Strip(
            [
                Segment(mark + " ", self._style("accent", cursor)),
                Segment(fit(row, self.size.width - 2), self._style("accent", cursor)),
            ]
        )


def _nodes(nodes: Sequence[Shared], sizes: tuple[int, int]) -> list[Any]:
    """The nodes in both, then those that only one of them has, each under a heading."""
    rows: list[Any] = []
    for where, says in (("both", "in both"), ("A", "only in A"), ("B", "only in B")):
        some = [each for each in nodes if each.where == where]
        of = {"both": sizes, "A": sizes[:1], "B": sizes[1:]}[where]
        many = f"{len(some)} node{'s' * (len(some) != 1)}"
        head = f"{many} {says} (at {' and '.join(map(str, dict.fromkeys(of)))})"
        rows += [head, *some]
    return rows


def _alike(each: Measure) -> str:
    """What both were asked, in words: a number needs its name."""
    if isinstance(each.first, str):
        return each.first
    said = {"n_nodes": f"{count(each.first)} nodes to choose from"}
    return said.get(each.name, f"{each.name} {each.first}")


def _written(name: str, value: Any) -> str:
    if value is None:
        return "·"
    if name == "seconds":
        return duration(value)
    if isinstance(value, float):
        return score(value) if name.startswith(("cmd", "cpr", "transfer_cmd")) else short(value)
    return count(value) if isinstance(value, int) and name != "seed" else str(value)


def _place(node: Node | None) -> Cell:
    if node is None:
        return ("—", "muted")
    return (f"rank {node.rank + 1}  {signed(node.effect, 2):>6}", "number")
