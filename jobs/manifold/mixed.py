"""A mixture of similarities of different kinds, with its weights."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.manifold.graph import Graph
from jobs.manifold.similarity import RowSums, Similarity, Tick

_CANDIDATES = 3
"""Times k neighbours that each kind proposes."""


class Mixed:
    """Σ weight · similarity."""

    def __init__(self, parts: list[tuple[float, Similarity]]) -> None:
        """Weights sum to one."""
        self.parts = parts
        self.n = parts[0][1].n

    def nearest(self, k: int, tick: Tick = lambda share: None) -> Graph:
        """The `k` best by the mixture of those that some kind has among its 3k best."""
        wide = min(_CANDIDATES * k, self.n - 1)
        proposed = [part.nearest(wide, tick).other for _, part in self.parts]
        return self._best(torch.arange(self.n), torch.cat(proposed, 1), k)

    def toward(
        self,
        mine: Int64[Tensor, " q"],
        theirs: Int64[Tensor, " m"],
        k: int,
        tick: Tick = lambda share: None,
    ) -> Graph:
        """As `nearest`, of one list of features to another."""
        wide, k = min(_CANDIDATES * k, len(theirs)), min(k, len(theirs))
        proposed = [part.toward(mine, theirs, wide, tick).other for _, part in self.parts]
        return self._best(mine, torch.cat(proposed, 1), k)

    def _best(self, mine: Int64[Tensor, " q"], proposed: Int64[Tensor, "q c"], k: int) -> Graph:
        """The `k` best of what is proposed to each of `mine`, which may be twice or itself."""
        other = proposed.sort(1).values
        own = mine[:, None].expand_as(other)
        fresh = torch.ones_like(other, dtype=torch.bool)
        fresh[:, 1:] = other[:, 1:] != other[:, :-1]
        row, column = (fresh & (other != own)).nonzero(as_tuple=True)
        value = torch.full(other.shape, -torch.inf)
        value[row, column] = self.pairs(mine[row], other[row, column])
        best = value.topk(k, dim=1)
        there = best.values > -torch.inf
        found = torch.where(there, other.gather(1, best.indices), own[:, :k])
        return Graph(found, torch.where(there, best.values, 0.0))

    def pairs(self, one: Int64[Tensor, " p"], other: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """The weighted sum."""
        found = torch.zeros(len(one))
        for weight, part in self.parts:
            found += weight * part.pairs(one, other).cpu()
        return found

    def to_groups(self, group: Int64[Tensor, " n"], count: int) -> RowSums:
        """The weighted sum."""
        each = [(weight, part.to_groups(group, count)) for weight, part in self.parts]

        def sums(begin: int, end: int) -> Float[Tensor, "rows count"]:
            found = torch.zeros(end - begin, count)
            for weight, part in each:
                found += weight * part(begin, end)
            return found

        return sums

    def by_chance(self, seed: int) -> Mixed:
        """Each kind by its own chance."""
        return Mixed([(weight, part.by_chance(seed)) for weight, part in self.parts])

    def only(self, index: Int64[Tensor, " m"]) -> Mixed:
        """The mixture of some features."""
        return Mixed([(weight, part.only(index)) for weight, part in self.parts])
