"""The edges of a circuit in the orders from which trees of any size grow: a search ranks thousands
of nodes, and the size goes up and down by a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from saetui.circuits.columns import Edges, edges_of, nodes_of
from saetui.circuits.records import Edge, Node, Whole

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Graph:
    """Nodes, tokens and the metric by their places, see `Edges`, and the edges between them."""

    def __init__(
        self, nodes: Sequence[Node], edges: Sequence[Edge], among: int | None = None
    ) -> None:
        """`among` how many nodes, the first by rank, edges were measured; None, where the search
        did not publish it: among those up to the last that has one.
        """
        import numpy as np

        self.nodes = nodes_of(nodes)
        """By rank."""
        found = edges_of(self.nodes, edges)
        self.ends = found.ends
        """Place → id."""
        many, self.root = len(self.nodes), len(found.ends) - 1
        """`root`: the place of the metric."""
        ends = (found.source >= 0) & (found.source < self.root) & (found.target >= 0)
        ends &= (found.target < many) | (found.target == self.root)
        self.edges = found if ends.all() else found.at(np.flatnonzero(ends))
        """Those between ends that are known, by rank."""
        source, target = self.edges.source, self.edges.target
        self.size: Array = np.abs(self.edges.effect)
        """For each edge, how strong it is, whatever its sign."""
        rank = np.full(len(found.ends), -1)
        rank[:many] = self.nodes.rank
        self.enters: Array = np.maximum(rank[source], rank[target])
        """For each edge, the rank of the later one of its ends: from the next size on it is there.
        """
        last = int(self.enters.max()) if len(self.enters) else -1
        self.measured = last + 1 if among is None else among
        """Edges were measured among as many nodes, the first by rank."""
        self.from_tokens: Array = source >= many
        at = np.arange(len(source))
        self.by_source: Array = np.lexsort((at, -self.size, source))
        """Edges, source by source, the strongest of each first."""
        rank[many:] = 0
        self.by_target: Array = np.lexsort((at, source, rank[source], -self.size, target))
        """Edges in the order in which they hang under their targets."""
        order = np.argsort(self.enters, kind="stable")
        self._entered = self.enters[order]
        self._largest = np.maximum.accumulate(self.size[order]) if len(order) else self.size
        self._effects = np.maximum.accumulate(np.abs(self.nodes.effect)) if many else rank[:0]

    @cached_property
    def place(self) -> dict[str, int]:
        """Id → place."""
        return {name: at for at, name in enumerate(self.ends)}

    def was_measured(self, name: str) -> bool:
        """Whether edges of a node were looked for; those of the metric and the tokens always are
        where any are.
        """
        place = self.place.get(name, self.root)
        rank = self.nodes.rank[place] if place < len(self.nodes) else 0
        return bool(rank < self.measured)

    def many(self, size: int) -> int:
        """How many of the first `size` nodes by rank were read."""
        return int(self.nodes.rank.searchsorted(size))

    def taken(self, size: int) -> Sequence[str]:
        """The ids of the first `size` nodes, by rank."""
        return self.nodes.ids[: self.many(size)]

    def count(self, size: int) -> int:
        """How many edges there are among the first `size` nodes."""
        return int(self._entered.searchsorted(size))

    def largest(self, size: int) -> float:
        """The strongest effect of those edges, whatever its sign."""
        many = self.count(size)
        return float(self._largest[many - 1]) if many else 0.0

    def largest_node(self, size: int) -> float:
        """The strongest effect of the first `size` nodes, whatever its sign."""
        many = self.many(size)
        return float(self._effects[many - 1]) if many else 0.0

    def among(self, size: int) -> Edges:
        """The edges among the first `size` nodes, by rank."""
        return self.edges.at((self.enters < size).nonzero()[0])

    def into(self, name: str, size: int) -> Edges:
        """Those that lead to a node, a token or the metric."""
        return self._with(self.edges.target, name, size)

    def out(self, name: str, size: int) -> Edges:
        """Those that come from it."""
        return self._with(self.edges.source, name, size)

    def _with(self, ends: Array, name: str, size: int) -> Edges:
        place = self.place.get(name, -1)
        return self.edges.at(((ends == place) & (self.enters < size)).nonzero()[0])


def graph_of(whole: Whole) -> Graph:
    """The graph of a circuit."""
    return Graph(whole.nodes, whole.edges, whole.about.edges_among)
