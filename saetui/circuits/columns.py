"""Nodes and edges of a circuit as arrays, each made into a record when it is asked for.

A circuit has tens of thousands of edges; as records they take a tenth of a second to make, and the
garbage collector goes through every one of them again and again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from saetui.circuits.records import METRIC, Edge, Node, kind_of
from saetui.on_demand import OnDemand

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TO_METRIC, ELSEWHERE = -1, -2
"""What `saetui.queries_circuits.coded_edges` has for an end that is the metric, or no node that was
read."""


class Nodes(OnDemand[Node]):
    """The nodes of a circuit, by rank."""

    def __init__(self, found: Mapping[str, Array]) -> None:
        """`found`: the columns of `saetui.queries_circuits.nodes`, as DuckDB gives them."""
        import numpy as np

        self._columns: list[tuple[Array, Array | None]] = [
            (np.ma.getdata(found[name]), _nulls(found[name])) for name in Node._fields
        ]
        self.ids: list[str] = self._values("node").tolist()
        self.rank: Array = self._values("rank").astype(np.int64)
        """int64."""
        self.effect: Array = self._values("effect").astype(np.float64)
        """float64."""

    def __len__(self) -> int:
        return len(self.ids)

    def made(self, at: int) -> Node:
        """The node at a place."""
        return Node._make(
            None if nulls is not None and nulls[at] else values.item(at)
            for values, nulls in self._columns
        )

    def _values(self, name: str) -> Array:
        return self._columns[Node._fields.index(name)][0]

    @cached_property
    def place(self) -> dict[str, int]:
        """Id → place."""
        return {name: at for at, name in enumerate(self.ids)}

    @cached_property
    def components(self) -> dict[str, str]:
        """Dictionary → where it stands in the model."""
        (dictionaries, nulls), (components, _) = self._columns[1], self._columns[3]
        pairs = zip(dictionaries.tolist(), components.tolist(), strict=True)
        if nulls is None:
            return {name: place or "" for name, place in pairs if name is not None}
        return {name: place or "" for (name, place), null in zip(pairs, nulls, strict=True)
                if not null}  # fmt: skip

    def get(self, name: str) -> Node | None:
        """The node of that id; None where there is none."""
        at = self.place.get(name)
        return None if at is None else self.made(at)


class Edges(OnDemand[Edge]):
    """Edges of a circuit. Their ends are numbered: nodes by rank, then the tokens, then the metric;
    `ELSEWHERE` is none of them.
    """

    def __init__(self, ends: Sequence[str], *columns: Array) -> None:
        self.ends = ends
        """Number → id; the last is the metric."""
        self.source, self.target, self.effect, self.rank, self.stability = columns
        """int32, int32, float64, int64, and float64 with NaN where it was not measured."""

    def __len__(self) -> int:
        return len(self.source)

    def made(self, at: int) -> Edge:
        """The edge at a place."""
        stability = self.stability.item(at)
        return Edge(
            self.ends[self.source[at]],
            self.ends[self.target[at]],
            self.effect.item(at),
            self.rank.item(at),
            None if stability != stability else stability,
        )

    @property
    def _columns(self) -> tuple[Array, ...]:
        return self.source, self.target, self.effect, self.rank, self.stability

    def at(self, places: Array) -> Edges:
        """Those at some places."""
        return Edges(self.ends, *(column[places] for column in self._columns))

    def with_these(self, others: Edges) -> Edges:
        """These, then others of the same circuit."""
        import numpy as np

        pairs = zip(self._columns, others._columns, strict=True)
        return Edges(self.ends, *(np.concatenate(pair) for pair in pairs))


def nodes_of(nodes: Sequence[Node]) -> Nodes:
    """Records as arrays."""
    import numpy as np

    if isinstance(nodes, Nodes):
        return nodes
    ranked = sorted(nodes, key=lambda node: node.rank)
    columns = zip(*ranked, strict=True) if ranked else ((),) * len(Node._fields)
    found = {}
    for name, values in zip(Node._fields, columns, strict=True):
        found[name] = np.empty(len(ranked), object)
        found[name][:] = values
    return Nodes(found)


def edges_of(nodes: Nodes, edges: Sequence[Edge]) -> Edges:
    """Records as arrays, by rank."""
    import numpy as np

    if isinstance(edges, Edges):
        return edges
    begins = dict.fromkeys(edge.source for edge in edges)
    tokens = [name for name in begins if name not in nodes.place and kind_of(name) == "embed"]
    ends = [*nodes.ids, *tokens, METRIC]
    number = {name: at for at, name in enumerate(ends)}
    ranked = sorted(edges, key=lambda edge: edge.rank)
    columns = zip(*ranked, strict=True) if ranked else ((),) * len(Edge._fields)
    sources, targets, effects, ranks, stabilities = columns
    return Edges(
        ends,
        np.array([number.get(end, ELSEWHERE) for end in sources], np.int32),
        np.array([number.get(end, ELSEWHERE) for end in targets], np.int32),
        np.array(effects, np.float64),
        np.array(ranks, np.int64),
        np.array(stabilities, np.float64),  # None becomes NaN
    )


def edges_from(nodes: Nodes, found: Mapping[str, Array]) -> Edges:
    """The columns of `saetui.queries_circuits.coded_edges`, as DuckDB gives them, by rank."""
    import numpy as np

    order = np.argsort(np.ma.getdata(found["rank"]), kind="stable")
    source = np.ma.getdata(found["source"]).astype(np.int32)
    target = np.ma.getdata(found["target"]).astype(np.int32)
    names = found["token"]
    given = np.flatnonzero(~np.ma.getmaskarray(names))
    tokens = {name: len(nodes) + at for at, name in
              enumerate(dict.fromkeys(np.ma.getdata(names)[given].tolist()))}  # fmt: skip
    source[given] = [tokens[name] for name in np.ma.getdata(names)[given].tolist()]
    ends = [*nodes.ids, *tokens, METRIC]
    target[target == TO_METRIC] = len(ends) - 1
    return Edges(
        ends,
        source[order],
        target[order],
        np.ma.getdata(found["effect"])[order].astype(np.float64),
        np.ma.getdata(found["rank"])[order].astype(np.int64),
        np.ma.filled(np.ma.asarray(found["stability"]).astype(np.float64), np.nan)[order],
    )


def _nulls(column: Array) -> Array | None:
    import numpy as np

    return np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else None
