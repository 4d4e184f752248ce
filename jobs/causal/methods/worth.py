"""What nodes are worth at the circuit that a search ends with, prompt by prompt.

The first nodes of the circuit C are taken out of it one by one, m(C) − m(C∖i); what all others add
to it, or take from it, the gradient in the gates at C tells about.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.exact import alone
from jobs.causal.ground import Ground
from jobs.causal.methods.base import Arrays, Asked, gradients, silent

PROMPTS = 32
"""Prompts on which nodes are taken out, at most."""
PATCHED = 50
"""Nodes that are taken out, at most."""


def taken_out(
    ground: Ground, asked: Asked, gates: Float[Tensor, " n"], nodes: Int64[Tensor, " k"]
) -> Float[Tensor, "p k"]:
    """m(C) − m(C∖i) of each of `nodes`, `gates` being 1 for what is in C: a pass for each of
    `PROMPTS` prompts and each node.
    """
    return alone(ground, nodes, asked.batch, asked.tick, gates, ground.all[:PROMPTS])


def worth(
    ground: Ground,
    asked: Asked,
    gates: Float[Tensor, " n"],
    nodes: Int64[Tensor, " k"],
    fall: Float[Tensor, "p k"],
) -> Float[Tensor, "p n"]:
    """`fall` of `nodes`, of all others the gradient at the circuit: a pass each way a prompt."""

    def slope() -> Arrays:
        at = gates.float()[None].to(ground.model.device)
        return {"slope": gradients(ground, at, asked._replace(tick=silent)).numpy()}

    found = torch.from_numpy(asked.keep("worth-slope", slope)["slope"])[: len(fall)]
    found[:, nodes] = fall.float()
    return found


def of_circuit(
    ground: Ground, asked: Asked, gates: Float[Tensor, " n"], order: Int64[Tensor, " n"]
) -> Float[Tensor, "p n"]:
    """`worth` of every node at the circuit of `gates`; the first of `order` in it are taken out."""
    nodes = order[gates.bool()[order]][:PATCHED]
    kept = asked.keep(
        "worth-fall", lambda: {"fall": taken_out(ground, asked, gates, nodes).numpy()}
    )
    return worth(ground, asked, gates, nodes, torch.from_numpy(kept["fall"]))
