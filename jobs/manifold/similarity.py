"""What two features are compared by: directions, firing, or a stated mixture of both.

Every similarity is at most 1, which a feature has with itself, and about 0 for two that have
nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary.profile.null import Spectrum, spectrum
from jobs.manifold.graph import Graph
from jobs.manifold.knn import nearest, nearest_to

Tick = Callable[[float], None]
RowSums = Callable[[int, int], Float[Tensor, "rows groups"]]

MOST_EXACT = 1 << 17
"""Features up to which every pair of directions is looked at."""


class Similarity(Protocol):
    """A similarity of n features."""

    n: int

    def nearest(self, k: int, tick: Tick = ...) -> Graph:
        """The `k` most similar others of each."""

    def toward(
        self, mine: Int64[Tensor, " q"], theirs: Int64[Tensor, " m"], k: int, tick: Tick = ...
    ) -> Graph:
        """The `k` features of `theirs` most similar to each of `mine`, which has none of them; a
        feature's own number where there are fewer.
        """

    def pairs(self, one: Int64[Tensor, " p"], other: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """The similarity of each pair."""

    def to_groups(self, group: Int64[Tensor, " n"], count: int) -> RowSums:
        """Summed similarities of features to the features of each of `count` groups, themselves
        left out: a function of a range of features. A negative `group` is none.
        """

    def by_chance(self, seed: int) -> Similarity:
        """As many features with the same gross statistics and nothing else in common."""

    def only(self, index: Int64[Tensor, " m"]) -> Similarity:
        """The similarity of some of the features."""


class Directions:
    """Cosine of rows; a mixture of cosines is the cosine of rows laid side by side."""

    def __init__(self, rows: list[tuple[float, Float[Tensor, "n d"]]], parts: list[int]) -> None:
        """`rows` are weighted kinds of directions (weights sum to one); `parts` says how many
        features each dictionary has: chance knows the spectrum of each.
        """
        self.rows, self.parts = rows, parts
        units = [
            weight**0.5 * torch.nn.functional.normalize(row.float(), dim=1) for weight, row in rows
        ]
        self.unit = torch.cat(units, dim=1) if len(units) > 1 else units[0]
        self.n = len(self.unit)
        self._spectra: list[list[Spectrum]] | None = None

    @property
    def exact(self) -> bool:
        """Whether `nearest` looks at every pair; beyond `MOST_EXACT` features it does not."""
        return self.n <= MOST_EXACT

    def nearest(self, k: int, tick: Tick = lambda share: None) -> Graph:
        """See `jobs.manifold.knn`, and for many features `jobs.manifold.cells`."""
        if self.exact:
            return nearest(self.unit, k, tick)
        from jobs.manifold.cells import nearest_in_cells

        return nearest_in_cells(self.unit, k, seed=0, tick=tick)

    def toward(
        self,
        mine: Int64[Tensor, " q"],
        theirs: Int64[Tensor, " m"],
        k: int,
        tick: Tick = lambda share: None,
    ) -> Graph:
        """As `nearest`, of one list of features to another."""
        k = min(k, len(theirs))
        if len(mine) * len(theirs) <= MOST_EXACT**2:
            found = nearest_to(self.unit[mine], self.unit[theirs], k, tick)
        else:
            from jobs.manifold.cells import nearest_in_cells_to

            found = nearest_in_cells_to(self.unit[mine], self.unit[theirs], k, seed=0, tick=tick)
        return Graph(theirs[found.other], found.similarity)

    def pairs(self, one: Int64[Tensor, " p"], other: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """Cosines."""
        step = max(1, (1 << 24) // self.unit.shape[1])
        found = [
            (self.unit[i] * self.unit[j]).sum(1)
            for i, j in zip(one.split(step), other.split(step), strict=True)
        ]
        return torch.cat(found) if found else torch.zeros(0)

    def to_groups(self, group: Int64[Tensor, " n"], count: int) -> RowSums:
        """Through the summed direction of each group."""
        own = group.to(self.unit.device)
        inside = (own >= 0).nonzero()[:, 0]
        total = self.unit.new_zeros(count, self.unit.shape[1])
        total.index_add_(0, own[inside], self.unit[inside])

        def sums(begin: int, end: int) -> Float[Tensor, "rows count"]:
            mine = self.unit[begin:end]
            found = mine @ total.T
            row = (own[begin:end] >= 0).nonzero()[:, 0]
            found[row, own[begin:end][row]] -= (mine[row] ** 2).sum(1)
            return found.cpu()

        return sums

    def by_chance(self, seed: int) -> Directions:
        """Random directions with the second moment of each dictionary's own (METHODS §4)."""
        if self._spectra is None:
            self._spectra = [
                [spectrum(part) for part in rows.split(self.parts)] for _, rows in self.rows
            ]
        drawn = []
        for kind, (weight, rows) in enumerate(self.rows):
            twins = [
                one.draw(size, seed * 1009 + kind * 101 + place)
                for place, (one, size) in enumerate(
                    zip(self._spectra[kind], self.parts, strict=True)
                )
            ]
            drawn.append((weight, torch.cat(twins).to(rows.device)))
        return Directions(drawn, self.parts)

    def only(self, index: Int64[Tensor, " m"]) -> Directions:
        """The rows of some features; each dictionary's share of them is not known any more."""
        return Directions([(weight, rows[index]) for weight, rows in self.rows], [len(index)])


def root(logits: Float[Tensor, "d vocab"]) -> Float[Tensor, "d d"]:
    """R with R Rᵀ = L Lᵀ, so that x R · y R is the product of the logits x L · y L."""
    gram = logits.double() @ logits.double().T
    value, vector = torch.linalg.eigh(gram)
    return (vector * value.clamp(min=0).sqrt()).float()
