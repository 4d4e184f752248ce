"""The tree of a circuit: from the metric back to the tokens, along the edges.

A circuit is a graph; a tree shows every node once in full, where its strongest edge leads, and as
a link wherever else an edge of it leads. What has no edge to anything taken in hangs under the
metric.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from saetui.circuits.records import METRIC, Edge, Node, kind_of


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


def grow(nodes: Sequence[Node], edges: Sequence[Edge], size: int, weakest: float = 0.0) -> Tree:
    """The tree of the first `size` nodes, by rank. Links are left out whose edge has less than the
    share `weakest` of the strongest effect; every node is there in full nevertheless.
    """
    taken = {node.node: node for node in nodes if node.rank < size}
    among = [edge for edge in edges if edge.target in taken or edge.target == METRIC]
    among = [edge for edge in among if edge.source in taken or kind_of(edge.source) == "embed"]
    out: dict[str, list[Edge]] = {}
    for edge in among:
        out.setdefault(edge.source, []).append(edge)
    over: dict[str, str] = {}
    up: dict[str, Edge | None] = {}
    for name in [*taken, *(source for source in out if source not in taken)]:
        strongest = sorted(out.get(name, ()), key=lambda edge: (-abs(edge.effect), edge.rank))
        free = (edge for edge in strongest if not _leads_to(over, edge.target, name))
        best = up[name] = next(free, None)
        over[name] = best.target if best else METRIC
    below: dict[str, list[Twig]] = {}
    least, weak = weakest * max((abs(edge.effect) for edge in among), default=0.0), 0
    for edge in among:
        again = edge is not up[edge.source] and kind_of(edge.source) != "embed"
        if again and abs(edge.effect) < least:
            weak += 1
            continue
        below.setdefault(edge.target, []).append(Twig(edge.source, edge, again))
    for name in taken:
        if up[name] is None:
            below.setdefault(METRIC, []).append(Twig(name, None, False))
    for twigs in below.values():
        twigs.sort(key=lambda twig: _order(twig, taken))
    return Tree(below, over, len(among), weak)


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


def _order(twig: Twig, taken: Mapping[str, Node]) -> tuple[bool, float, int, str]:
    """Edges by strength, then what has none by rank."""
    node = taken.get(twig.node)
    strength = -abs(twig.edge.effect) if twig.edge is not None else 0.0
    return twig.edge is None, strength, node.rank if node else 0, twig.node


def lines(tree: Tree, closed: Collection[str] = ()) -> Iterator[Line]:
    """The tree from the metric down, without what is under the nodes that are `closed`."""
    waiting = _stacked(tree, METRIC, ())
    while waiting:
        twig, rails, last = waiting.pop()
        many = 0 if twig.again else len(tree.below.get(twig.node, ()))
        is_open = bool(many) and twig.node not in closed
        yield Line(twig, len(rails), rails, last, many, is_open)
        if is_open:
            waiting += _stacked(tree, twig.node, (*rails, not last))


def _stacked(
    tree: Tree, name: str, rails: tuple[bool, ...]
) -> list[tuple[Twig, tuple[bool, ...], bool]]:
    """What hangs under a node, the last first."""
    twigs = tree.below.get(name, ())
    return [(twig, rails, at == len(twigs) - 1) for at, twig in enumerate(twigs)][::-1]


def path(tree: Tree, name: str) -> list[str]:
    """What a node hangs under, and so on up to the metric."""
    found: list[str] = []
    while name in tree.over and name not in found:
        found.append(name)
        name = tree.over[name]
    return found[1:]
