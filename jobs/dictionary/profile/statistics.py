"""What a feature looks like: density, mean, largest activation and histogram, for many at once.

Rows of one block of features are sorted once, strongest first within a feature; every statistic is
then a slice or a segmented sum over that order. Nothing loops over features.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt16, UInt32

BLOCK = 1024
"""Features in a block: `activations` are stored by ``feature // BLOCK``."""
BINS = 32
"""Bins of a feature's histogram."""
_ROW_BITS = 22
"""Row numbers that fit beside ten bits of feature and thirty-two of activation in 64 bits."""


class Rows(NamedTuple):
    """Non-zero activations as columns of equal length."""

    feature: UInt32[np.ndarray, " n"]
    doc: UInt32[np.ndarray, " n"]
    pos: UInt16[np.ndarray, " n"]
    activation: Float32[np.ndarray, " n"]

    def take(self, index: np.ndarray | slice) -> Rows:
        """The rows at `index`, in its order."""
        return Rows(*(column[index] for column in self))

    @property
    def size(self) -> int:
        """How many rows."""
        return len(self.feature)


class SortedRows(NamedTuple):
    """Rows of consecutive features, strongest first within each."""

    first: int
    """Index of the first feature."""
    rows: Rows
    starts: Int64[np.ndarray, " features_plus_1"]
    """Rows ``starts[i]:starts[i + 1]`` belong to feature ``first + i``."""

    @property
    def counts(self) -> Int64[np.ndarray, " features"]:
        """How often each feature fires."""
        return np.diff(self.starts)


class Statistics(NamedTuple):
    """One value a feature; features that never fired have 0 counts and NaN activations."""

    counts: Int64[np.ndarray, " features"]
    mean: Float64[np.ndarray, " features"]
    """Mean over the tokens on which it fires."""
    largest: Float32[np.ndarray, " features"]
    histogram: UInt32[np.ndarray, "features 32"]
    """Counts in 32 equal bins from 0 to the largest activation."""


def concatenate(parts: list[Rows]) -> Rows:
    """All rows of `parts`, in order; no parts give no rows."""
    if not parts:
        empty = (np.empty(0, kind) for kind in (np.uint32, np.uint32, np.uint16, np.float32))
        return Rows(*empty)
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def strongest_first(rows: Rows, first: int, n_features: int) -> SortedRows:
    """Sorts by feature, then by falling activation; ties keep the order in which they came.

    Args:
        rows: activations > 0 of features ``first`` to ``first + n_features - 1``.
        first: index of the first feature.
        n_features: how many features; one without rows gets an empty range.
    """
    local = rows.feature - np.uint32(first)
    order = _order(local, rows.activation)
    counts = np.bincount(local, minlength=n_features)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return SortedRows(first, rows.take(order), starts)


def _order(local: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """Packs (feature, falling activation, row) into one integer, so that one plain integer sort,
    which NumPy vectorises, is at once stable and several times faster than a lexsort.
    """
    if len(local) >= 1 << _ROW_BITS or (len(local) and int(local.max()) >= BLOCK):
        return np.lexsort((-activation, local))
    falling = np.uint32(0xFFFFFFFF) - activation.view(np.uint32)  # positive floats order as ints
    key = local.astype(np.uint64) << np.uint64(32 + _ROW_BITS)
    key |= falling.astype(np.uint64) << np.uint64(_ROW_BITS)
    key |= np.arange(len(local), dtype=np.uint64)
    key.sort()
    return (key & np.uint64((1 << _ROW_BITS) - 1)).astype(np.int64)


def statistics(block: SortedRows) -> Statistics:
    """Count, mean, largest and histogram of every feature of `block`."""
    activation, count = block.rows.activation, block.counts
    fires = count > 0
    begin = block.starts[:-1][fires]
    mean = np.full(len(count), np.nan)
    largest = np.full(len(count), np.nan, np.float32)
    if len(begin):
        mean[fires] = np.add.reduceat(activation.astype(np.float64), begin) / count[fires]
        largest[fires] = activation[begin]
    return Statistics(count, mean, largest, _histograms(block, largest))


def _histograms(block: SortedRows, largest: np.ndarray) -> np.ndarray:
    """The same counts as ``numpy.histogram(range=(0, largest))`` gives for each feature.

    The bin is guessed by division and then moved by one where rounding put a value on the wrong
    side of an edge.
    """
    n_features = len(largest)
    owner = np.repeat(np.arange(n_features), block.counts)
    value, top = block.rows.activation.astype(np.float64), largest.astype(np.float64)
    guess = np.minimum((value / top[owner] * BINS).astype(np.int64), BINS - 1)
    edges = np.linspace(0.0, top, BINS + 1, axis=1)
    guess -= value < edges[owner, guess]
    guess += (value >= edges[owner, guess + 1]) & (guess < BINS - 1)
    counts = np.bincount(owner * BINS + guess, minlength=n_features * BINS)
    return counts.reshape(n_features, BINS).astype(np.uint32)


def ranges(starts: np.ndarray, lengths: np.ndarray) -> Int64[np.ndarray, " total"]:
    """``arange(start, start + length)`` of every pair, one after another."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)


def rank_within(group: np.ndarray) -> Int64[np.ndarray, " n"]:
    """0, 1, 2, … within every run of equal values."""
    if not len(group):
        return np.empty(0, np.int64)
    begin = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    lengths = np.diff(np.append(begin, len(group)))
    return np.arange(len(group)) - np.repeat(begin, lengths)
