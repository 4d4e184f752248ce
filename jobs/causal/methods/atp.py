"""Attribution patching (arXiv:2310.10348): (f − f_ref)·∇_f m where nothing is ablated."""

from __future__ import annotations

import torch

from jobs.causal.ground import Ground
from jobs.causal.methods.base import Asked, Found, gradients, ranked, refuse_flat


def atp(ground: Ground, asked: Asked) -> Found:
    """Two forward passes and one backward pass a prompt, whatever the number of nodes."""
    refuse_flat(ground, "atp")
    open_ = torch.ones(1, ground.nodes.n, device=ground.model.device)
    return ranked(gradients(ground, open_, asked))
