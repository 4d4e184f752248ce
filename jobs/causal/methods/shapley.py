"""Aumann–Shapley values: integrated gradients along one path on which all nodes come in together.

    effect_i = 1/K Σ_k ∂m/∂g_i at g = (k − ½)/K for every node of every site

Integrated gradients as published (``ig``) walk a path of their own for each site, all others being
the model's. Circuits are not like that: what is left out is gone at every site at once. On the
common path nodes are valued where all others are partly gone too, K passes are enough whatever the
number of sites, and effects of all nodes sum to m(M) − m(∅).
"""

from __future__ import annotations

import torch

from jobs.causal.ground import Ground
from jobs.causal.methods.base import Asked, Found, gradients, ranked
from jobs.causal.methods.ig import STEPS


def shapley(ground: Ground, asked: Asked) -> Found:
    """K passes each way a prompt."""
    steps = asked.steps or STEPS
    along = (torch.arange(steps) + 0.5) / steps
    gates = along[:, None].expand(-1, ground.nodes.n).to(ground.model.device)
    return ranked(gradients(ground, gates, asked))
