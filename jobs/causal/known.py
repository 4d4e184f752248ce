"""A search held against the truth: area under the ROC curve, over nodes and over edges."""

from __future__ import annotations

from collections.abc import Collection

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.causal.edges import LOGITS, Edges
from jobs.causal.nodes import Nodes


def roc_auc(score: Float[Tensor, " n"], true: Bool[Tensor, " n"]) -> float | None:
    """Chance that a true one scores above a false one, ties counting half; None without either."""
    n_true, n_false = int(true.sum()), int((~true).sum())
    if not n_true or not n_false:
        return None
    _, place, count = score.double().unique(return_inverse=True, return_counts=True)
    last = count.cumsum(0)
    rank = (last - (count - 1).double() / 2)[place]  # from 1, the mean of those that tie
    return float((rank[true].sum() - n_true * (n_true + 1) / 2) / (n_true * n_false))


def node_auc(
    order: Int64[Tensor, " n"], true: Float[Tensor, " n"], among: Bool[Tensor, " n"] | None = None
) -> float | None:
    """Of an order in which nodes are taken in; `among` says which count (None: all)."""
    score = torch.empty(len(order))
    score[order] = -torch.arange(len(order), dtype=torch.float32)
    among = torch.ones(len(order), dtype=torch.bool) if among is None else among
    return roc_auc(score[among], true[among] > 0)


def edge_auc(
    edges: Edges,
    nodes: Nodes,
    true: Collection[tuple[str, str]],
    blind: Int64[Tensor, " n"] | None = None,
) -> float | None:
    """Of the size of direct effects, over every pair of a node and one of a later site, and every
    node and the logits. Edges that were not measured, or are nothing, count as 0. `blind` is an
    order of nodes: edges then count by when both their ends are taken in, not by their effects.
    """
    order, n = nodes.orders(), nodes.n
    there = torch.cat([order[:, None] < order[None, :], torch.ones(n, 1, dtype=torch.bool)], 1)
    number = {nodes.name(node): node for node in range(n)} | {"logits": n}
    known = torch.zeros(n, n + 1, dtype=torch.bool)
    for source, end in true:
        if source in number and end in number:
            known[number[source], number[end]] = True
    size = _sizes(edges, n) if blind is None else _when_taken_in(blind)
    return roc_auc(size[there], known[there])


def _sizes(edges: Edges, n: int) -> Float[Tensor, "n n_plus_1"]:
    size = torch.zeros(n, n + 1)
    target = torch.where(edges.target == LOGITS, n, edges.target)
    size[edges.source, target] = edges.fall.mean(0).abs().float()
    return size


def _when_taken_in(order: Int64[Tensor, " n"]) -> Float[Tensor, "n n_plus_1"]:
    rank = torch.empty(len(order))
    rank[order] = torch.arange(len(order), dtype=torch.float32)
    last = torch.maximum(rank[:, None], rank[None, :])
    return -torch.cat([last, rank[:, None]], 1)
