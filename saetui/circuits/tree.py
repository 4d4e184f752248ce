"""The tree of a circuit: from the metric back to the tokens, along the edges.

A circuit is a graph; a tree shows every node once in full, where its strongest edge leads, and as
a link wherever else an edge of it leads. What has no edge to anything taken in hangs under the
metric.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from saetui.circuits.graph import Graph
from saetui.circuits.records import METRIC, Edge
from saetui.on_demand import OnDemand

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Twig(NamedTuple):
    """A node where it hangs in the tree."""

    node: str
    edge: Edge | None
    """The edge to what it hangs under; None where it has none to anything taken in."""
    again: bool
    """Whether it is shown in full elsewhere."""


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


class Tree:
    """All twigs, place by place of what they hang under; places are those of the graph."""

    def __init__(self, graph: Graph, size: int, weakest: float) -> None:
        import numpy as np

        self.graph = graph
        self.n_edges = graph.count(size)
        """Edges among those taken in."""
        live = graph.enters < size
        self.up, self.by = _hanging(graph, size, live)
        """For each place, the place that it hangs under in full and the edge by which it does; -1
        for what is not taken in, and where there is no such edge.
        """
        full = np.zeros(len(live), bool)
        full[self.by[self.by >= 0]] = True
        strong = live & (graph.size >= weakest * graph.largest(size))
        full |= _ending_in_tokens(graph, live, strong)
        links = strong & ~full & ~graph.from_tokens
        self.n_weak = self.n_edges - int(full.sum()) - int(links.sum())
        """Links that are left out, for the effect of their edge is small beside the strongest."""
        alone = ((self.up == graph.root) & (self.by < 0)).nonzero()[0]
        hung = graph.by_target[(full | links)[graph.by_target]]
        over = graph.edges.target[hung]
        self.edge: Array = np.concatenate([hung, np.full(len(alone), -1)])
        """For each twig, its edge; -1 for those that hang under the metric without one."""
        self.node: Array = np.concatenate([graph.edges.source[hung], alone])
        """For each twig, the place of its node."""
        self.again: Array = np.concatenate([links[hung], np.zeros(len(alone), bool)])
        over = np.concatenate([over, np.full(len(alone), graph.root)])
        self.start: Array = over.searchsorted(np.arange(graph.root + 2))
        """Place → its first twig; the last one of it comes before the first of the next."""
        own = ((self.by[self.node] == self.edge) & ~self.again).nonzero()[0]
        self.twig_of: Array = np.full(graph.root + 1, -1)
        """Place → the twig by which it hangs in full."""
        self.twig_of[self.node[own]] = own

    def twig(self, at: int) -> Twig:
        """The twig at a place."""
        edge = int(self.edge[at])
        return Twig(
            self.graph.ends[self.node[at]],
            None if edge < 0 else self.graph.edges.made(edge),
            bool(self.again[at]),
        )

    def below(self, name: str) -> list[Twig]:
        """What hangs under a node or the metric, the strongest first."""
        place = self.graph.place.get(name)
        if place is None:
            return []
        return [self.twig(at) for at in range(self.start[place], self.start[place + 1])]

    def __contains__(self, name: str) -> bool:
        """Whether it is shown in full somewhere."""
        place = self.graph.place.get(name)
        return place is not None and self.up[place] >= 0

    @cached_property
    def levels(self) -> list[Array]:
        """The places of nodes by how deep they hang, the deepest first."""
        import numpy as np

        inside = (self.up >= 0).nonzero()[0]
        depth = _steps_to_root(self.up, self.graph.root)[0][inside]
        order = np.argsort(-depth, kind="stable")
        found = np.split(inside[order], np.flatnonzero(np.diff(depth[order])) + 1)
        return found if len(inside) else []


def grow(graph: Graph, size: int, weakest: float = 0.0) -> Tree:
    """The tree of the first `size` nodes, by rank. Links are left out whose edge has less than the
    share `weakest` of the strongest effect, and so are tokens below a node that others lead to;
    every node is there in full nevertheless.
    """
    return Tree(graph, size, weakest)


def _ending_in_tokens(graph: Graph, live: Array, strong: Array) -> Array:
    """Edges from tokens that are shown: the strong ones, and those of nodes that nothing else leads
    to.
    """
    import numpy as np

    led_to = np.zeros(graph.root + 1, bool)
    led_to[graph.edges.target[live & ~graph.from_tokens]] = True
    return live & graph.from_tokens & (strong | ~led_to[graph.edges.target])


def _hanging(graph: Graph, size: int, live: Array) -> tuple[Array, Array]:
    """See `Tree.up` and `Tree.by`: everything hangs by its strongest edge, unless that made a
    circle.
    """
    import numpy as np

    up, by = np.full(graph.root + 1, -1), np.full(graph.root + 1, -1)
    order = graph.by_source[live[graph.by_source]]
    source = graph.edges.source[order]
    first = np.ones(len(source), bool)
    first[1:] = source[1:] != source[:-1]
    by[source[first]] = order[first]
    up[: graph.many(size)] = graph.root
    up[source[first]] = graph.edges.target[order[first]]
    if (_steps_to_root(up, graph.root)[1][up >= 0] != graph.root).any():
        return _without_circles(graph, size, order)
    return up, by


def _steps_to_root(up: Array, root: int) -> tuple[Array, Array]:
    """For each place, how many steps it is to the metric, and where as many steps as there are
    places lead: elsewhere in circles. Each turn doubles the steps (pointer jumping).
    """
    import numpy as np

    at = np.where(up < 0, root, up)
    at[root] = root
    steps = (np.arange(root + 1) != root).astype(np.int64)
    for _ in range(int(root + 1).bit_length()):
        if (at == root).all():
            break
        steps += steps[at]
        at = at[at]
    return steps, at


def _without_circles(graph: Graph, size: int, order: Array) -> tuple[Array, Array]:
    """The same, node by node: an edge that would close a circle is passed over for the next."""
    import numpy as np

    up, by = np.full(graph.root + 1, -1), np.full(graph.root + 1, -1)
    source = graph.edges.source[order]
    for place in dict.fromkeys([*range(graph.many(size)), *source[source >= len(graph.nodes)]]):
        up[place] = graph.root
        first, last = source.searchsorted([place, place + 1])
        for edge in order[first:last].tolist():
            target = int(graph.edges.target[edge])
            if not _leads_to(up, target, int(place)):
                up[place], by[place] = target, edge
                break
    return up, by


def _leads_to(up: Array, start: int, place: int) -> bool:
    """Whether `start`, what it hangs under, or anything further, is `place`."""
    while start >= 0 and start != place:
        start = int(up[start])
    return start == place


class Outline(OnDemand[Line]):
    """The lines of a tree from the metric down, without what is under the nodes that are closed."""

    def __init__(self, tree: Tree, closed: Collection[str] = ()) -> None:
        self.tree = tree
        self.closed = set(closed)
        self._count()

    def _count(self) -> None:
        """Counts the lines under every node."""
        import numpy as np

        tree, place = self.tree, self.tree.graph.place
        self._shut: Array = np.zeros(tree.graph.root + 1, bool)
        self._shut[[place[name] for name in self.closed if name in place and name != METRIC]] = True
        lines = np.diff(tree.start)
        for level in tree.levels:
            within = np.where(self._shut[level], 0, lines[level])
            np.add.at(lines, tree.up[level], within)
        extent = np.where(tree.again | self._shut[tree.node], 0, lines[tree.node]) + 1
        self._before: Array = np.concatenate([[0], np.cumsum(extent)])
        """For each twig, the lines of those before it; what hangs under them is counted there and
        under each of their own."""
        self._lines = int(lines[tree.graph.root])

    def __len__(self) -> int:
        return self._lines

    def made(self, at: int) -> Line:
        """The line at a place."""
        tree, twigs, lasts = self.tree, *self._down_to(at)
        twig, rails = twigs[-1], tuple(not last for last in lasts[:-1])
        node = tree.node[twig]
        many = 0 if tree.again[twig] else int(tree.start[node + 1] - tree.start[node])
        is_open = bool(many) and not self._shut[node]
        return Line(tree.twig(twig), len(rails), rails, lasts[-1], many, is_open)

    def above(self, at: int) -> str:
        """What the line at a place hangs under where it stands; empty at the top."""
        twigs, _ = self._down_to(at)
        return self.tree.graph.ends[self.tree.node[twigs[-2]]] if len(twigs) > 1 else ""

    def _down_to(self, at: int) -> tuple[list[int], list[bool]]:
        """The twig of a line and those that it hangs under, from the metric on, and whether each is
        the last of its level.
        """
        place, twigs, lasts = self.tree.graph.root, list[int](), list[bool]()
        while True:
            first, end = int(self.tree.start[place]), int(self.tree.start[place + 1])
            wanted = self._before.item(first) + at
            twig = int(self._before.searchsorted(wanted, "right")) - 1
            twigs.append(twig)
            lasts.append(twig == end - 1)
            at = wanted - self._before.item(twig)
            if at == 0:
                return twigs, lasts
            place, at = int(self.tree.node[twig]), at - 1

    def place(self, name: str) -> int | None:
        """The line on which a node stands in full; None where it does not."""
        if name not in self.tree:
            return None
        tree, root, at = self.tree, self.tree.graph.root, 0
        place = tree.graph.place[name]
        while place != root:
            twig, over = int(tree.twig_of[place]), int(tree.up[place])
            if over != root and self._shut[over]:
                return None
            at += self._before.item(twig) - self._before.item(tree.start[over]) + (over != root)
            place = over
        return at

    def turn(self, name: str) -> None:
        """Closes a node that is open, or opens it."""
        self.closed ^= {name}
        self._count()


def path(tree: Tree, name: str) -> list[str]:
    """What a node hangs under, and so on up to the metric, which is left out."""
    found: list[str] = []
    place = tree.graph.place.get(name, -1)
    while place >= 0 and (place := int(tree.up[place])) >= 0:
        found.append(tree.graph.ends[place])
    return found[:-1]
