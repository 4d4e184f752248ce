"""What two features are compared by: directions, firing, or a stated mixture of both.

Every similarity is at most 1, which a feature has with itself, and about 0 for two that have
nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary.profile.null import Spectrum, spectrum
from jobs.manifold.graph import Graph
from jobs.manifold.knn import nearest, nearest_to

Tick = Callable[[float], None]
RowSums = Callable[[int, int], Float[Tensor, "rows groups"]]


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
        units = [
            torch.nn.functional.normalize(row.float(), dim=1).mul_(weight**0.5)
            for weight, row in rows
        ]
        self.unit = torch.cat(units, dim=1) if len(units) > 1 else units[0]
        self.n, self.parts = len(self.unit), parts
        self._weights = [weight for weight, _ in rows]
        self._widths = [row.shape[1] for _, row in rows]
        self._spectra: list[list[Spectrum]] | None = None

    def _like(self, unit: Float[Tensor, "n d"], parts: list[int]) -> Directions:
        """Other features compared in the same way: nothing as large as `unit` is made again."""
        made = copy(self)
        made.unit, made.n, made.parts, made._spectra = unit, len(unit), parts, None
        return made

    def nearest(self, k: int, tick: Tick = lambda share: None) -> Graph:
        """See `jobs.manifold.knn`."""
        return nearest(self.unit, k, tick)

    def toward(
        self,
        mine: Int64[Tensor, " q"],
        theirs: Int64[Tensor, " m"],
        k: int,
        tick: Tick = lambda share: None,
    ) -> Graph:
        """As `nearest`, of one list of features to another."""
        k = min(k, len(theirs))
        found = nearest_to(self.unit[mine], self.unit[theirs], k, tick)
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
        kinds = self.unit.split(self._widths, dim=1)
        if self._spectra is None:
            self._spectra = [[spectrum(part) for part in kind.split(self.parts)] for kind in kinds]
        unit = torch.empty(self.unit.shape)
        for kind, columns in enumerate(unit.split(self._widths, dim=1)):
            for place, rows in enumerate(columns.split(self.parts)):
                self._spectra[kind][place].draw(rows, seed * 1009 + kind * 101 + place)
            columns.mul_(self._weights[kind] ** 0.5)
        return self._like(unit.to(self.unit.device), self.parts)

    def only(self, index: Int64[Tensor, " m"]) -> Directions:
        """The rows of some features; each dictionary's share of them is not known any more."""
        return self._like(self.unit[index], [len(index)])


def root(logits: Float[Tensor, "d vocab"]) -> Float[Tensor, "d d"]:
    """R with R Rᵀ = L Lᵀ, so that x R · y R is the product of the logits x L · y L."""
    gram = logits.double() @ logits.double().T
    value, vector = torch.linalg.eigh(gram)
    return (vector * value.clamp(min=0).sqrt()).float()
