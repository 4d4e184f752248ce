"""Cascade (ours): attribution, a mask warm-started from it, exact patching of what is left.

1. attribution ranks every node                                        (a few passes)
2. masks of falling λ settle which nodes stay together                 (`mask`)
3. within each mask nodes are ordered by what happens, measured, to |m(M) − m(C)| when each alone is
   taken out of its circuit C; the innermost circuit is taken apart one node at a time
4. what nodes are worth is told at the circuit: measured for those inside, by the gradient in the
   gates for all others. Bootstrap stability is taken from these, prompt by prompt
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.causal.exact import alone, batched
from jobs.causal.ground import Ground
from jobs.causal.methods.base import Arrays, Asked, Found, gradients, silent
from jobs.causal.methods.mask import Gap, in_order, learn, tally

PROMPTS = 32
"""Prompts on which nodes are patched, at most."""
INNERMOST = 12
"""Nodes that are taken out one after another, at most."""


class Patched(NamedTuple):
    """Nodes of a circuit, each taken out of it."""

    nodes: Int64[Tensor, " k"]
    fall: Float[Tensor, "p k"]
    """m(C) − m(C∖i), prompt by prompt."""
    loss: Float[Tensor, " k"]
    """By how much |m(M) − m(C)| grows, the mean over prompts."""


def cascade(ground: Ground, asked: Asked) -> Found:
    """Passes of ``mask``, then one for each of `PROMPTS` prompts and node that some mask kept."""
    half = lambda low, high: lambda share: asked.tick(low + (high - low) * share)  # noqa: E731
    masks = learn(ground, asked._replace(tick=half(0.0, 0.6)))
    order, tiers = in_order(masks), _tiers(masks.inside)
    how = asked._replace(tick=half(0.6, 1.0))
    kept = asked.keep("cascade-patched", partial(_patch, ground, how, tiers))
    inside, fall = torch.from_numpy(kept["order"]), torch.from_numpy(kept["fall"])
    chosen = torch.zeros(ground.nodes.n, dtype=torch.bool)
    chosen[inside] = True
    order = torch.cat([inside, order[~chosen[order]]])
    at = asked.keep("cascade-worth", lambda: {"worth": _worth(ground, asked, chosen).numpy()})
    worth = torch.from_numpy(at["worth"])
    worth[: len(fall), inside] = fall.float()
    worth = worth[: len(fall)]
    return Found(worth.mean(0), order, worth, kept=len(inside), said=tally(masks))


def _tiers(inside: list[Bool[Tensor, " n"]]) -> list[Int64[Tensor, " k"]]:
    """For each mask the nodes that no dearer one kept."""
    tiers, seen = [], torch.zeros_like(inside[0])
    for mask in inside:
        tiers.append((mask & ~seen).nonzero()[:, 0])
        seen = seen | mask
    return tiers


def _patch(ground: Ground, asked: Asked, tiers: list[Tensor]) -> Arrays:
    """Nodes of all tiers in their order, and their falls in the circuit of all."""
    rows = ground.all[:PROMPTS]
    clean = Gap.of(ground, asked).clean[: len(rows)]
    gates, order = torch.zeros(ground.nodes.n), [torch.zeros(0, dtype=torch.long)]
    falls = [torch.zeros(len(rows), 0, dtype=torch.float64)]
    for number, tier in enumerate(tiers):
        asked.tick(number / len(tiers))
        gates[tier] = 1
        found = _patched(ground, asked, gates, tier, rows, clean)
        by_loss = found.loss.argsort(descending=True, stable=True)
        if number == 0 and len(tier) > 1:
            by_loss = _apart(ground, asked, gates, found, rows, clean)
        order.append(found.nodes[by_loss])
        falls.append(found.fall[:, by_loss])
    return {"order": torch.cat(order).numpy(), "fall": torch.cat(falls, 1).numpy()}


def _patched(
    ground: Ground, asked: Asked, gates: Tensor, nodes: Tensor, rows: Tensor, clean: Tensor
) -> Patched:
    base = batched(ground, gates[None], rows, asked.batch)
    fall = alone(ground, nodes, asked.batch, silent, gates, rows)
    loss = (clean[:, None] - (base[:, None] - fall)).abs() - (clean - base).abs()[:, None]
    return Patched(nodes, fall, loss.mean(0))


def _apart(
    ground: Ground, asked: Asked, gates: Tensor, found: Patched, rows: Tensor, clean: Tensor
) -> Int64[Tensor, " k"]:
    """Places of the nodes of the innermost circuit, the last to be taken out first: all but
    `INNERMOST` go by their loss at once, the others one by one.
    """
    by_loss = found.loss.argsort(descending=True, stable=True)
    left, out = by_loss[:INNERMOST], by_loss[INNERMOST:].flip(0).tolist()
    gates = gates.clone()
    gates[found.nodes[by_loss[INNERMOST:]]] = 0
    while len(left) > 1:
        loss = _patched(ground, asked, gates, found.nodes[left], rows, clean).loss
        weakest = int(loss.argmin())
        out.append(int(left[weakest]))
        gates[found.nodes[left[weakest]]] = 0
        left = torch.cat([left[:weakest], left[weakest + 1 :]])
    return torch.tensor([*left.tolist(), *out[::-1]])


def _worth(ground: Ground, asked: Asked, inside: Bool[Tensor, " n"]) -> Float[Tensor, "p n"]:
    """Gradient in the gates at the circuit: what a node adds to it, or takes from it, about."""
    gates = inside.float()[None].to(ground.model.device)
    return gradients(ground, gates, asked._replace(tick=silent))
