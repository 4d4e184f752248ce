"""What is there while a direct effect is measured: everything, or a share of it.

Where all else is there, of two nodes that are enough alone neither has an effect. So effects can be
looked at along the common path of `jobs.causal.methods.shapley`, on which all nodes, the target of
the effect among them, are between their ablated values and their clean ones:

    effect(u → v)      = ∫ a · (f_v^{u=1} − f_v^{u=0}) · ∇_{f_v} m da, all gates being at a
    effect(u → logits) = ∫ (m^{u=1} − m^{u=0}) da

with u wholly there or ablated, all others at a, and what lies between held as it is there. Prompt
number i stands for the share a = (½ + i/φ) mod 1, which fills the path the more evenly the more
prompts there are, and costs no more than one place for all. Where the model is linear and nothing
passes but through nodes, each at one site, what leaves a node is its Aumann–Shapley value.
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
        place = (0.5 + torch.arange(ground.prompts.n) / _GOLDEN) % 1
        return cls(ground, place.to(ground.model.device))

    @property
    def runs_each(self) -> int:
        """Runs that a source takes: one with it ablated, and one with it there where the first run
        of all does not have it whole.
        """
        return 1 if self.share is None else 2

    def runs(
        self, sources: Int64[Tensor, " s"], rows: Int64[Tensor, " b"]
    ) -> Float[Tensor, "rb n"]:
        """Gates of the prompts, a run after the other: one with all nodes as they are; where those
        are there by a share, one for each source with it wholly there; one for each with it
        ablated.
        """
        s, n = len(sources), self.ground.nodes.n
        count = 1 + s * self.runs_each
        gates = torch.ones(count, len(rows), n, device=self.ground.model.device)
        if self.share is not None:
            gates *= self.share[rows][:, None]
            gates[torch.arange(1, 1 + s), :, sources] = 1
        gates[torch.arange(count - s, count), :, sources] = 0
        return gates.flatten(0, 1)

    def by_source(self, value: Float[Tensor, "rb ..."], b: int) -> Float[Tensor, "sb ..."]:
        """What each source makes of a value: that with it there less that with it ablated."""
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
        """What is at a site's hook when its nodes are there so far; `f` and `y` are its coordinates
        and all that is at the hook when it is left alone.
        """
        if self.share is None:
            return y
        ground, length = self.ground, y.shape[1]
        gates = self.share[rows][:, None].expand(-1, ground.nodes.n)
        own = ground.gates_of(site, gates, rows, length)
        return written(ground.sites[site], own, f, y, ground.reference.at(site, rows, length))
