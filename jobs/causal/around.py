"""What is there while a direct effect is measured: everything, or a share of it.

Where all else is there, of two nodes that are enough alone neither has an effect. So effects can be
looked at along the common path of `jobs.causal.methods.shapley`, on which all nodes, the target of
the effect among them, are between their ablated values and their clean ones:

    effect(u → v) = ∫ [m_a − m_a^{u→v}] da

m_a being the metric where all gates but that of u are at a, and m_a^{u→v} the same with u ablated
for v alone. Prompt number i stands for the share a = (i + ½)/φ mod 1, which fills the path evenly
however many prompts there are, and costs no more than one place for all. Where the model is linear,
what leaves a node is its Aumann–Shapley value, and as much as enters it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.ground import Ground, written

_GOLDEN = (1 + math.sqrt(5)) / 2


class Around(NamedTuple):
    """What other nodes are while an edge is looked at."""

    ground: Ground
    share: Float[Tensor, " p"] | None = None
    """How far the nodes of every prompt are there; None: wholly, in all."""

    @classmethod
    def along(cls, ground: Ground) -> Around:
        """Each prompt at a place of its own on the common path."""
        place = (torch.arange(ground.prompts.n) + 0.5) / _GOLDEN
        return cls(ground, (place % 1).to(ground.model.device))

    def runs(
        self, sources: Int64[Tensor, " s"], rows: Int64[Tensor, " b"]
    ) -> Float[Tensor, "rb n"]:
        """Gates of prompts run after run: first as they are, then with each source there, unless it
        is anyway, then with each ablated.
        """
        s, n = len(sources), self.ground.nodes.n
        several = 1 + (s if self.share is None else 2 * s)
        gates = torch.ones(several, len(rows), n, device=self.ground.model.device)
        if self.share is not None:
            gates *= self.share[rows][:, None]
            gates[torch.arange(1, 1 + s), :, sources] = 1
        gates[torch.arange(several - s, several), :, sources] = 0
        return gates.flatten(0, 1)

    def apart(self, value: Float[Tensor, "rb ..."], b: int) -> Float[Tensor, "sb ..."]:
        """Of a value in every run: where each source is there, less where it is ablated."""
        if self.share is None:
            return value[:b].repeat(len(value) // b - 1, *[1] * (value.ndim - 1)) - value[b:]
        there, gone = value[b:].chunk(2)
        return there - gone

    def written(
        self,
        site: int,
        rows: Int64[Tensor, " b"],
        f: Float[Tensor, "b t m"],
        y: Float[Tensor, "b t d"],
    ) -> Float[Tensor, "b t d"]:
        """What is at a site's hook, `f` and `y` being its coordinates and all that is there when it
        is left alone.
        """
        if self.share is None:
            return y
        ground, length = self.ground, y.shape[1]
        gates = self.share[rows][:, None].expand(-1, ground.nodes.n)
        own = ground.nodes.gates_of(site, gates, length)
        return written(ground.sites[site], own, f, y, ground.reference.at(site, rows, length))
