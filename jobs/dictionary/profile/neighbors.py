"""Nearest features by decoder direction, and how often such pairs fire together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary.code import SparseCode

_BLOCK = 1024
"""Rows of the similarity matrix held at once."""
_ENTRIES = 1 << 18
"""Entries of a code that are looked up at once."""


class Neighbors(NamedTuple):
    """For each of m features its n nearest others."""

    other: Int64[Tensor, "m n"]
    cosine: Float[Tensor, "m n"]
    """Cosine of the decoder directions, falling along a row."""


def nearest(W_dec: Float[Tensor, "m d"], n: int) -> Neighbors:
    """The `n` features (fewer in a smaller dictionary) whose decoder rows point most alike.

    Works through the m×m cosines in blocks of rows, so memory grows with m, not m².
    A row of zeros has cosine 0 with everything.
    """
    unit = torch.nn.functional.normalize(W_dec.float(), dim=1)
    n = min(n, len(unit) - 1)
    others, cosines = [], []
    for begin in range(0, len(unit), _BLOCK):
        rows = unit[begin : begin + _BLOCK]
        cosine = rows @ unit.T
        index = torch.arange(len(rows), device=unit.device)
        cosine[index, begin + index] = -torch.inf
        best = cosine.topk(n, dim=1)
        others.append(best.indices)
        cosines.append(best.values.clamp(-1, 1))
    return Neighbors(torch.cat(others), torch.cat(cosines))


def count_together(code: SparseCode, other: Int64[Tensor, "m n"]) -> Int64[Tensor, "m n"]:
    """On how many tokens of a batch each feature fires together with each of its neighbours.

    Makes a table of batch × m booleans, so keep the batch to a few thousand tokens.
    """
    m, n = other.shape
    token = code.rows()
    fires = torch.zeros((len(code.offsets) - 1) * m, dtype=torch.bool, device=other.device)
    fires[token * m + code.indices] = True
    together = torch.zeros(m, n, dtype=torch.int32, device=other.device)
    for some, feature in zip(token.split(_ENTRIES), code.indices.split(_ENTRIES), strict=True):
        both = fires[some[:, None] * m + other[feature]]
        together.index_add_(0, feature, both.int())
    return together.long()


def jaccard(
    together: Int64[np.ndarray, "m n"], fired: Int64[np.ndarray, " m"], other: np.ndarray
) -> Float[np.ndarray, "m n"]:
    """|A ∩ B| / |A ∪ B| over the tokens on which two features fire; NaN where neither ever does."""
    union = fired[:, None] + fired[other] - together
    with np.errstate(invalid="ignore"):
        return np.where(union > 0, together / np.maximum(union, 1), np.nan)
