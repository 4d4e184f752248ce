"""How many of the true nearest features a graph holds, measured and told."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.manifold.graph import Graph
from jobs.manifold.similarity import Directions, Similarity, Tick

CHECKED = 1_000
"""Features whose true nearest are looked up, at most."""
_PAIRS = 1 << 20
"""Pairs that are looked at where they are looked at one by one."""
_ROWS, _COLUMNS = 256, 1 << 15
_ROUNDING = 1e-5
"""Two features as similar as this are as near as each other."""


def recall(
    similarity: Similarity,
    graph: Graph,
    seed: int,
    checked: int = CHECKED,
    tick: Tick = lambda share: None,
) -> float:
    """Share of the k nearest features that `graph` holds, on a sample of `checked` features, held
    against every other in float32. Of several as similar as the k-th any will do.
    """
    n, k = graph.n, graph.other.shape[1]
    every = isinstance(similarity, Directions)
    count = min(n, checked if every else max(1, min(checked, _PAIRS // n)))
    some = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(n)[:count]))
    hits = 0
    for at, rows in enumerate(some.split(_ROWS)):
        tick(at * _ROWS / count)
        # A row without k others that are like it at all holds itself for the missing ones, at 0.
        found = graph.similarity[rows]
        hits += int((found >= _kth(similarity, rows, k)[:, None] - _ROUNDING).sum())
    return hits / (count * k)


def _kth(similarity: Similarity, rows: Int64[Tensor, " b"], k: int) -> Float[Tensor, " b"]:
    """How similar the k-th nearest of each row is."""
    if not isinstance(similarity, Directions):
        return torch.stack([_one_by_one(similarity, int(row)).topk(k).values[-1] for row in rows])
    unit, best = similarity.unit, torch.empty(len(rows), 0)
    for begin in range(0, len(unit), _COLUMNS):
        product = unit[rows] @ unit[begin : begin + _COLUMNS].T
        row = ((rows >= begin) & (rows < begin + product.shape[1])).nonzero()[:, 0]
        product[row, rows[row] - begin] = -torch.inf
        both = torch.cat([best, product.cpu()], 1)
        best = both.topk(min(k, both.shape[1]), dim=1).values
    return best[:, -1].clamp(-1, 1)


def _one_by_one(similarity: Similarity, row: int) -> Float[Tensor, " n"]:
    """With every other, and not itself."""
    other = torch.arange(similarity.n)
    found = similarity.pairs(torch.full_like(other, row), other).cpu()
    found[row] = -torch.inf
    return found
