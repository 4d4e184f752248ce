"""Cascade (ours): attribution, an order learned from it, exact patching of what is left.

1. rankings of few passes are tried on the prompts that are searched on; the best begins  (`_first`)
2. an order is learned for circuits of all sizes at once                     (`nested`),
   and taken where it does better than the ranking on those prompts
3. of the first nodes, the circuit C, each alone is taken out and |m(M) − m(C)| measured: those
   without which it is no worse go behind the others, where that too does better on those prompts
4. what nodes are worth is told at the circuit: measured for those inside, by the gradient in the
   gates for all others. Bootstrap stability is taken from these, prompt by prompt
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from jobs.causal.exact import batched
from jobs.causal.ground import Ground
from jobs.causal.methods.base import Arrays, Asked, Found
from jobs.causal.methods.mask import Gap
from jobs.causal.methods.nested import nested
from jobs.causal.methods.start import start
from jobs.causal.methods.worth import PATCHED, taken_out, worth

FIRST = ("shapley", "relp")
"""Rankings that are tried."""
LEAST = 1e-4
"""Share of the gap that a node must be worth: less is rounding."""


def cascade(ground: Ground, asked: Asked) -> Found:
    """Passes of the first rankings and of `nested`, then one for each of `PROMPTS` prompts and each
    of `PATCHED` nodes.
    """
    part = lambda low, high: lambda share: asked.tick(low + (high - low) * share)  # noqa: E731
    gap = Gap.of(ground, asked)
    first, least = _first(ground, asked, gap)
    order = nested(ground, asked._replace(tick=part(0.05, 0.7)), first.order, gap)
    learned = _area(ground, asked, gap, "learned", order)
    order, least = (order, learned) if learned < least else (first.order, least)
    inside = order[: max(1, min(PATCHED, max(asked.sizes), ground.nodes.n // 2))]
    how = asked._replace(tick=part(0.7, 1.0))
    gates = torch.zeros(ground.nodes.n)
    gates[inside] = 1
    kept = asked.keep("cascade-patched", partial(_patch, ground, how, inside, gates, gap))
    fall, loss = torch.from_numpy(kept["fall"]), torch.from_numpy(kept["loss"])
    per_prompt = worth(ground, asked, gates, inside, fall)
    missed = loss > LEAST * gap.size
    useful = int(missed.sum())
    said = f"{useful} of the first {len(inside)} nodes are missed when they are taken out"
    patched = torch.cat([inside[missed], inside[~missed], order[len(inside) :]])
    if _area(ground, asked, gap, "patched", patched) > least:
        # A circuit far from the model has no use for nodes that a larger one lives on.
        return Found(per_prompt.mean(0), order, per_prompt, kept=len(inside), said=(said,))
    return Found(per_prompt.mean(0), patched, per_prompt, kept=useful, said=(said,))


def _first(ground: Ground, asked: Asked, gap: Gap) -> tuple[Found, float]:
    """The best ranking, or the one that is asked for, and its area."""
    flat = ground.metric_name == "kl"  # where nothing is ablated: relevance has no slope there
    names = [asked.start] if asked.start else FIRST[:1] if flat else FIRST
    found = [start(ground, asked._replace(start=name)) for name in names]
    areas = [
        _area(ground, asked, gap, f"first-{name}", one.order)
        for name, one in zip(names, found, strict=True)
    ]
    best = min(range(len(found)), key=areas.__getitem__)
    return found[best], areas[best]


def _area(ground: Ground, asked: Asked, gap: Gap, name: str, order: Tensor) -> float:
    """The mean of |m(M) − m(C)| over prompts and sizes 1, 2, 4, …: what learning is to lower. Where
    it does not, as among dictionaries that explain little, the order before stands.
    """
    most = min(max(asked.sizes), ground.nodes.n)
    rank = torch.empty(len(order), dtype=torch.long)
    rank[order] = torch.arange(len(order))

    def measured() -> Arrays:
        scores = [
            batched(ground, (rank < 1 << power).float()[None], ground.all, asked.batch)
            for power in range(most.bit_length())
        ]
        return {"area": np.array(float((torch.stack(scores) - gap.clean).abs().mean()))}

    return float(asked.keep(f"cascade-area-{name}", measured)["area"])


def _patch(ground: Ground, asked: Asked, inside: Tensor, gates: Tensor, gap: Gap) -> Arrays:
    """m(C) − m(C∖i) prompt by prompt, and by how much |m(M) − m(C)| grows, the mean over them."""
    fall = taken_out(ground, asked, gates, inside)
    rows = ground.all[: len(fall)]
    base = batched(ground, gates[None], rows, asked.batch)
    apart = (gap.clean[: len(rows)] - base)[:, None]
    return {"fall": fall.numpy(), "loss": ((apart + fall).abs() - apart.abs()).mean(0).numpy()}
