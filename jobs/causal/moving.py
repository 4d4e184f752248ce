"""Which nodes can matter at all: those that are ever other than what would stand in for them."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from jobs.causal.ground import Ground


def moving(ground: Ground, batch: int) -> Bool[Tensor, " n"]:
    """Nodes that differ from their ablated values on some prompt. To ablate all others at once,
    with nothing else ablated, changes nothing. Errors always move. One forward pass a prompt.
    """
    found = torch.zeros(ground.nodes.n, dtype=torch.bool)
    for rows in ground.all.split(max(1, batch)):
        apart: dict[int, list[Tensor]] = {}

        def watch(site: int, f: Float[Tensor, "b t m"], rest: Tensor, apart: dict = apart) -> None:
            apart.setdefault(site, []).append(torch.cat([f, rest.norm(dim=-1, keepdim=True)], -1))

        ground.score(None, rows, watch)
        length = int(ground.prompts.length[rows].max())
        read = torch.arange(length, device=rows.device) < ground.prompts.length[rows, None]
        for site, parts in apart.items():
            f_ref = ground.reference.at(site, rows, length).f
            f = torch.cat(parts)
            differs = torch.ones_like(f)
            differs[..., :-1] = ((f[..., :-1] - f_ref) != 0).to(f.dtype)
            moved = ground.gather(site, differs * read[..., None], rows)
            found |= (moved > 0).any(0).cpu()
    return found
