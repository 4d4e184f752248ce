"""Where a link leads: everything selectable is one; ``enter`` follows, ``[`` and ``]`` go back and
forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from saetui.search import quote


@dataclass(frozen=True)
class Link:
    """A place in the workbench."""

    view: str
    """Name of the view, e.g. ``features``."""
    target: str = ""
    """What to show there: a dictionary, ``<dictionary>#<feature>``, a job; empty: the view as it
    is."""
    pane: str = field(default="", compare=False)
    """Id of the pane that was current there; empty: the one that shows the target best."""


class Named(NamedTuple):
    """An id that stands in a pane's frame, its legend or its text, not in a row of its own."""

    id: str
    says: str
    """What it is, in a word or two."""
    link: Link


def named(kind: str, *ids: str) -> list[Named]:
    """`ids`, each of which leads where its `kind` of thing is shown; those that are empty do not
    count.
    """
    return [Named(name, kind, to(kind, name)) for name in ids if name]


def to(kind: str, name: str) -> Link:
    """Where the id of a thing leads: a model to its dictionaries, a corpus to its documents."""
    if kind == "corpus":
        sql = f"SELECT doc, split, text FROM documents WHERE corpus = {quote(name)}"
        return Link("sql", sql)
    return Link(_SHOWN_IN[kind], name)


_SHOWN_IN = {
    "model": "overview",
    "dictionary": "features",
    "clusters": "manifolds",
    "circuit": "circuits",
    "job": "jobs",
}
"""Kind of thing → the view that shows one of them by its id."""


@dataclass
class History:
    """Places visited, with a present one."""

    back: list[Link] = field(default_factory=list)
    forward: list[Link] = field(default_factory=list)

    def leave(self, here: Link) -> None:
        """Remembers `here`, which a link leads away from."""
        if not self.back or not _same(self.back[-1], here):
            self.back.append(here)
        self.forward.clear()

    def step(self, here: Link, *, backwards: bool) -> Link | None:
        """The place before (or after) `here`; None where there is none."""
        source, other = (self.back, self.forward) if backwards else (self.forward, self.back)
        while source:
            place = source.pop()
            if not _same(place, here):
                other.append(here)
                return place
        return None

    def __iter__(self) -> Iterator[Link]:
        return iter(self.back)


def _same(one: Link, other: Link) -> bool:
    """Whether two places are the same, to the pane."""
    return one == other and one.pane == other.pane


def feature_id(dictionary: str, feature: int) -> str:
    """The id of a feature: ``<dictionary>#<feature>``."""
    return f"{dictionary}#{feature}"


def feature_ids(features: Sequence[tuple[str, int]]) -> tuple[str, str] | None:
    """What is copied of features: their ids, a line each, and what those are; None for none."""
    if not features:
        return None
    what = "feature id" if len(features) == 1 else f"{len(features)} feature ids"
    return "\n".join(feature_id(*each) for each in features), what


def parse_feature(text: str, dictionary: str = "") -> tuple[str, int] | None:
    """Reads ``<dictionary>#12``, ``#12`` or ``12`` (of `dictionary`); None if it is neither."""
    before, _, number = text.strip().rpartition("#")
    if not number.isascii() or not number.isdigit():
        return None
    return (before.strip() or dictionary, int(number))


def short_names(dictionaries: Sequence[str]) -> dict[str, str]:
    """The parts of ids in which dictionaries differ: ``L2.mlp_out`` where all else is the same."""
    parts = {name: name.split("/") for name in dictionaries}
    if len({len(found) for found in parts.values()}) != 1 or len(parts) < 2:
        return {name: name for name in dictionaries}
    columns = list(zip(*parts.values(), strict=True))
    differ = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    return {name: "/".join(found[place] for place in differ) for name, found in parts.items()}
