"""Nodes in random order: what a method must beat."""

from __future__ import annotations

import torch

from jobs.causal.ground import Ground
from jobs.causal.methods.base import Asked, Found, by_size


def random(ground: Ground, asked: Asked) -> Found:
    """No pass at all."""
    effect = torch.rand(ground.nodes.n, generator=torch.Generator().manual_seed(asked.seed))
    return Found(effect, by_size(effect))
