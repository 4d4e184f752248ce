"""A mask over nodes, learned by gradient descent (after Caples et al., 2025).

    g = σ(θ · 200^p),  p rising from 0 to 1.1
    loss = mean over prompts of |m(M) − m(g)| / gap  +  λ Σ_i g_i

Soft gates harden as p rises. The difference is taken prompt by prompt: that of means would let
errors cancel. λ is the share of the gap, m(M) − m(∅), that a node must be worth. It is lowered step
by step, each mask starting from the one before, so that an order results: first the nodes that
stay when nodes are dear.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.causal.exact import batched
from jobs.causal.ground import Ground
from jobs.causal.methods.base import Asked, Found
from jobs.causal.methods.start import start
from jobs.causal.methods.worth import of_circuit

STEPS = 60
"""Steps of Adam for each λ."""
BATCH = 16
"""Prompts of a step."""
RATE = 0.08
"""Learning rate."""
HARDEST = 1.1
"""Last p."""
WORTH = 0.1
"""λ = WORTH / size: what the next node adds to a circuit of that many, about."""


class Masks(NamedTuple):
    """What was learned for every λ."""

    inside: list[Bool[Tensor, " n"]]
    """Which nodes stay, dearest first."""
    first: Found
    """The ranking it started from."""


def mask(ground: Ground, asked: Asked) -> Found:
    """About `STEPS` · `BATCH` passes each way for each λ, beside those of the first ranking and of
    `worth` at the widest circuit, that of the least λ.
    """
    found = learn(ground, asked)
    order = in_order(found)
    per_prompt = of_circuit(ground, asked, found.inside[-1].float(), order)
    return Found(per_prompt.mean(0), order, per_prompt, said=tally(found))


def learn(ground: Ground, asked: Asked) -> Masks:
    """A mask for each λ of `ladder`."""
    first = start(ground, asked)
    gap = Gap.of(ground, asked)
    rungs = ladder(asked.sizes, ground.nodes.n)
    inside: list[Tensor] = []
    chosen = first.order
    for number, size in enumerate(rungs):
        tick = lambda share, at=number: asked.tick((at + share) / len(rungs))  # noqa: E731
        theta, how = _theta(chosen, size), asked._replace(tick=tick)
        make = partial(_learned, ground, gap, theta, size, number, how)
        kept = asked.keep(f"mask-{number}", lambda make=make: {"inside": make().numpy()})  # type: ignore[misc]
        inside.append(torch.from_numpy(kept["inside"]))
        chosen = in_order(Masks(inside, first))
    return Masks(inside, first)


def ladder(sizes: tuple[int, ...], n: int) -> list[int]:
    """Sizes to aim at: by fours up to the largest that is asked for, or to half of all nodes."""
    largest = max(1, min(max(sizes), n // 2))
    rungs = [largest]
    while rungs[-1] > 4:
        rungs.append(rungs[-1] // 4)
    return rungs[::-1]


def in_order(masks: Masks) -> Int64[Tensor, " n"]:
    """Nodes by the dearest λ at which they stay, then as they were ranked first."""
    stays = torch.zeros(len(masks.first.order), dtype=torch.long)
    for rung, inside in enumerate(masks.inside):
        stays = torch.maximum(stays, inside.long() * (len(masks.inside) - rung))
    ordered = masks.first.order
    return ordered[stays[ordered].argsort(descending=True, stable=True)]


def tally(masks: Masks) -> tuple[str, ...]:
    """How many nodes each λ kept."""
    counts = ", ".join(str(int(inside.sum())) for inside in masks.inside)
    return (f"masks of {counts} nodes, the dearer first",)


class Gap(NamedTuple):
    """What there is to explain."""

    clean: Float[Tensor, " p"]
    """m(M), prompt by prompt."""
    size: float
    """Mean of |m(M) − m(∅)|."""

    @classmethod
    def of(cls, ground: Ground, asked: Asked) -> Gap:
        """Two forward passes a prompt."""
        clean = batched(ground, None, ground.all, asked.batch)
        empty = batched(ground, torch.zeros(1, ground.nodes.n), ground.all, asked.batch)
        return cls(clean, max(float((clean - empty).abs().mean()), 1e-6))


def _theta(order: Int64[Tensor, " n"], size: int) -> Float[Tensor, " n"]:
    """From 1 for the first node down to −1 at four times the size: twice the size begins open."""
    theta = torch.full((len(order),), -1.0)
    near = order[: 4 * size]
    theta[near] = 1 - torch.arange(len(near)) / (2 * size)
    return theta


def _learned(
    ground: Ground, gap: Gap, theta: Tensor, size: int, rung: int, asked: Asked
) -> Bool[Tensor, " n"]:
    theta = theta.to(ground.model.device).requires_grad_()
    steps, worth = asked.steps or STEPS, WORTH / size
    adam = torch.optim.Adam([theta], lr=RATE)
    batches = _batches(ground, asked, rung)
    for step in range(steps):
        asked.tick(step / steps)
        gates = torch.sigmoid(theta * 200 ** (HARDEST * step / max(1, steps - 1)))
        adam.zero_grad()
        # Prompts may not fit into one pass: their gradients in the gates are gathered first.
        rows = next(batches)
        slope = torch.zeros_like(gates)
        for part in rows.split(max(1, asked.batch)):
            slope += _slope(ground, gap, gates.detach(), part) / len(rows)
        gates.backward(slope / gap.size + worth)
        adam.step()
    return (theta.detach() > 0).cpu()


def _slope(ground: Ground, gap: Gap, gates: Tensor, rows: Tensor) -> Float[Tensor, " n"]:
    """Gradient in the gates of Σ |m(M) − m(g)| over the prompts at `rows`."""
    score, gradient = ground.gradient(gates[None], rows)
    apart = score - gap.clean[rows.cpu()].to(score)
    return (apart.sign()[:, None] * gradient).sum(0)


def _batches(ground: Ground, asked: Asked, rung: int) -> Iterator[Tensor]:
    """Prompts in ever new order, without end."""
    draw = torch.Generator().manual_seed(1_000_003 * rung + asked.seed)
    while True:
        order = torch.randperm(ground.prompts.n, generator=draw).to(ground.model.device)
        whole = len(order) // BATCH * BATCH
        yield from (order[:whole] if whole else order).split(BATCH)
