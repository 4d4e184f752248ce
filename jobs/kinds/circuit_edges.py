"""The edges of a circuit search as its tables have them: those between nodes, and the tokens'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jobs.kinds.cluster_tables import Columns

if TYPE_CHECKING:
    from torch import Tensor

    from jobs.causal.edges import Edges
    from jobs.kinds.circuit import Measured, Work


def every_edge(measured: Measured) -> Edges:
    """Both kinds together, the strongest first."""
    import torch

    from jobs.causal.edges import Edges

    pairs = zip(measured.edges, measured.tokens, strict=True)
    source, target, fall = (torch.cat(pair, -1) for pair in pairs)
    order = fall.mean(0).abs().argsort(descending=True, stable=True)
    return Edges(source[order], target[order], fall[:, order])


def edges_table(work: Work, edges: Edges) -> Columns:
    """``circuit_edges``."""
    import torch

    from jobs.causal.edges import LOGITS
    from jobs.causal.from_tokens import TOKENS, tokens_name
    from jobs.causal.stability import stability

    spec, nodes = work.spec, work.place.nodes
    count = len(edges.source)
    held: list[float] | list[None] = [None] * count
    if count and spec.bootstrap:
        # Among as many: 1, 2, 4 … edges.
        sizes = [1 << power for power in range(count.bit_length())]
        rows, every = edges.fall.float(), torch.arange(count)
        content = work.search.prompts.content[: len(rows)]
        held = stability(rows, content, every, sizes, spec.bootstrap, spec.seed).share.tolist()

    def name(node: int) -> str:
        if node <= TOKENS:
            return tokens_name(node, nodes)
        return "logits" if node == LOGITS else nodes.name(node)

    return {
        "circuit": [work.circuit] * count,
        "source": [name(node) for node in edges.source.tolist()],
        "target": [name(node) for node in edges.target.tolist()],
        "effect": edges.fall.mean(0).tolist(),
        "rank": np.arange(count, dtype=np.uint32),
        "stability": held,
    }


def within(edges: Edges, order: Tensor, sizes: Sequence[int]) -> list[int]:
    """For each size how many edges have both ends among that many nodes of the order; the tokens
    and the logits are among one node already.
    """
    import torch

    from jobs.causal.from_tokens import TOKENS

    rank = torch.zeros(len(order) + 2, dtype=order.dtype)  # the last two: what is no node
    rank[order] = torch.arange(len(order))
    needed = torch.maximum(rank[edges.source.clamp_min(TOKENS)], rank[edges.target]) + 1
    return [int((needed <= size).sum()) for size in sizes]
