"""Whether nodes would be chosen again on other prompts of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.bootstrap import samples

BLOCK = 16
"""Samples whose means are taken at once."""


class Stability(NamedTuple):
    """Of some nodes, over bootstrap samples of the prompts."""

    share: Float[Tensor, " k"]
    """Share of samples in which the node is among as many: the least of `sizes` that holds it in
    the order, and by its mean effect. Where a search orders by more than effects, the node that it
    begins with need not have the largest.
    """
    low: Float[Tensor, " k"]
    """95% interval of its mean effect."""
    high: Float[Tensor, " k"]
    """95% interval of its mean effect."""


def stability(
    per_prompt: Float[Tensor, "p n"],
    content: Int64[Tensor, " p"],
    nodes: Int64[Tensor, " k"],
    sizes: Sequence[int],
    count: int,
    seed: int,
) -> Stability:
    """Of `nodes`, in the order in which they were taken in; ranked anew in every sample by the size
    of their mean effect over it.
    """
    weight = samples(content, count, seed)[1:].float()
    k, n = len(nodes), per_prompt.shape[1]
    among = _among(_ranks(per_prompt, nodes), k, n, sizes)
    widest = int(among.max()) if k else 0
    inside = torch.zeros(k)
    means = []
    for part in weight.split(BLOCK):
        mean = part @ per_prompt
        top = mean.abs().topk(widest, dim=1).indices
        rank = torch.full((len(part), n), n)
        rank.scatter_(1, top, torch.arange(widest).expand_as(top))
        inside += (rank[:, nodes] < among).sum(0)
        means.append(mean[:, nodes])
    low, high = torch.cat(means).quantile(torch.tensor([0.025, 0.975]), dim=0)
    return Stability(inside / count, low, high)


def _ranks(per_prompt: Float[Tensor, "p n"], nodes: Int64[Tensor, " k"]) -> Int64[Tensor, " k"]:
    """Of each node the rank in the order, or by its mean effect where that is lower."""
    n = per_prompt.shape[1]
    by_effect = torch.empty(n, dtype=torch.long)
    by_effect[per_prompt.mean(0).abs().argsort(descending=True, stable=True)] = torch.arange(n)
    return torch.maximum(torch.arange(len(nodes)), by_effect[nodes])


def _among(ranks: Int64[Tensor, " k"], k: int, n: int, sizes: Sequence[int]) -> Int64[Tensor, " k"]:
    """For the node at every rank, how many it is held to be among."""
    steps = torch.tensor(sorted({*(size for size in sizes if size < n), max(k, 1)}))
    return steps[torch.searchsorted(steps, ranks + 1).clamp_max(len(steps) - 1)]
