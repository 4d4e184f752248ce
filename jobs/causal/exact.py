"""Nodes ablated one by one: what attribution estimates, measured."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.ground import Ground


def alone(
    ground: Ground,
    nodes: Int64[Tensor, " k"],
    batch: int,
    tick: Callable[[float], None],
    gates: Float[Tensor, " n"] | None = None,
    rows: Int64[Tensor, " p"] | None = None,
) -> Float[Tensor, "p k"]:
    """Fall of the metric when each of `nodes` alone is ablated, prompt by prompt; `gates` say what
    is there otherwise (None: everything), `rows` which prompts are looked at (None: all). One
    forward pass a prompt and node.
    """
    rows = ground.all if rows is None else rows
    whole = torch.ones(ground.nodes.n) if gates is None else gates.float().cpu()
    base = batched(ground, whole[None], rows, batch)
    nodes = nodes.cpu()
    found = torch.empty(len(rows), len(nodes), dtype=torch.float64)
    several = max(1, batch // len(rows))
    for at in range(0, len(nodes), several):
        tick(at / max(1, len(nodes)))
        some = nodes[at : at + several]
        shut = whole.repeat(len(some), 1)
        shut[torch.arange(len(some)), some] = 0
        wide = shut.repeat_interleave(len(rows), 0) if len(some) > 1 else shut
        score = batched(ground, wide, rows.repeat(len(some)), batch)
        found[:, at : at + several] = (base.repeat(len(some)) - score).view(len(some), -1).T
    return found


def batched(
    ground: Ground, gates: Float[Tensor, "b_or_1 n"] | None, rows: Int64[Tensor, " b"], batch: int
) -> Float[Tensor, " b"]:
    """The metric at `rows`, at most `batch` of them in a pass, in double precision on the CPU."""
    on, parts = ground.model.device, []
    for at in range(0, len(rows), max(1, batch)):
        part = rows[at : at + max(1, batch)]
        own = gates if gates is None or len(gates) == 1 else gates[at : at + len(part)]
        parts.append(ground.score(None if own is None else own.to(on), part))
    return torch.cat(parts).double().cpu()
