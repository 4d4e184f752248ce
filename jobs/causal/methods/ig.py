"""Integrated gradients (arXiv:2403.19647): the gradient averaged along a path to the model.

Each site walks its own path from its ablated values to its clean ones, all other sites being left
alone. The paper's code takes left Riemann sums, which are biased; ours takes midpoints:

    effect_i = 1/K Σ_k ∂m/∂g_i at g = (k − ½)/K for every node of the site
"""

from __future__ import annotations

from functools import partial

import torch

from jobs.causal.ground import Ground
from jobs.causal.methods.base import Asked, Found, gradients, ranked

STEPS = 8
"""Points of a path, K."""


def ig(ground: Ground, asked: Asked) -> Found:
    """K passes each way a prompt and site."""
    steps = asked.steps or STEPS
    order = ground.nodes.orders()
    sites = order.unique().tolist()
    found = torch.zeros(ground.prompts.n, ground.nodes.n)
    along = (torch.arange(steps) + 0.5) / steps
    for number, site in enumerate(sites):
        own = order == site
        gates = torch.where(own[None], along[:, None], torch.ones(()))
        tick = lambda share, number=number: asked.tick((number + share) / len(sites))  # noqa: E731
        how = asked._replace(tick=tick)
        make = partial(gradients, ground, gates.to(ground.model.device), how)
        kept = asked.keep(f"ig-{site}", lambda own=own, make=make: {"own": make()[:, own].numpy()})  # type: ignore[misc]
        found[:, own] = torch.from_numpy(kept["own"])
    return ranked(found)
