"""The largest entries of a whole batch, exactly as many as asked for.

A block of columns whose largest entry is below the bound holds nothing that is chosen, so only few
blocks are looked at twice. The bound is the `total`-th largest of the blocks' maxima: each maximum
is an entry itself, so no more than `total` entries lie above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.code import SparseCode, offsets_of

BLOCK = 16
"""Columns in a block."""


class BatchTop(NamedTuple):
    """What `batch_top_k` chose."""

    code: SparseCode
    """The entries, features ascending within a row."""
    cutoff: Float[Tensor, ""]
    """The smallest of them; 0 where none is above zero."""


def batch_top_k(x: Float[Tensor, "batch m"], total: int) -> BatchTop:
    """The `total` largest entries of `x` that are above zero; fewer where it has fewer. Among equal
    values at the cutoff the first ones stay, row by row.
    """
    row, column, values = _candidates(x, total)
    return _cut(row, column, values, total, len(x), x.dtype)


def joined(parts: Sequence[BatchTop], total: int) -> BatchTop:
    """`batch_top_k` of rows that were looked at in `parts`, one after another: each part's `total`
    largest hold all that may stay.
    """
    rows, begin = [], 0
    for part in parts:
        rows.append(part.code.rows() + begin)
        begin += len(part.code.offsets) - 1
    values = torch.cat([part.code.values for part in parts])
    columns = torch.cat([part.code.indices for part in parts])
    return _cut(torch.cat(rows), columns, _wide(values), total, begin, values.dtype)


def _cut(
    row: Tensor, column: Tensor, values: Tensor, total: int, batch: int, dtype: torch.dtype
) -> BatchTop:
    """The `total` largest of entries in reading order."""
    if len(values) > total:
        cutoff = kth_largest(values, total)
        above, equal = values > cutoff, values == cutoff
        keep = above | (equal & (equal.cumsum(0) <= total - above.sum()))
        row, column, values = row[keep], column[keep], values[keep]
    elif len(values):
        cutoff = values.min()
    else:
        cutoff = values.new_zeros(())
    counts = torch.bincount(row, minlength=batch)
    return BatchTop(SparseCode(offsets_of(counts), column, values.to(dtype)), cutoff)


def _candidates(x: Tensor, total: int) -> tuple[Tensor, Tensor, Tensor]:
    """Row, column and value of every entry that may be among the `total` largest, in reading order;
    values at least in float32.
    """
    m = x.shape[1]
    n = m // BLOCK
    if n * len(x) <= total:
        row, column = (x > 0).nonzero(as_tuple=True)
        return row, column, _wide(x[row, column])
    # Block j holds the columns j, j + n, j + 2n, …; those beyond 16n are always looked at.
    blocks = x[:, : n * BLOCK].unflatten(1, (BLOCK, n))
    maxima = blocks.amax(1)
    bound = kth_largest(_wide(maxima.flatten()), total).to(x.dtype)
    row, block = ((maxima >= bound) & (maxima > 0)).nonzero(as_tuple=True)
    inside = blocks[row, :, block]
    which, place = ((inside >= bound) & (inside > 0)).nonzero(as_tuple=True)
    flat = row[which] * m + place * n + block[which]
    beyond = x[:, n * BLOCK :]
    late, column = ((beyond >= bound) & (beyond > 0)).nonzero(as_tuple=True)
    flat = torch.cat((flat, late * m + n * BLOCK + column)).sort().values
    row, column = flat // m, flat % m
    return row, column, _wide(x[row, column])


def kth_largest(values: Float[Tensor, " n"], k: int) -> Float[Tensor, ""]:
    """The `k`-th largest of n ≥ k numbers.

    CUDA's ``kthvalue`` gives a whole vector to one block of threads and is slower than sorting
    (pytorch/pytorch#75599); its ``topk`` gives a long one to many.
    """
    if values.device.type == "cuda":
        return values.topk(k, sorted=False).values.amin()
    return values.kthvalue(len(values) - k + 1).values


def _wide(values: Tensor) -> Tensor:
    return values.float() if values.dtype == torch.bfloat16 else values
