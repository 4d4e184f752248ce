"""The tree of a circuit, from the metric back to the tokens, at the size that is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from saetui import queries_circuits as queries
from saetui.circuits import tree as trees
from saetui.circuits.columns import Nodes
from saetui.circuits.graph import Graph
from saetui.circuits.records import METRIC, Example, Node, Whole
from saetui.circuits.text import branch, effect_bar, interval, short, signed
from saetui.key_names import key
from saetui.links import Named
from saetui.on_demand import OnDemand
from saetui.widgets.drawing import fit, share
from saetui.widgets.rows import Cell, Column, Rows

BAR = 6
"""Cells of an effect's bar."""

NAME = 42
"""Cells of a node's name where there is room for where it fires."""


WEAK = 0.05
"""Links to nodes shown elsewhere are left out at first where their edge has less than this share of
the strongest effect: where all leads to all a little, they would hide the rest.
"""


class Leaf(NamedTuple):
    """A row of the tree; without a line it is the metric, the root."""

    line: trees.Line | None
    node: Node | None
    """None for the metric and the tokens."""
    name: str

    @property
    def id(self) -> str:
        """The node's id."""
        return self.line.twig.node if self.line else METRIC

    @property
    def again(self) -> bool:
        """Whether it leads to where the node is shown in full."""
        return self.line is not None and self.line.twig.again


class Leaves(OnDemand[Leaf]):
    """The rows of the tree."""

    def __init__(
        self,
        metric: str,
        outline: trees.Outline,
        nodes: Nodes,
        names: Mapping[str, str],
    ) -> None:
        self.metric, self.outline = metric, outline
        self.nodes, self.names = nodes, names
        self._made: dict[int, Leaf] = {}

    def __len__(self) -> int:
        return 1 + len(self.outline)

    def made(self, at: int) -> Leaf:
        """The row at a place: the metric, then the lines. Those in sight are asked for often."""
        if at not in self._made:
            self._made[at] = self._leaf(at)
        return self._made[at]

    def _leaf(self, at: int) -> Leaf:
        if at == 0:
            return Leaf(None, None, self.metric)
        line = self.outline[at - 1]
        name = line.twig.node
        return Leaf(line, self.nodes.get(name), self.names[name])


