"""Relevance patching (arXiv:2508.21258): attribution patching along relevance, not slopes."""

from __future__ import annotations

import torch

from jobs.causal.ground import Ground
from jobs.causal.methods.base import Asked, Found, gradients, ranked, refuse_flat
from jobs.causal.relevance import relevance


def relp(ground: Ground, asked: Asked) -> Found:
    """As many passes as ``atp``."""
    refuse_flat(ground, "relp")
    open_ = torch.ones(1, ground.nodes.n, device=ground.model.device)
    return ranked(gradients(ground, open_, asked, relevance))
