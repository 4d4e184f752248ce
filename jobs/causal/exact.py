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
) -> Float[Tensor, "p k"]:
    """Fall of the metric when each of `nodes` alone is ablated, prompt by prompt; `gates` say what
    is there otherwise (None: everything). One forward pass a prompt and node.
    """
    device, n = ground.model.device, ground.prompts.n
    whole = torch.ones(ground.nodes.n) if gates is None else gates.float().cpu()
    base = _batched(ground, whole[None].to(device), ground.all, batch)
    nodes = nodes.cpu()
    found = torch.empty(n, len(nodes), dtype=torch.float64)
    several = max(1, batch // n)
    for at in range(0, len(nodes), several):
        tick(at / max(1, len(nodes)))
        some = nodes[at : at + several]
        shut = whole.repeat(len(some), 1)
        shut[torch.arange(len(some)), some] = 0
        rows = ground.all.repeat(len(some))
        wide = shut.repeat_interleave(n, 0) if len(some) > 1 else shut
        score = _batched(ground, wide.to(device), rows, batch)
        found[:, at : at + several] = (base.repeat(len(some)) - score).view(len(some), n).T
    return found


def _batched(ground: Ground, gates: Tensor, rows: Tensor, batch: int) -> Float[Tensor, " b"]:
    parts = []
    for at in range(0, len(rows), batch):
        own = gates if len(gates) == 1 else gates[at : at + batch]
        parts.append(ground.score(own, rows[at : at + batch]))
    return torch.cat(parts).double().cpu()