class TreePane(Rows):
    """The tree; its first row is the metric with the size, its cursor chooses the node."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "mark", id="tree.mark"),
        Binding("o", "unfold", "open or close", id="tree.unfold"),
        Binding("right,l", "unfold(True)", "open", id="tree.open_node", show=False),
        Binding("left,h", "unfold(False)", "close", id="tree.close_node", show=False),
        Binding("t", "weak", "weak links", id="tree.weak", show=False),
        Binding("enter", "open", "node", id="tree.follow", key_display="↵"),
    ]

    @dataclass
    class Wanted(Message):
        """Features are in sight, and where they fire most is not known."""

        nodes: Sequence[Node]

    def __init__(self) -> None:
        super().__init__(
            [
                Column("node", 0, self._called, until=96),
                Column("node", NAME, self._called, needs=96),
                Column("edge", 6, self._edge, "right", needs=60),
                Column("effect", 7 + BAR, self._effect, needs=40),
                Column("effect", 6, self._number, "right", until=40),
                Column("stable", 6, self._stable, "right", needs=30),
                Column("fires most on", 0, self._example, needs=96),
            ],
            id="circuits-tree",
        )
        self.add_class("pane")
        self.whole: Whole | None = None
        self.closed: set[str] = set()
        """The nodes under which nothing is shown."""
        self.size_taken = 0
        """How many nodes are taken in."""
        self.taken: Sequence[str] = ()
        """The ids of the nodes taken in, by rank."""
        self.names: Mapping[str, str] = {}
        self.examples: dict[tuple[str, int], Example] = {}
        self._asked: set[tuple[str, int]] = set()
        self._waiting: list[Node] = []
        self.weak = False
        """Whether weak links are shown too."""
        self._largest = 0.0
        self.entitle("Circuit")

    # What is shown

    graph: Graph
    grown: trees.Tree
    outline: trees.Outline

    def show_circuit(
        self, whole: Whole, graph: Graph, names: Mapping[str, str], size: int, on: str = ""
    ) -> None:
        """Shows a circuit at a size, the cursor on the node `on`, else where it was."""
        another = self.whole is None or self.whole.about.circuit != whole.about.circuit
        if another:
            self.closed = set()
            self.tagged = set()
        on = on or (METRIC if another else self.leaf.id if self.leaf else METRIC)
        self.whole, self.graph, self.names = whole, graph, names
        self._asked.clear()
        self.take(size, on)

    def take(self, size: int, on: str = "") -> None:
        """Draws the tree of the first `size` nodes."""
        if self.whole is None:
            return
        on = on or (self.leaf.id if self.leaf else METRIC)
        self.size_taken = size
        self.taken = self.graph.taken(size)
        self.grown = trees.grow(self.graph, size, 0.0 if self.weak else WEAK)
        self._largest = self.graph.largest_node(size)
        if self.tagged:
            self.tagged &= set(self.taken)
        self.closed.difference_update(trees.path(self.grown, on))
        self.outline = trees.Outline(self.grown, self.closed)
        self._list(on)

    def clear(self) -> None:
        """Shows no circuit."""
        self.whole, self.taken = None, ()
        self.show(0, [])
        self.entitle("Circuit")

    def _list(self, on: str) -> None:
        metric = self.whole.about.metric if self.whole else ""
        rows = Leaves(metric, self.outline, self.graph.nodes, self.names)
        place = self.outline.place(on)
        here = min(self.cursor, len(rows) - 1) if on != METRIC else 0
        self.show(len(rows), rows, cursor=here if place is None else place + 1)
        self._tell()

    def _tell(self) -> None:
        assert self.whole is not None
        about = self.whole.about
        aside = f"{len(self.taken):,} of {about.n_nodes:,} nodes · {self.grown.n_edges:,} edges"
        if weak := self.grown.n_weak:
            aside += f", {weak:,} weak links left out ({key(self, 'tree.weak')})"
        measured = self.graph.measured
        if measured < self.size_taken:
            aside += f" among the first {measured:,} (edges={self.size_taken} for all)"
        if unread := self.whole.unread:
            aside += f" · {unread}"
        if self.tagged:
            aside = f"{len(self.tagged)} marked · {aside}"
        self.entitle(f"{about.circuit} · {about.method} on {about.chosen_from}", aside)

    @property
    def leaf(self) -> Leaf | None:
        """The row under the cursor."""
        row: Any = self.current
        return row

    def choose(self, node: str) -> bool:
        """Puts the cursor on a node where it is shown in full; whether it is taken in."""
        if node != METRIC and node not in self.grown:
            return False
        for above in trees.path(self.grown, node):
            if above in self.closed:
                self._turn(above)
        self._list(node)
        return True

    def example(self, node: Node) -> Example | None:
        """Where a feature fires most; where that is not known yet, it is asked for."""
        if node.dictionary is None or node.feature is None:
            return None
        key = (node.dictionary, node.feature)
        if key not in self.examples and key not in self._asked:
            self._asked.add(key)
            if not self._waiting:
                self.call_later(self._ask)
            self._waiting.append(node)
        return self.examples.get(key)

    def _ask(self) -> None:
        self.post_message(self.Wanted(self._waiting))
        self._waiting = []

    def forget(self, nodes: Sequence[Node]) -> None:
        """Asks for the examples of nodes anew, once they are in sight again."""
        self._asked -= {(node.dictionary or "", node.feature or 0) for node in nodes}

    # Cells

    def _called(self, row: Leaf) -> Cell:
        if row.line is None:
            return (row.name, "strong")
        sign = "↗ " if row.again else "" if not row.line.many else "▾ " if row.line.open else "▸ "
        label = "" if row.node is None or row.again else f"  {row.node.label or ''}"
        return (branch(row.line) + sign + row.name + label, "muted" if row.again else "plain")

    def _edge(self, row: Leaf) -> Cell:
        if row.line is None:
            return ""
        edge = row.line.twig.edge
        if edge is not None:
            return (signed(edge.effect, 2), "number")
        return ("none" if self.graph.was_measured(row.id) else "·", "muted")

    def _effect(self, row: Leaf) -> Cell:
        if row.node is None or row.again:
            return ""
        said, style = self._number(row)
        return (f"{said:>6} {effect_bar(row.node.effect, self._largest, BAR)}", style)

    def _number(self, row: Leaf) -> tuple[str, str]:
        """The effect without its bar."""
        if row.node is None or row.again:
            return ("", "number")
        return (signed(row.node.effect, 2), "warn" if row.node.effect < 0 else "number")

    def _stable(self, row: Leaf) -> Cell:
        if row.node is None or row.again:
            return ""
        return (share(row.node.stability), "number")

    def _example(self, row: Leaf) -> Cell:
        if row.node is None or row.again or row.node.feature is None:
            return ""
        found = self.example(row.node)
        return (found.within(self._widths(self.size.width)[-1][1]) if found else "", "muted")

    # Keys

    def key(self, row: Any) -> Any:
        """What a row is tagged by."""
        return row.id

    def copied(self) -> tuple[str, str] | None:
        """The marked nodes, else the one under the cursor."""
        if self.tagged:
            return "\n".join(name for name in self.taken if name in self.tagged), "node ids"
        return (self.leaf.id, "node id") if self.leaf else None

    def named(self) -> Sequence[Named]:
        """What the circuit was searched with."""
        return self.whole.about.named if self.whole else ()

    def sql(self) -> str | None:
        """The edges that the tree is drawn from."""
        return queries.edges(self.whole.about.circuit) if self.whole else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only nodes are marked; only what has something below is opened."""
        leaf = self.leaf
        if action == "mark":
            return leaf is not None and leaf.node is not None
        if action == "weak":
            return self.whole is not None
        if action == "unfold":
            return leaf is not None and leaf.line is not None
        return super().check_action(action, parameters)

    def action_weak(self) -> None:
        """Shows weak links too, or leaves them out again."""
        self.weak = not self.weak
        self.take(self.size_taken)

    def action_mark(self) -> None:
        """Marks the node, to be ablated with others."""
        if self.leaf is not None and self.leaf.node is not None:
            self.toggle_tag()
            self.refresh()
            self._tell()

    def action_unfold(self, to: bool | None = None) -> None:
        """Shows or hides what is below the node; closing what has nothing below closes what it
        hangs under.
        """
        leaf = self.leaf
        if leaf is None or leaf.line is None:
            return
        name = leaf.id
        if not leaf.line.many or (to is False and not leaf.line.open):
            name = self.outline.above(self.cursor - 1) if to is not True else ""
        if not name or name == METRIC:
            return
        is_open = name not in self.closed
        if to is is_open:
            return
        self._turn(name)
        self._list(name)

    def _turn(self, name: str) -> None:
        self.closed ^= {name}
        self.outline.turn(name)

    # Drawing

    def own_line(self, row: Any, cursor: bool, mark: str) -> Strip | None:
        """The metric's line has the size and the scores at it."""
        if row.line is not None or self.whole is None:
            return None
        width, metric = self.size.width - 2, self.whole.about.metric
        said = self._scores()
        sizes = _sizes(self.whole.sizes, self.size_taken, width - len(metric) - len(said) - 6)
        plain = self._style("plain", cursor)
        return Strip(
            [
                Segment(mark + " ", self._style("accent", cursor)),
                Segment(fit(metric, min(len(metric), width)), self._style("strong", cursor)),
                Segment("   ", plain),
                Segment(sizes, self._style("accent", cursor)),
                Segment("   ", plain),
                Segment(fit(said, max(0, width - len(metric) - len(sizes) - 6)),
                        self._style("number", cursor)),
            ]
        ).adjust_cell_length(self.size.width, plain)  # fmt: skip

    def _scores(self) -> str:
        assert self.whole is not None
        point = self.whole.point(self.size_taken)
        if point is None:
            return "not scored"
        around = interval(point.faithfulness_low, point.faithfulness_high)
        around = f" ({around})" if around and self.size.width >= 72 else ""
        return (
            f"faithful {short(point.faithfulness)}{around} · complete {short(point.completeness)}"
        )


def _sizes(sizes: list[int], chosen: int, room: int) -> str:
    """The sizes in a row, the chosen one between signs: as many around it as there is room for."""
    if chosen not in sizes:
        return f"‹{chosen}›"
    at = sizes.index(chosen)
    first = last = at
    while True:
        wider = (max(0, first - 1), min(len(sizes) - 1, last + 1))
        longer = _said(sizes, wider, at)
        if wider == (first, last) or len(longer) > room:
            return _said(sizes, (first, last), at)
        first, last = wider


def _said(sizes: list[int], span: tuple[int, int], at: int) -> str:
    first, last = span
    words = [f"‹{sizes[i]}›" if i == at else str(sizes[i]) for i in range(first, last + 1)]
    before = "… " if first else "size "
    return before + " ".join(words) + (" …" if last < len(sizes) - 1 else "")
