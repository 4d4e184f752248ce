"""Where the nodes of a circuit stand when it is drawn: a column for each place in the model, tokens
at the left, the metric at the right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from saetui.circuits.records import (
    METRIC,
    Edge,
    Node,
    Whole,
    bare,
    depth_of,
    kind_of,
)

SWEEPS = 6
"""Times that columns are ordered by where their edges lead, to keep crossings few."""


class Column(NamedTuple):
    """Nodes of one place in the model."""

    title: str
    nodes: Sequence[str]
    """From the top."""


class Drawn(NamedTuple):
    """What is drawn."""

    columns: Sequence[Column]
    """From the tokens to the metric."""
    edges: Sequence[Edge]
    """Among what is drawn, the strongest last, so that they lie on top."""
    nodes: Mapping[str, Node]


def lay_out(whole: Whole, size: int) -> Drawn:
    """The first `size` nodes, the edges among them, and both ends of the model."""
    nodes = {node.node: node for node in whole.nodes if node.rank < size}
    edges = [
        edge
        for edge in whole.edges
        if (edge.target in nodes or edge.target == METRIC)
        and (edge.source in nodes or kind_of(edge.source) == "embed")
    ]
    tokens = [e.source for e in edges if e.source not in nodes]
    order = _depths(nodes, edges)
    columns = [Column("tokens", list(dict.fromkeys(tokens)))] if tokens else []
    for depth in sorted(set(order.values())):
        some = [name for name in nodes if order[name] == depth]
        columns.append(Column(_title(nodes[name] for name in some), some))
    columns.append(Column("metric", [METRIC]))
    return Drawn(_untangled(columns, edges), sorted(edges, key=lambda e: abs(e.effect)), nodes)


def _title(nodes: object) -> str:
    places = dict.fromkeys(_place(node) for node in nodes)  # type: ignore[attr-defined]
    return next(iter(places)) if len(places) == 1 else ""


def _place(node: Node) -> str:
    place = node.component or bare(node.node).rpartition("#")[0]
    if kind_of(node.node) == "head":
        return place.partition(".")[0] + " heads"
    return place


def _depths(nodes: Mapping[str, Node], edges: Sequence[Edge]) -> dict[str, tuple[float, float]]:
    """Where each node stands: by its component where that is known of all, else by how many edges
    lead to it one after the other.
    """
    known = {name: depth_of(node.component or bare(name)) for name, node in nodes.items()}
    if all(depth is not None for depth in known.values()):
        return {name: depth for name, depth in known.items() if depth is not None}
    steps = dict.fromkeys(nodes, 0)
    for _ in range(min(len(nodes), 64)):  # a circle would never come to rest
        moved = False
        for edge in edges:
            if edge.source in steps and edge.target in steps:
                further = steps[edge.source] + 1
                if further > steps[edge.target]:
                    steps[edge.target], moved = further, True
        if not moved:
            break
    return {name: (float(step), 0.0) for name, step in steps.items()}


def _untangled(columns: Sequence[Column], edges: Sequence[Edge]) -> list[Column]:
    """Each column in the order of what its edges lead to, weighted by their strength."""
    places = {
        name: (at + 0.5) / len(column.nodes)
        for column in columns
        for at, name in enumerate(column.nodes)
    }
    ends: dict[str, list[tuple[str, float]]] = {name: [] for name in places}
    for edge in edges:
        ends[edge.source].append((edge.target, abs(edge.effect) + 1e-9))
        ends[edge.target].append((edge.source, abs(edge.effect) + 1e-9))
    ordered = list(columns)
    for sweep in range(SWEEPS):
        order = range(len(ordered)) if sweep % 2 else reversed(range(len(ordered)))
        for at in order:
            names = sorted(ordered[at].nodes, key=lambda name: _middle(name, ends, places))
            for place, name in enumerate(names):
                places[name] = (place + 0.5) / len(names)
            ordered[at] = ordered[at]._replace(nodes=names)
    return ordered


def _middle(
    name: str, ends: Mapping[str, Sequence[tuple[str, float]]], places: Mapping[str, float]
) -> tuple[float, str]:
    """The middle of what a node's edges lead to."""
    weight = sum(each for _, each in ends[name])
    if not weight:
        return places[name], name
    return sum(places[other] * each for other, each in ends[name]) / weight, name
