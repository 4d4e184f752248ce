"""What every method of circuit search is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.ground import Ground, Rule
from store.errors import AskedWrongly

Arrays = dict[str, np.ndarray]


def silent(share: float) -> None:
    """Tells nobody."""


def anew(name: str, make: Callable[[], Arrays]) -> Arrays:
    """Makes it: nothing is kept from an earlier attempt."""
    return make()


class Asked(NamedTuple):
    """How to search. What a method has no use for it leaves alone."""

    seed: int = 0
    """Of everything random."""
    batch: int = 32
    """Prompts of one pass; the same prompt under several gates counts several times."""
    steps: int | None = None
    """Points of a path (ig), or steps of learning (mask); None: as many as the method likes."""
    threshold: float = 0.01
    """acdc: a node stays whose removal moves the metric by more, as a share of m(M) − m(∅)."""
    sizes: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200)
    """Sizes at which the circuit will be read: an order matters most down to the largest."""
    start: str | None = None
    """Method that ranks nodes first, for those that search from a ranking; None: what they like."""
    family: Int64[Tensor, " n"] | None = None
    """For every node the family it is of, e.g. its cluster: what a coarse search begins with."""
    flat: bool = False
    """acdc: a pass a node; no families, no ranking."""
    truth: Float[Tensor, " n"] | None = None
    """1 for nodes that are known to be in the circuit, 0 for others; for the method ``truth``."""
    tick: Callable[[float], None] = silent
    """Told the share done; may raise to stop."""
    keep: Callable[[str, Callable[[], Arrays]], Arrays] = anew
    """Gives what a part of the search makes, or made before the job was killed."""


class Found(NamedTuple):
    """What a method says of every node."""

    effect: Float[Tensor, " n"]
    """Fall of the metric when the node is ablated, as the method estimates it."""
    order: Int64[Tensor, " n"]
    """Every node, the first to be taken in first."""
    per_prompt: Float[Tensor, "p n"] | None = None
    """`effect` prompt by prompt, where the method has it."""
    kept: int | None = None
    """How many of `order` the method itself would keep, where it decides."""
    said: tuple[str, ...] = ()
    """What the user should know of the search."""


Method = Callable[[Ground, Asked], Found]


def ranked(per_prompt: Float[Tensor, "p n"]) -> Found:
    """Nodes by the size of their mean effect; of equals the first."""
    effect = per_prompt.mean(0)
    return Found(effect, by_size(effect), per_prompt)


def by_size(effect: Float[Tensor, " n"]) -> Int64[Tensor, " n"]:
    """Nodes with the largest |effect| first; of equals the first."""
    return effect.abs().argsort(descending=True, stable=True)


def refuse_flat(ground: Ground, method: str) -> None:
    """Raises AskedWrongly where the metric has no slope at the model itself."""
    if ground.metric_name == "kl":
        raise AskedWrongly(
            f"method={method} differentiates the metric where nothing is ablated, and metric=kl is "
            "flat there: every effect would be zero; take metric=logit_diff, or method=ig or mask."
        )


def gradients(
    ground: Ground,
    gates: Float[Tensor, "k n"],
    asked: Asked,
    rule: Rule | None = None,
) -> Float[Tensor, "p n"]:
    """Mean over `gates` of the gradient of every prompt, [p, n] on the CPU."""
    found = torch.zeros(ground.prompts.n, ground.nodes.n)
    parts = ground.all.split(max(1, asked.batch))
    for number, gate in enumerate(gates):
        for part, rows in enumerate(parts):
            asked.tick((number + part / len(parts)) / len(gates))
            gradient = ground.gradient(gate[None], rows, rule)[1]
            found[rows.cpu()] += gradient.float().cpu() / len(gates)
    return found
