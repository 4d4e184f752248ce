"""Which activations a feature page shows: the strongest, then samples from all the way down.

The strongest alone make a feature look cleaner than it is, so each fifth of its activations gives
samples too. No document is shown twice for a feature.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64

from jobs.dictionary.profile.statistics import BLOCK, SortedRows, ranges, rank_within

BANDS = 5
"""Equal shares of a feature's activations to sample from."""
PER_BAND = 2
"""Samples kept from each share."""
_TRIES = 8
"""Rows drawn from a share, so that repeated documents can be passed over."""
_LOOK = 8
"""How many times more rows than needed are searched for distinct documents at first."""


class Examples(NamedTuple):
    """Chosen rows, in order of feature and rank."""

    row: Int64[np.ndarray, " n"]
    """Index into the sorted rows."""
    feature: Int64[np.ndarray, " n"]
    """Feature, counted from the first of the block."""
    rank: Int64[np.ndarray, " n"]
    """0 is the strongest; samples follow the strongest."""
    quantile: Float32[np.ndarray, " n"]
    """NaN for the strongest; else the middle of the share sampled, e.g. 0.9 for the top fifth."""


def choose_examples(block: SortedRows, top: int, seed: int) -> Examples:
    """The `top` strongest activations of each feature, one a document, then `PER_BAND` samples
    from each fifth of its activations, from documents not shown yet.

    The features of `block` lie in one block of features. What a feature gets depends on its rows
    and the seed, not on which features are sorted along with it.
    """
    strongest, owner = _strongest(block, top)
    sampled, sampled_owner, band = _samples(block, top, seed)
    row = np.concatenate([strongest, sampled])
    feature = np.concatenate([owner, sampled_owner])
    band = np.concatenate([np.full(len(strongest), -1), band])
    order = np.lexsort((np.arange(len(row)), band, feature))
    row, feature, band = row[order], feature[order], band[order]
    new = _first_of_document(feature, block.rows.doc[row])
    row, feature, band = row[new], feature[new], band[new]
    wanted = (band < 0) | (rank_within(feature * (BANDS + 1) + band + 1) < PER_BAND)
    row, feature, band = row[wanted], feature[wanted], band[wanted]
    quantile = np.where(band < 0, np.nan, 1 - (band + 0.5) / BANDS).astype(np.float32)
    return Examples(row, feature, rank_within(feature), quantile)


def _strongest(block: SortedRows, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and features of the strongest activations, one a document, strongest first."""
    counts = block.counts
    look = np.minimum(counts, _LOOK * top)
    everyone = np.arange(len(counts))
    row, owner = _distinct(block, everyone, look, top)
    found = np.bincount(owner, minlength=len(counts))
    short = (found < top) & (counts > look)  # fires many times in few documents: look at all
    if short.any():
        settled = ~short[owner]
        more_row, more_owner = _distinct(block, everyone[short], counts[short], top)
        row = np.concatenate([row[settled], more_row])
        owner = np.concatenate([owner[settled], more_owner])
    return row, owner


def _distinct(
    block: SortedRows, features: np.ndarray, look: np.ndarray, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """Among the first `look` rows of each feature, the first `top` of distinct documents."""
    row = ranges(block.starts[features], look)
    owner = np.repeat(features, look)
    new = _first_of_document(owner, block.rows.doc[row])
    row, owner = row[new], owner[new]
    keep = rank_within(owner) < top
    return row[keep], owner[keep]


def _samples(block: SortedRows, top: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, features and bands of random rows, `_TRIES` from every band of every feature that
    fires more often than its strongest can show.
    """
    counts = block.counts
    features = np.flatnonzero(counts > top)
    random = np.random.default_rng([seed, block.first // BLOCK])
    chance = random.random((BLOCK, BANDS, _TRIES))[block.first % BLOCK + features]
    share = (np.arange(BANDS)[:, None] + chance) / BANDS
    depth = (share * counts[features, None, None]).astype(np.int64)
    depth = np.minimum(depth, counts[features, None, None] - 1)
    row = block.starts[features, None, None] + depth
    owner = np.broadcast_to(features[:, None, None], row.shape)
    band = np.broadcast_to(np.arange(BANDS)[None, :, None], row.shape)
    return row.ravel(), owner.ravel(), band.ravel()


def _first_of_document(feature: np.ndarray, doc: np.ndarray) -> np.ndarray:
    """Indices, ascending, of the first row of every (feature, document)."""
    key = feature.astype(np.int64) << 32 | doc.astype(np.int64)
    return np.sort(np.unique(key, return_index=True)[1])
