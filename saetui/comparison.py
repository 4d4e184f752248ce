"""Dictionaries side by side: what is said of each, in the app and on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

BETTER = {"fvu": "lower", "ce_recovered": "higher", "dead_fraction": "lower"}
"""Measures of which one end is the better one, whatever the others are."""


class Measured(NamedTuple):
    """One figure of an evaluation, as `saetui.queries.evaluated` gives it."""

    dictionary: str
    measure: str
    value: float | None
    better: str | None
    """lower or higher; None where neither is."""


def described(dictionary: Mapping[str, Any], about: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row of ``dictionaries`` and, where it is profiled, what `saetui.queries.coverage` tells."""
    about = about or {}
    features, labels = about.get("features"), about.get("labels")
    return {
        **dictionary,
        "profiled_tokens": about.get("tokens"),
        "features": features,
        "labels": labels,
        "labelled_share": labels / features if features else None,
    }


def evaluated(
    found: Sequence[Mapping[str, Any]], figures: Iterable[Measured]
) -> list[dict[str, Any]]:
    """`found` with what evaluations measured beyond that: the same measures of all, in the order in
    which `figures` name them, None where one was not measured.
    """
    values = {(one.dictionary, one.measure): one.value for one in figures}
    more = [name for name in dict.fromkeys(name for _, name in values) if name not in found[0]]
    return [
        {**each, **{name: values.get((each["dictionary"], name)) for name in more}}
        for each in found
    ]


def differing(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The measures in the order of the tables, those in which `found` differ first."""
    names = [name for name in found[0] if name != "dictionary"]
    return sorted(names, key=lambda name: len({str(each[name]) for each in found}) < 2)


def best(
    measure: str, found: Sequence[Mapping[str, Any]], better: Mapping[str, str | None] = BETTER
) -> Any:
    """The best value of a measure; None where none is better than another."""
    values = [each[measure] for each in found if each[measure] is not None]
    end = {"lower": min, "higher": max}.get(better.get(measure) or "")
    return end(values) if end and len(set(values)) > 1 else None
