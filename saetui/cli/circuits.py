"""A circuit read whole, for the commands that show, compare and export it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saetui import queries_circuits as queries
from saetui.circuits.records import Circuit, Edge, Example, Node, Point, Whole, features_of
from saetui.cli.ask import ask
from saetui.cli.nearest import ending
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from collections.abc import Iterable

    from store import Workspace


def known(ws: Workspace, name: str) -> dict[str, Any]:
    """What ``circuits`` says of one; raises AskedWrongly, naming the nearest, for an unknown."""
    found = {row["circuit"]: row for row in ask(ws, queries.circuits()).records}
    if name not in found:
        some = list(found)
        hint = ending(name, some, f"there are {', '.join(some[:5])}" if some else "there is none")
        raise AskedWrongly(f"No circuit is called {name!r}{hint}")
    return found[name]


def whole(ws: Workspace, name: str) -> Whole:
    """The circuit `name`."""
    about = known(ws, name)
    return Whole(
        Circuit(**about),
        [Node(**row) for row in ask(ws, queries.nodes(name)).records],
        [Edge(**row) for row in ask(ws, queries.edges(name)).records],
        [Point(**row) for row in ask(ws, queries.curves([name])).records],
    )


def others(ws: Workspace, found: Whole) -> list[Whole]:
    """What stands on the same axes, with curves alone."""
    from saetui.circuits.compare import companions

    every = [Circuit(**row) for row in ask(ws, queries.circuits()).records]
    beside = companions(found.about, every)[1:]
    points = [Point(**row) for row in ask(ws, queries.curves([c.circuit for c in beside])).records]
    return [Whole(c, [], [], [p for p in points if p.circuit == c.circuit]) for c in beside]


def examples(ws: Workspace, nodes: Iterable[Node]) -> dict[tuple[str, int], Example]:
    """Where the features among `nodes` fire most."""
    rows = ask(ws, queries.examples(features_of(nodes))).records
    return {(row["dictionary"], row["feature"]): Example(**row) for row in rows}
