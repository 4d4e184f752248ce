"""The tree of a circuit shows every node once in full, whatever its edges are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from saetui.circuits.exports import Exported
from saetui.circuits.exports.layout import lay_out
from saetui.circuits.graph import Graph
from saetui.circuits.records import METRIC, Circuit, Edge, Node, Whole
from saetui.circuits.tree import Line, Outline, Tree, grow, path

ENDS = [f"L{at % 3}.H{at}" for at in range(8)]

edges_between = st.lists(
    st.tuples(
        st.sampled_from([*ENDS, "embed", "embed@2", "L9.gone"]),
        st.sampled_from([*ENDS, METRIC, "L9.gone"]),
        st.floats(-2, 2, allow_nan=False),
    ),
    max_size=40,
)


def nodes() -> list[Node]:
    return [
        Node(name, None, None, name, None, 1 / (1 + at), at, None, None, None, None, None)
        for at, name in enumerate(ENDS)
    ]


@given(edges_between, st.integers(0, 8), st.sampled_from([0.0, 0.05, 0.9]))
def test_every_node_is_there_once_in_full_and_nothing_leads_in_a_circle(found, size, weakest):
    edges = [Edge(*ends, rank, None) for rank, ends in enumerate(found)]
    tree = grow(Graph(nodes(), edges), size, weakest)
    drawn = list(Outline(tree))
    full = [line.twig.node for line in drawn if not line.twig.again]
    assert sorted(name for name in full if name in ENDS) == sorted(ENDS[:size])
    shown = sum(line.twig.edge is not None for line in drawn)
    assert shown + tree.n_weak == tree.n_edges
    for name in ENDS[:size]:
        assert name not in path(tree, name)
    for line in drawn:
        assert len(line.rails) == line.depth


def written_out(tree: Tree, closed: set[str], name: str = METRIC, rails: tuple[bool, ...] = ()):
    """The lines of a tree by the definition, one after the other."""
    twigs = tree.below(name)
    for at, twig in enumerate(twigs):
        last = at == len(twigs) - 1
        many = 0 if twig.again else len(tree.below(twig.node))
        is_open = bool(many) and twig.node not in closed
        yield name, Line(twig, len(rails), rails, last, many, is_open)
        if is_open:
            yield from written_out(tree, closed, twig.node, (*rails, not last))


@given(edges_between, st.sets(st.sampled_from(ENDS)), st.sampled_from(ENDS))
def test_any_line_of_a_tree_is_what_it_is_when_all_are_written_out(found, closed, turned):
    edges = [Edge(*ends, rank, None) for rank, ends in enumerate(found)]
    tree = grow(Graph(nodes(), edges), 8)
    outline = Outline(tree, closed)
    for now in (closed, closed ^ {turned}):
        drawn = list(written_out(tree, now))
        assert list(outline) == [line for _, line in drawn]
        for at, (over, line) in enumerate(drawn):
            assert outline.above(at) == ("" if over == METRIC else over)
            if not line.twig.again and line.twig.node in ENDS:
                assert outline.place(line.twig.node) == at
        shown = {line.twig.node for _, line in drawn if not line.twig.again}
        assert all(outline.place(name) is None for name in ENDS if name not in shown)
        outline.turn(turned)


@given(edges_between, st.integers(1, 8))
def test_what_is_drawn_has_every_node_in_one_column_and_ends_for_every_edge(found, size):
    edges = [Edge(*ends, rank, None) for rank, ends in enumerate(found)]
    fields = dict.fromkeys(Circuit._fields, 0) | {"circuit": "c", "dictionaries": []}
    whole = Whole(Circuit(**fields), nodes(), edges, [])
    drawn = lay_out(whole, Exported(whole, size).size)
    placed = [name for column in drawn.columns for name in column.nodes]
    assert len(placed) == len(set(placed)) and set(placed) >= {*ENDS[:size], METRIC}
    assert {end for edge in drawn.edges for end in (edge.source, edge.target)} <= set(placed)
