"""How much of a behaviour circuits of growing size have: faithfulness and completeness.

    faithfulness(C) = (m(C) − m(∅)) / (m(M) − m(∅)),  completeness(C) = faithfulness(M∖C)

m is the mean over prompts, M the model, ∅ the model with every node ablated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.exact import batched
from jobs.causal.ground import Ground


class Curve(NamedTuple):
    """Scores of circuits of several sizes, prompt by prompt."""

    sizes: list[int]
    """Nodes of each circuit, rising, from 0 to all."""
    inside: Float[Tensor, "s p"]
    """m(C)."""
    outside: Float[Tensor, "s p"]
    """m(M∖C)."""
    clean: Float[Tensor, " p"]
    """m(M)."""
    content: Int64[Tensor, " p"]
    """The number of what each prompt reads (`jobs.causal.bootstrap.contents`)."""

    @property
    def empty(self) -> Float[Tensor, " p"]:
        """m(∅)."""
        return self.inside[0]


def grid(asked: Sequence[int], n: int) -> list[int]:
    """Sizes at which a curve is measured: those asked for, none, all, and the shares of all nodes
    that MIB takes (arXiv:2504.13151).
    """
    shares = [round(share * n) for share in MIB_SHARES]
    return sorted({0, n, *(size for size in [*asked, *shares] if 0 < size <= n)})


MIB_SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Shares of a circuit's parts at which MIB measures faithfulness."""


def curve(
    ground: Ground,
    order: Int64[Tensor, " n"],
    sizes: Sequence[int],
    batch: int,
    tick: Callable[[float], None],
) -> Curve:
    """Scores of the first nodes of `order`, and of all others, at each of `sizes`."""
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    clean = in_batches(ground, None, batch)
    inside, outside = [], []
    for number, size in enumerate(sizes):
        tick(number / len(sizes))
        gates = (rank < size).float()[None].to(ground.model.device)
        inside.append(in_batches(ground, gates, batch))
        outside.append(in_batches(ground, 1 - gates, batch))
    scores = torch.stack(inside), torch.stack(outside), clean
    return Curve(list(sizes), *scores, ground.prompts.content)


def in_batches(ground: Ground, gates: Tensor | None, batch: int) -> Float[Tensor, " p"]:
    """The metric of every prompt under the same gates."""
    return batched(ground, gates, ground.all, batch)
