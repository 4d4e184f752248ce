"""What nodes and ends of edges are called on screen, in few cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from saetui.circuits.columns import nodes_of
from saetui.circuits.records import Whole, bare, kind_of, where_of
from saetui.links import short_names


class Names(Mapping[str, str]):
    """Id → name, made when it is asked for: of thousands, a screen shows a few."""

    def __init__(self, whole: Whole) -> None:
        self._stands = nodes_of(whole.nodes).components
        """Dictionary → where it stands in the model."""
        self._many = Counter(self._stands.values())
        self._short = short_names(sorted({*self._stands, *whole.about.dictionaries}))
        self._whole = whole

    def __getitem__(self, identity: str) -> str:
        """What a node is called, whether or not the circuit has it."""
        at = where_of(identity)
        where = "" if at is None else f" @{at}"
        name = bare(identity)
        before, _, last = name.rpartition("#")
        own = before in self._stands and last.isdecimal()
        kind = "feature" if own else kind_of(identity)
        if kind == "embed":
            return f"tokens{where}"
        if kind in ("feature", "error"):
            alone = self._many[self._stands.get(before, "?")] == 1
            place = self._stands[before] if alone else self._short.get(before, _place(before))
            return f"{place} {'error' if kind == 'error' else f'#{last}'}{where}"
        if kind == "neuron":
            return f"{before} neuron {last}{where}"
        if kind in ("cluster", "shuffled"):
            return f"{kind} {last}{where}"
        return f"{name}{where}"

    def __iter__(self) -> Iterator[str]:
        """Every node, and every end of an edge."""
        ends = (end for edge in self._whole.edges for end in (edge.source, edge.target))
        return iter(dict.fromkeys([*(node.node for node in self._whole.nodes), *ends]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def names(whole: Whole) -> dict[str, str]:
    """All of them."""
    return dict(Names(whole))


def _place(dictionary: str) -> str:
    """Layer and site in a dictionary's id."""
    parts = dictionary.split("/")
    return parts[1] if len(parts) > 2 else dictionary
