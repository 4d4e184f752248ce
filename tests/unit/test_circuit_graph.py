"""Among which nodes of a circuit edges were measured."""

from __future__ import annotations

import pytest

from saetui.circuits.graph import Graph
from saetui.circuits.records import METRIC, Edge, Node
from saetui.circuits.text import measured_among

NODES = [
    Node(f"L0.H{at}", None, None, f"L0.H{at}", None, 1.0, at, None, None, None, None, None)
    for at in range(6)
]
EDGES = [Edge("L0.H0", METRIC, 1.0, 0, None), Edge("embed", "L0.H3", 0.5, 1, None)]


@pytest.mark.parametrize(
    ("edges", "published", "measured"),
    [
        (EDGES, 5, 5),
        (EDGES, None, 4),  # an older search: up to the last node that has one
        ([], 5, 5),  # measured, and none found
        ([], None, 0),
    ],
)
def test_edges_were_measured_among_the_first(edges, published, measured) -> None:
    graph = Graph(NODES, edges, published)
    assert graph.measured == measured
    assert [graph.was_measured(node.node) for node in NODES] == [at < measured for at in range(6)]
    assert graph.was_measured(METRIC) == graph.was_measured("embed") == (measured > 0)


def test_it_is_said_with_the_key_that_measures_more() -> None:
    assert measured_among(20, 20) == ""
    assert measured_among(20, 39) == (
        "edges were measured among the first 20 nodes alone; edges=39 measures them among 39"
    )
    assert measured_among(0, 1) == "edges were measured nowhere; edges=1 measures them among 1"
