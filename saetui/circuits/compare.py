"""Two circuits side by side: the nodes they share, those that only one has, scores and costs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from saetui.circuits.records import Circuit, Node, Whole

SIZES = (10, 20, 50, 100, 200, 500)
"""Sizes at which curves are compared, where both were scored near them."""

NEAR = 0.25
"""How far from a size a score may be, as a share of it."""


class Shared(NamedTuple):
    """A node that one of the circuits has, or both."""

    node: str
    first: Node | None
    """It in the first circuit; None where that lacks it."""
    second: Node | None

    @property
    def where(self) -> str:
        """both, or only in A, or only in B."""
        return "both" if self.first and self.second else "A" if self.first else "B"

    @property
    def label(self) -> str:
        """What it is called."""
        return next((node.label for node in (self.first, self.second) if node and node.label), "")


class Measure(NamedTuple):
    """A line of figures."""

    name: str
    first: Any
    second: Any
    better: int
    """Which is the better one: 1, 2, or 0 where neither is."""


def shared(first: Whole, second: Whole, size: int, other: int) -> list[Shared]:
    """The nodes of both at their sizes: those they share first, then each one's own, by rank."""
    mine = {node.node: node for node in takewhile(lambda node: node.rank < size, first.nodes)}
    theirs = {node.node: node for node in takewhile(lambda node: node.rank < other, second.nodes)}
    found = [Shared(name, node, theirs.get(name)) for name, node in mine.items()]
    found += [Shared(name, None, node) for name, node in theirs.items() if name not in mine]
    order = {"both": 0, "A": 1, "B": 2}
    return sorted(found, key=lambda one: (order[one.where], _rank(one)))


def _rank(one: Shared) -> int:
    node = one.first or one.second
    return node.rank if node else 0


def measures(first: Whole, second: Whole) -> list[Measure]:
    """Their scores and costs, line by line; the better of two is told where one end is better."""
    one, two = first.about, second.about
    found = [
        *(Measure(name, getattr(one, name), getattr(two, name), 0) for name in SETTINGS),
        *(
            [Measure("where", one.where or "prompt", two.where or "prompt", 0)]
            if one.where or two.where
            else []
        ),
        *(_scored(name, one, two) for name in SCORES),
    ]
    for wanted in SIZES:
        mine, theirs = _faithful(first, wanted), _faithful(second, wanted)
        if mine is not None and theirs is not None:
            nearer = _better(abs(mine - 1), abs(theirs - 1), -1)
            found.append(Measure(f"faithfulness at {wanted}", mine, theirs, nearer))
    return found


SETTINGS = ("task", "model", "method", "nodes", "metric", "ablation", "errors", "n_nodes", "seed")
"""What was asked."""

SCORES = {
    "cmd": -1,
    "cpr": 1,
    "cmd_log": -1,
    "cpr_log": 1,
    "nodes_for_80": -1,
    "node_auc": 1,
    "edge_auc": 1,
    "transfer_cmd": -1,
    "passes": -1,
    "seconds": -1,
}
"""What came of it; 1: more is better, -1: less is."""


def _scored(name: str, one: Circuit, two: Circuit) -> Measure:
    first, second = getattr(one, name), getattr(two, name)
    return Measure(name, first, second, _better(first, second, SCORES[name]))


def _better(first: float | None, second: float | None, sign: int) -> int:
    if first is None or second is None or first == second:
        return 0
    return 1 if sign * first > sign * second else 2


def _faithful(whole: Whole, wanted: int) -> float | None:
    """Faithfulness at about the size `wanted`."""
    size = whole.nearest_size(wanted)
    point = whole.point(size)
    return point.faithfulness if point and abs(size - wanted) <= NEAR * wanted else None


def companions(chosen: Circuit, circuits: Sequence[Circuit]) -> list[Circuit]:
    """What stands on the same axes as `chosen`: of each other method one search, of the same seed
    where there is one, else the newest; `chosen` first, baselines last.
    """
    best: dict[str, Circuit] = {}
    for each in circuits:
        if each.level != chosen.level or each.method == chosen.method:
            continue
        before = best.get(each.method)
        if before is None or _nearer(each, before, chosen.seed):
            best[each.method] = each
    return [chosen, *sorted(best.values(), key=lambda one: (one.baseline, one.cmd, one.method))]


def _nearer(each: Circuit, before: Circuit, seed: int) -> bool:
    if (each.seed == seed) != (before.seed == seed):
        return each.seed == seed
    return str(each.created_at) > str(before.created_at)


def levels(chosen: Circuit, circuits: Sequence[Circuit]) -> list[Circuit]:
    """The best search at every other kind of nodes of the same task, baselines aside, those of one
    position or span apart; `chosen` first.
    """
    best: dict[str, Circuit] = {}
    for each in sorted(circuits, key=lambda one: one.cmd):
        alike = (each.task, each.model, each.metric) == (chosen.task, chosen.model, chosen.metric)
        if alike and not each.baseline and each.chosen_from != chosen.chosen_from:
            best.setdefault(each.chosen_from, each)
    return [chosen, *best.values()]
