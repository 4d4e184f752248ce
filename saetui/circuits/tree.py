"""The tree of a circuit: from the metric back to the tokens, along the edges.

A circuit is a graph; a tree shows every node once in full, where its strongest edge leads, and as
a link wherever else an edge of it leads. What has no edge to anything taken in hangs under the
metric.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from saetui.circuits.records import METRIC, Edge, Node, kind_of, rows_of
from saetui.on_demand import OnDemand


class Twig(NamedTuple):
    """A node where it hangs in the tree."""

    node: str
    edge: Edge | None
    """The edge to what it hangs under; None where it has none to anything taken in."""
    again: bool
    """Whether it is shown in full elsewhere."""


class Tree(NamedTuple):
    """All twigs, by what they hang under."""

    below: Mapping[str, Sequence[Twig]]
    """Node, or `METRIC` → what hangs under it, the strongest first."""
    over: Mapping[str, str]
    """Node → what it hangs under in full."""
    n_edges: int
    """Edges among those taken in."""
    n_weak: int = 0
    """Links that are left out, for the effect of their edge is small beside the strongest."""


class Line(NamedTuple):
    """A line of the tree as it is drawn."""

    twig: Twig
    depth: int
    """0 under the metric."""
    rails: tuple[bool, ...]
    """For each level above, whether more of it follows below."""
    last: bool
    """Whether it is the last of its level."""
    many: int
    """What hangs under it; 0 for links and leaves."""
    open: bool


class Graph:
    """The nodes and edges of a circuit in the orders from which trees of any size grow quickly: a
    search ranks thousands of nodes, and the size goes up and down by a key.
    """

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        self.nodes = sorted(nodes, key=lambda node: node.rank)
        self.rank = {node.node: node.rank for node in self.nodes}
        self._ranks = [node.rank for node in self.nodes]
        self._rows: list[tuple[Any, ...]] = []
        """Edges between nodes, tokens and the metric, by rank."""
        self.size: list[float] = []
        """For each, how strong it is, whatever its sign."""
        self.enters: list[int] = []
        """For each, the rank of the later one of its ends: from the next size on it is there."""
        self.into: dict[str, list[int]] = defaultdict(list)
        """Node → the edges that lead to it, by their place in that order."""
        self.out: dict[str, list[int]] = defaultdict(list)
        """Node → the edges that come from it."""
        self.tokens: list[int] = []
        """The edges that come from the tokens."""
        self._take_in(sorted(rows_of(edges), key=itemgetter(Edge._fields.index("rank"))))
        self._strongest = sorted(range(len(self._rows)), key=self.size.__getitem__, reverse=True)
        order = sorted(range(len(self._rows)), key=self.enters.__getitem__)
        self._entered = [self.enters[at] for at in order]
        self._largest = list(accumulate((self.size[at] for at in order), max))
        self.strongest_out: dict[str, list[int]] = defaultdict(list)
        """Node → the edges that come from it, the strongest first."""
        for at in self._strongest:
            self.strongest_out[self._rows[at][0]].append(at)

    def _take_in(self, rows: Sequence[tuple[Any, ...]]) -> None:
        rank = self.rank | {METRIC: -1}
        begins = {row[0] for row in rows} - set(self.rank)
        embeds = {name for name in begins if kind_of(name) == "embed"}
        for row in rows:
            source, target = row[0], row[1]
            if target not in rank or (source in begins and source not in embeds):
                continue
            at = len(self._rows)
            self._rows.append(row)
            self.size.append(abs(row[2]))
            self.enters.append(max(rank[target], rank.get(source, -1)))
            self.into[target].append(at)
            self.out[source].append(at)
            if source in embeds:
                self.tokens.append(at)

    def edge(self, at: int) -> Edge:
        """The edge at a place."""
        return Edge._make(self._rows[at])

    def taken(self, size: int) -> list[Node]:
        """The first `size` nodes, by rank."""
        return self.nodes[: bisect_left(self._ranks, size)]

    def count(self, size: int) -> int:
        """How many edges there are among the first `size` nodes."""
        return bisect_left(self._entered, size)

    def largest(self, size: int) -> float:
        """The strongest effect of those edges, whatever its sign."""
        many = self.count(size)
        return self._largest[many - 1] if many else 0.0

    def among(self, size: int, places: Iterable[int] | None = None) -> list[Edge]:
        """Those edges, or those at some places, by rank."""
        some = range(len(self.size)) if places is None else places
        return [self.edge(at) for at in some if self.enters[at] < size]

    def as_strong_as(self, least: float, size: int) -> Iterator[int]:
        """Edges among the first `size` nodes with at least that effect, the strongest first."""
        for at in self._strongest:
            if self.size[at] < least:
                return
            if self.enters[at] < size:
                yield at


def grow(graph: Graph, size: int, weakest: float = 0.0) -> Tree:
    """The tree of the first `size` nodes, by rank. Links are left out whose edge has less than the
    share `weakest` of the strongest effect; every node is there in full nevertheless.
    """
    taken = graph.taken(size)
    tokens = [at for at in graph.tokens if graph.enters[at] < size]
    over: dict[str, str] = {}
    up: dict[str, int | None] = {}
    for name in dict.fromkeys(
        [*(node.node for node in taken), *(graph.edge(at).source for at in tokens)]
    ):
        best = up[name] = _hangs_by(graph, over, name, size)
        over[name] = METRIC if best is None else graph.edge(best).target
    least = weakest * graph.largest(size)
    full = {*tokens, *(at for at in up.values() if at is not None)}
    links = [at for at in graph.as_strong_as(least, size) if at not in full]
    below: dict[str, list[Twig]] = {}
    for again, some in ((False, full), (True, links)):
        for at in some:
            edge = graph.edge(at)
            below.setdefault(edge.target, []).append(Twig(edge.source, edge, again))
    for name, best in up.items():
        if best is None:
            below.setdefault(METRIC, []).append(Twig(name, None, False))
    for twigs in below.values():
        twigs.sort(key=lambda twig: _order(twig, graph.rank))
    many = graph.count(size)
    return Tree(below, over, many, many - len(full) - len(links))


def _hangs_by(graph: Graph, over: Mapping[str, str], name: str, size: int) -> int | None:
    """The strongest edge from a node to what is taken in, but for those that make a circle."""
    for at in graph.strongest_out.get(name, ()):
        if graph.enters[at] < size and not _leads_to(over, graph.edge(at).target, name):
            return at
    return None


def _leads_to(over: Mapping[str, str], start: str, name: str) -> bool:
    """Whether what `start` hangs under, or anything further, is `name`: it would be a circle."""
    at = start
    while at != METRIC:
        if at == name:
            return True
        if at not in over:
            return False
        at = over[at]
    return False


def _order(twig: Twig, rank: Mapping[str, int]) -> tuple[bool, float, int, str]:
    """Edges by strength, then what has none by rank."""
    strength = -abs(twig.edge.effect) if twig.edge is not None else 0.0
    return twig.edge is None, strength, rank.get(twig.node, 0), twig.node


class Outline(OnDemand[Line]):
    """The lines of a tree from the metric down, without what is under the nodes that are closed."""

    def __init__(self, tree: Tree, closed: Collection[str] = ()) -> None:
        self.tree = tree
        self.closed = set(closed)
        self._ends: dict[str, list[int]] = {}

    def __len__(self) -> int:
        ends = self._ends_of(METRIC)
        return ends[-1] if ends else 0

    def made(self, at: int) -> Line:
        """The line at a place."""
        *_, (twig, rails, last) = self._down_to(at)
        many = 0 if twig.again else len(self.tree.below.get(twig.node, ()))
        is_open = bool(many) and twig.node not in self.closed
        return Line(twig, len(rails), rails, last, many, is_open)

    def above(self, at: int) -> str:
        """What the line at a place hangs under where it stands; empty at the top."""
        over = [twig.node for twig, _, _ in self._down_to(at)]
        return over[-2] if len(over) > 1 else ""

    def _down_to(self, at: int) -> list[tuple[Twig, tuple[bool, ...], bool]]:
        """The line at a place and those that it hangs under, from the metric on: twig, rails, and
        whether it is the last of its level.
        """
        name, rails = METRIC, tuple[bool, ...]()
        found: list[tuple[Twig, tuple[bool, ...], bool]] = []
        while True:
            ends, twigs = self._ends_of(name), self.tree.below[name]
            place = bisect_right(ends, at)
            last = place == len(twigs) - 1
            found.append((twigs[place], rails, last))
            at -= ends[place - 1] if place else 0
            if at == 0:
                return found
            name, rails, at = twigs[place].node, (*rails, not last), at - 1

    def place(self, name: str) -> int | None:
        """The line on which a node stands in full; None where it does not."""
        if name not in self.tree.over:
            return None
        at, ups = 0, [name, *path(self.tree, name), METRIC]
        for below, over in pairwise(ups):
            twigs = self.tree.below.get(over, ())
            ends = self._ends_of(over)
            hangs = (n for n, twig in enumerate(twigs) if twig.node == below and not twig.again)
            place = next(hangs, None)
            if place is None or (over != METRIC and over in self.closed):
                return None
            at += (ends[place - 1] if place else 0) + (over != METRIC)
        return at

    def turn(self, name: str) -> None:
        """Closes a node that is open, or opens it."""
        self.closed ^= {name}
        for above in (*path(self.tree, name), METRIC):
            self._ends.pop(above, None)

    def _ends_of(self, name: str) -> list[int]:
        """For each twig under a node, how many lines there are up to the last one below it."""
        waiting = [name]
        while name not in self._ends:
            at = waiting[-1]
            twigs = self.tree.below.get(at, ())
            within = [
                twig.node
                for twig in twigs
                if not twig.again and twig.node not in self.closed and twig.node in self.tree.below
            ]
            if unknown := [each for each in within if each not in self._ends]:
                waiting += unknown
                continue
            shown = set(within)
            self._ends[at] = list(
                accumulate(
                    1 + (self._ends[t.node][-1] if not t.again and t.node in shown else 0)
                    for t in twigs
                )
            )
            waiting.pop()
        return self._ends[name]


def path(tree: Tree, name: str) -> list[str]:
    """What a node hangs under, and so on up to the metric."""
    found: list[str] = []
    while name in tree.over and name not in found:
        found.append(name)
        name = tree.over[name]
    return found[1:]
