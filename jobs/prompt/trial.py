"""Ablating nodes of a circuit on one prompt: what is asked and what comes of it. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.prompt.subject import Reader, reader
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.specs import Circuit
    from store import Workspace

TOP = 10
"""Next tokens told, the likeliest before and the likeliest after."""


class Trial(NamedTuple):
    """What is asked."""

    circuit: str
    nodes: list[str]
    """Ids of the nodes to ablate, as in ``circuit_nodes``."""
    clean: str
    """The prompt."""
    corrupt: str | None = None
    """Its counterpart, whose values stand in where the circuit was searched by resampling."""
    answer: str | None = None
    """The token that is right, where that is known."""
    wrong: str | None = None
    """The token that it is held against."""
    others: bool = False
    """Whether all nodes but these are ablated."""


class Outcome(NamedTuple):
    """What the model says next, with nothing ablated and with the nodes ablated."""

    tokens: list[str]
    """The likeliest of either, the likeliest before first."""
    before: list[float]
    """Probability of each."""
    after: list[float]
    difference: tuple[float, float] | None
    """Logit of the answer less that of wrong, before and after; None where they are not known."""
    divergence: float
    """KL from before to after, in nats."""
    ablated: int
    """Nodes that were ablated."""
    ablation: str
    """What stood in for them."""
    seconds: float
    said: list[str]
    """What the user should know, in sentences."""


def spec_of(workspace: Workspace, circuit: str) -> Circuit:
    """What `circuit` was asked with; raises AskedWrongly where nobody knows."""
    from jobs.parse import load
    from jobs.specs import Circuit

    runs = workspace.catalog().live("circuits")
    manifest = next((run.manifest for run in runs if run.manifest.get("run") == circuit), {})
    spec = manifest.get("spec")
    if not isinstance(spec, dict) or spec.get("kind") != Circuit.kind:
        raise AskedWrongly(
            f"{circuit} does not say how it was searched, so its nodes cannot be ablated anew."
        )
    found = load(spec)
    assert isinstance(found, Circuit)
    return found


def reader_of(workspace: Workspace, circuit: str) -> Reader:
    """The warm process that can ablate nodes of `circuit`: that of its dictionaries."""
    spec = spec_of(workspace, circuit)
    if spec.dictionaries:
        return reader(workspace, spec.dictionaries[0])
    return Reader(str(spec.model), spec.revision, spec.dtype)


def from_line(line: Mapping[str, Any]) -> Outcome:
    """The outcome in a line."""
    told = line["difference"]
    return Outcome(**{**line, "difference": (told[0], told[1]) if told else None})
