"""What the forms of ``ablate`` and ``circuit`` begin with, from where the user stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from saetui.circuits.records import depth_of
from saetui.links import feature_id
from saetui.search import quote
from saetui.submit import typed

Feature = tuple[str, int]
"""Dictionary and number."""


class Spliced(NamedTuple):
    """What is known of a dictionary that could be spliced in."""

    dictionary: str
    model: str
    hook: str
    layer: int
    site: str
    architecture: str
    fvu: float | None

    @property
    def depth(self) -> tuple[int, int]:
        """Where it stands in the model."""
        return depth_of(f"L{self.layer}.{self.site}") or (self.layer, 0)


def spliced(rows: Sequence[Sequence[Any]]) -> list[Spliced]:
    """From rows of `saetui.queries.dictionaries`; crosscoders cannot be spliced in at one place."""
    found = [Spliced._make([*row[:6], row[11]]) for row in rows]
    return [each for each in found if each.architecture != "crosscoder"]


def ablate(features: Sequence[Feature], known: Sequence[Spliced]) -> dict[str, str]:
    """Ablating `features`: watched are every dictionary of their model that stands later."""
    own = list(dict.fromkeys(dictionary for dictionary, _ in features))
    here = [each for each in known if each.dictionary in own]
    first = min((each.depth for each in here), default=(0, 0))
    later = [
        each.dictionary
        for each in sorted(known, key=lambda each: each.depth)
        if here and each.model == here[0].model and each.depth > first
    ]
    return {
        "dictionaries": typed(list(dict.fromkeys([*own, *later]))),
        "features": typed([feature_id(*each) for each in features]),
    }


def circuit(feature: Feature, known: Sequence[Spliced]) -> dict[str, str]:
    """The circuit of what the model says where `feature` fires: its own dictionary and, of its
    model, the best at every other hook.

    Such a slice of a corpus has no corrupt prompts, so the metric is the divergence from the
    model, and what is left out takes its mean.
    """
    dictionary, number = feature
    here = next((each for each in known if each.dictionary == dictionary), None)
    best: dict[str, Spliced] = {}
    for each in sorted(known, key=lambda each: (each.fvu is None, each.fvu or 0.0)):
        if here is not None and each.model == here.model and each.hook != here.hook:
            best.setdefault(each.hook, each)
    every = sorted([*([here] if here else []), *best.values()], key=lambda each: each.depth)
    fires = f"feature_activations({quote(dictionary)}, {number})"
    return {
        "task": typed(f"sql:SELECT corpus, doc, pos, activation FROM {fires}"),
        "dictionaries": typed([each.dictionary for each in every] or [dictionary]),
        "metric": "kl",
        "ablation": "mean",
        "start": "ig",
    }
