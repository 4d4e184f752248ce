"""The most active nodes: a baseline that looks at no metric at all."""

from __future__ import annotations

import torch
from torch import Tensor

from jobs.causal.ground import Ground
from jobs.causal.methods.base import Asked, Found, ranked


def activation(ground: Ground, asked: Asked) -> Found:
    """Σ over positions of |activation|, of an error of its norm; of a node of several coordinates,
    the sum of theirs. One forward pass a prompt.
    """
    found = torch.zeros(ground.prompts.n, ground.nodes.n)
    for rows in ground.all.split(max(1, asked.batch)):
        asked.tick(float(rows[0]) / ground.prompts.n)
        seen: dict[int, list[Tensor]] = {}

        def watch(site: int, f: Tensor, rest: Tensor, seen: dict[int, list[Tensor]] = seen) -> None:
            size = torch.cat([f.abs(), rest.norm(dim=-1, keepdim=True)], -1)
            seen.setdefault(site, []).append(size)

        ground.score(None, rows, watch)
        for site, parts in seen.items():
            size = torch.cat(parts)
            at = torch.arange(size.shape[1], device=size.device)
            inside = at[None] < ground.prompts.length[rows][:, None]
            found[rows.cpu()] += ground.gather(site, size * inside[..., None], rows).cpu()
    return ranked(found)
