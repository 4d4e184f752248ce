"""On which tokens features fire, and what two features are to each other by that alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy.sparse import csr_matrix, vstack  # type: ignore[import-untyped]
from torch import Tensor

from jobs.manifold.graph import Graph
from jobs.manifold.similarity import RowSums, Tick

LEAST = 0.01
"""Similarities by firing below this are taken for 0."""
MOST = 256
"""Features kept for each, the most similar."""
_BLOCK = 512
_PAIRS = 1 << 14
"""Pairs of features whose tokens are compared at once."""


class Firing(NamedTuple):
    """Every non-zero activation of n features on some tokens."""

    feature: Int64[np.ndarray, " e"]
    token: Int64[np.ndarray, " e"]
    """From 0 to n_tokens − 1."""
    activation: Float[np.ndarray, " e"]
    n_features: int
    n_tokens: int

    def shuffled(self, seed: int, parts: list[int]) -> Firing:
        """As many activations of each feature and on each token, anyhow put together; features of
        one dictionary (`parts` says how many each has) take each other's places alone.
        """
        random = np.random.default_rng(seed)
        feature = self.feature.copy()
        edges = np.concatenate([[0], np.cumsum(parts)])
        for low, high in pairwise(edges):
            mine = np.flatnonzero((feature >= low) & (feature < high))
            feature[mine] = feature[mine][random.permutation(len(mine))]
        return self._replace(feature=feature)


def jaccard(both: Any, one: Any, other: Any, tokens: int) -> Float[np.ndarray, " e"]:
    """|A ∩ B| / |A ∪ B| over the tokens on which two features fire."""
    return both / (one + other - both)


def pmi(both: Any, one: Any, other: Any, tokens: int) -> Float[np.ndarray, " e"]:
    """Pointwise mutual information ln P(A, B)/(P(A) P(B)), normalised by −ln P(A, B) so that it is
    1 for features that always fire together and 0 for independent ones (Bouma 2009), negative
    values 0, and discounted for rare features as by Pantel & Lin (2002).
    """
    least = np.minimum(one, other)
    discount = both / (both + 1) * least / (least + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(both * tokens / (one * other)) / -np.log(both / tokens)
    return discount * np.nan_to_num(value, nan=1.0, posinf=1.0).clip(0, 1)


MEASURES: dict[str, Callable[[Any, Any, Any, int], Float[np.ndarray, " e"]]] = {
    "jaccard": jaccard,
    "pmi": pmi,
}
"""Name → similarity from how many tokens both, the one and the other fire on."""


def together(firing: Firing, measure: str, tick: Tick = lambda share: None) -> csr_matrix:
    """Similarity of every two features that ever fire on one token, [n, n] symmetric; at least the
    `MOST` largest of each feature, none below `LEAST`.
    """
    shape = (firing.n_features, firing.n_tokens)
    ones = np.ones(len(firing.token), np.float32)
    fires = csr_matrix((ones, (firing.feature, firing.token)), shape=shape)
    fires.data[:] = 1  # a pair may be there twice after a shuffle
    count = np.diff(fires.indptr).astype(np.float64)
    across = fires.T.tocsr()
    rows = []
    for begin in range(0, firing.n_features, _BLOCK):
        tick(begin / firing.n_features)
        both = (fires[begin : begin + _BLOCK] @ across).tocoo()
        one, value = both.row + begin, both.data.astype(np.float64)
        found = MEASURES[measure](value, count[one], count[both.col], firing.n_tokens)
        keep = (one != both.col) & (found >= LEAST)
        row, column, kept = _largest(both.row[keep], both.col[keep], found[keep])
        size = (min(_BLOCK, firing.n_features - begin), firing.n_features)
        rows.append(csr_matrix((kept.astype(np.float32), (row, column)), shape=size))
    one_way = vstack(rows, format="csr")
    return one_way.maximum(one_way.T).tocsr()


def _largest(
    row: np.ndarray, column: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.lexsort((column, -value, row))
    row = row[order]
    _, first = np.unique(row, return_index=True)
    rank = np.arange(len(row)) - np.repeat(first, np.diff(np.append(first, len(row))))
    order = order[rank < MOST]
    return row[rank < MOST], column[order], value[order]


def jaccard_of(
    firing: Firing, one: Int64[np.ndarray, " p"], other: Int64[np.ndarray, " p"]
) -> Float[np.ndarray, " p"]:
    """The Jaccard index of each pair of features; NaN where neither ever fires."""
    ones = np.ones(len(firing.token), bool)
    shape = (firing.n_features, firing.n_tokens)
    fires = csr_matrix((ones, (firing.feature, firing.token)), shape=shape)
    count = np.diff(fires.indptr)
    both = np.zeros(len(one), np.int64)
    for begin in range(0, len(one), _PAIRS):
        some = slice(begin, begin + _PAIRS)
        both[some] = fires[one[some]].multiply(fires[other[some]]).getnnz(axis=1)
    union = count[one] + count[other] - both
    found: np.ndarray = np.divide(both, union, out=np.full(len(one), np.nan), where=union > 0)
    return found


def _first(matrix: csr_matrix, mine: np.ndarray, theirs: np.ndarray, k: int) -> Graph:
    """The `k` largest of each row; `mine` numbers the rows and `theirs` the columns."""
    row = np.repeat(np.arange(len(mine)), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    rank = np.arange(len(row)) - matrix.indptr[row]
    kept = order[rank < k]
    place = row[rank < k], rank[rank < k]
    other = np.repeat(mine[:, None], k, axis=1)
    similarity = np.zeros((len(mine), k), np.float32)
    other[place], similarity[place] = theirs[matrix.indices[kept]], matrix.data[kept]
    return Graph(torch.from_numpy(other), torch.from_numpy(similarity))


class Together:
    """Similarity by firing; chance shuffles who fires."""

    def __init__(
        self, firing: Firing, measure: str, parts: list[int], matrix: csr_matrix | None = None
    ) -> None:
        """`parts` says how many features each dictionary has; `matrix` is `together` where that is
        known already.
        """
        self.firing, self.measure, self.parts = firing, measure, parts
        self.matrix = together(firing, measure) if matrix is None else matrix
        self.n = self.matrix.shape[0]

    def nearest(self, k: int, tick: Tick = lambda share: None) -> Graph:
        """The `k` most similar of each; where fewer ever fire with it, itself takes their place."""
        own = np.arange(self.n)
        return _first(self.matrix, own, own, k)

    def toward(
        self,
        mine: Int64[Tensor, " q"],
        theirs: Int64[Tensor, " m"],
        k: int,
        tick: Tick = lambda share: None,
    ) -> Graph:
        """As `nearest`, of one list of features to another."""
        some = self.matrix[mine.numpy()][:, theirs.numpy()].tocsr()
        return _first(some, mine.numpy(), theirs.numpy(), min(k, len(theirs)))

    def pairs(self, one: Int64[Tensor, " p"], other: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """Looked up; 0 where they never fire together."""
        if not len(one):
            return torch.zeros(0)
        found = np.asarray(self.matrix[one.numpy().copy(), other.numpy().copy()]).ravel()
        return torch.from_numpy(found.astype(np.float32))

    def to_groups(self, group: Int64[Tensor, " n"], count: int) -> RowSums:
        """By a sparse product."""
        inside = np.flatnonzero(group.numpy() >= 0)
        ones = np.ones(len(inside), np.float32)
        shape = (self.n, count)
        members = csr_matrix((ones, (inside, group.numpy()[inside])), shape=shape)

        def sums(begin: int, end: int) -> Float[Tensor, "rows count"]:
            return torch.from_numpy((self.matrix[begin:end] @ members).toarray())

        return sums

    def by_chance(self, seed: int) -> Together:
        """Each feature fires as often, and on each token as many do, but not the same ones."""
        return Together(self.firing.shuffled(seed, self.parts), self.measure, self.parts)

    def only(self, index: Int64[Tensor, " m"]) -> Together:
        """Rows and columns of some features."""
        some = index.numpy()
        matrix = self.matrix[some][:, some].tocsr()
        return Together(self.firing, self.measure, [len(some)], matrix)
