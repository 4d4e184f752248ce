"""Approximate nearest rows, for more of them than all pairs can be looked at: an inverted file.

Rows are dealt to the nearest of some hundred mean directions; for each cell, only the rows of the
cells around it are searched (as in Jégou et al. 2011, without compression). What is missed is
measured, and told.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.manifold.graph import Graph
from jobs.manifold.knn import Tick, nearest_to
from jobs.manifold.methods.kmeans import assign_to_means, nearest_centre

_SAMPLE = 64
"""Rows a cell that the cells are found from."""
_ROUNDS = 8
_SHARE = 0.1
"""Of the rows are searched for each."""
CHECKED = 512
"""Rows whose true neighbours are looked up to measure the recall."""


def nearest_in_cells(
    unit: Float[Tensor, "n d"],
    k: int,
    seed: int,
    share: float = _SHARE,
    tick: Tick = lambda share: None,
) -> Graph:
    """About the `k` rows that point most alike for every row of `unit` (rows of length one): the
    best of the `share` of the rows whose cells are nearest to its own.
    """
    cells = _dealt(unit, seed)
    other = torch.empty(len(unit), k, dtype=torch.int64)
    similarity = torch.empty(len(unit), k)
    for number in range(len(cells.centres)):
        tick(number / len(cells.centres))
        mine = cells.order[cells.edges[number] : cells.edges[number + 1]]
        if not len(mine):
            continue
        near = cells.near(number, max(k + 1, round(share * len(unit))))
        found = nearest_to(unit[mine], unit[near], min(k + 1, len(near)))
        other[mine], similarity[mine] = _without_self(found, near, mine, k)
    return Graph(other, similarity)


def nearest_in_cells_to(
    queries: Float[Tensor, "q d"],
    unit: Float[Tensor, "n d"],
    k: int,
    seed: int,
    share: float = _SHARE,
    tick: Tick = lambda share: None,
) -> Graph:
    """The same for `queries`, which are other rows."""
    cells = _dealt(unit, seed)
    cell, _ = nearest_centre(queries, cells.centres)
    other = torch.empty(len(queries), k, dtype=torch.int64)
    similarity = torch.empty(len(queries), k)
    for number in range(len(cells.centres)):
        tick(number / len(cells.centres))
        mine = (cell == number).nonzero()[:, 0]
        if not len(mine):
            continue
        near = cells.near(number, max(k, round(share * len(unit))))
        found = nearest_to(queries[mine], unit[near], k)
        other[mine], similarity[mine] = near[found.other], found.similarity
    return Graph(other, similarity)


class _Cells(NamedTuple):
    """Rows dealt to the nearest of some mean directions."""

    centres: Float[Tensor, "cells d"]
    order: Int64[Tensor, " n"]
    """Rows, those of one cell after those of another."""
    edges: Int64[np.ndarray, " cells+1"]
    """Where each cell begins in `order`."""
    around: Int64[np.ndarray, "cells cells"]
    """The cells, the nearest to each first."""

    def near(self, number: int, least: int) -> Int64[Tensor, " near"]:
        """Rows of the nearest cells to one, as many cells as hold `least` rows."""
        around = self.around[number]
        size = np.cumsum((self.edges[1:] - self.edges[:-1])[around])
        cells = around[: int(np.searchsorted(size, least)) + 1]
        return torch.cat([self.order[self.edges[cell] : self.edges[cell + 1]] for cell in cells])


def _dealt(unit: Float[Tensor, "n d"], seed: int) -> _Cells:
    n = len(unit)
    count = max(8, round(math.sqrt(n) / 2))
    random = np.random.default_rng(seed)
    sample = torch.from_numpy(np.sort(random.permutation(n)[: _SAMPLE * count]))
    rows = unit[sample]
    label, _ = assign_to_means(rows, count, seed, _ROUNDS)
    total = torch.zeros(count, unit.shape[1], device=unit.device)
    centres = torch.nn.functional.normalize(total.index_add_(0, label.to(unit.device), rows), dim=1)
    cell, _ = nearest_centre(unit, centres)
    edges = np.concatenate([[0], np.cumsum(torch.bincount(cell, minlength=count).numpy())])
    around = (centres @ centres.T).argsort(dim=1, descending=True, stable=True).cpu().numpy()
    return _Cells(centres, cell.argsort(stable=True), edges, around)


def _without_self(
    found: Graph, near: Tensor, mine: Tensor, k: int
) -> tuple[Int64[Tensor, "q k"], Float[Tensor, "q k"]]:
    """The graph's indices as rows of the whole, each row's own taken out (or the last)."""
    other = near[found.other]
    own = other == mine[:, None]
    own[~own.any(1), -1] = True
    keep = ~own
    return other[keep].view(-1, k), found.similarity[keep].view(-1, k)


def recall(unit: Float[Tensor, "n d"], graph: Graph, seed: int) -> float:
    """Share of the true nearest rows that `graph` holds, on a sample of rows."""
    random = np.random.default_rng(seed)
    some = torch.from_numpy(np.sort(random.permutation(graph.n)[:CHECKED]))
    k = graph.other.shape[1]
    truth = nearest_to(unit[some], unit, k + 1)
    true, _ = _without_self(truth, torch.arange(graph.n), some, k)
    hits = (graph.other[some][:, :, None] == true[:, None, :]).any(1)
    return float(hits.float().mean())
