"""The k largest positive entries of every row: exact, and quicker than `torch.topk` on wide rows.

Columns are dealt into blocks; the k largest of a row lie in the k blocks with the largest maxima,
and none is below the k-th of these maxima, so few entries are left to sort. Positive floats order
like the integers that share their bits, which are quicker to compare. Ties are broken by column,
never by chance: an integer key, unique in its row, orders by value and then by position.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.code import SparseCode, from_columns, offsets_of


def top_k(x: Float[Tensor, "batch m"], k: int) -> SparseCode:
    """The `k` largest entries of each row that are above zero, largest first; fewer where a row
    has fewer. `x` is float32 or bfloat16 without NaN (float64 works too,
    slowly and with `torch.topk`'s own way with ties).

    Among equal values the one first in *dealing order* wins: column c comes before c′ when
    (c mod n, c) < (c′ mod n, c′), n being the number of blocks (m, so plain column order, where
    rows are too short for blocks to pay). Equal inputs give equal results on any device.
    """
    m = x.shape[1]
    if x.dtype == torch.float64:
        values, indices = x.topk(k)
        return from_columns(indices, values, positive=True)
    bits = x.contiguous().view(_integers(x.dtype))
    block = _block_size(m, k)
    if block == 1:
        keys = _keys(bits, torch.arange(m, device=x.device), m)
        return _from_keys(keys.topk(k).values, x.dtype, m, m, 1)
    return _blocked(bits, k, block, x.dtype)


def top_k_of(x: Float[Tensor, "... m"], k: int) -> Float[Tensor, "... m"]:
    """`x` with zero where `top_k` does not choose; differentiable."""
    flat = x.reshape(-1, x.shape[-1])
    code = top_k(flat.detach(), k)
    mask = torch.zeros_like(flat)
    mask[code.rows(), code.indices] = 1
    return (flat * mask).reshape(x.shape)


def _blocked(bits: Tensor, k: int, block: int, dtype: torch.dtype) -> SparseCode:
    batch, m = bits.shape
    n = m // block
    dealt = n * block  # the columns beyond fill no block: they are always searched
    rows = bits[:, :dealt].unflatten(1, (block, n))
    ranked = _keys(rows.amax(1), torch.arange(n, device=bits.device), n).topk(k).values
    chosen = _position(ranked, dtype, n)
    least = _bits(ranked[:, -1:], dtype, n).clamp_min(1)
    inside = rows.gather(2, chosen[:, None, :].expand(-1, block, -1)).flatten(1)
    row, place = (inside >= least).nonzero(as_tuple=True)
    value = inside[row, place]
    position = chosen[row, place % k] * block + place // k
    keys = _keys(value, position, m)
    table = _pad(keys, torch.bincount(row, minlength=batch), k)
    if dealt < m:
        beyond = torch.arange(dealt, m, device=bits.device)
        table = torch.cat((table, _keys(bits[:, dealt:], beyond, m)), 1)
    return _from_keys(table.topk(k).values, dtype, m, n, block)


def _pad(keys: Tensor, counts: Tensor, least: int) -> Tensor:
    """Ragged rows of keys as a table, filled up with zeros, at least `least` wide."""
    offsets = offsets_of(counts)
    width = max(least, int(counts.max()))
    table = keys.new_zeros(len(counts), width)
    row = torch.arange(len(counts), device=keys.device).repeat_interleave(
        counts, output_size=len(keys)
    )
    table[row, torch.arange(len(keys), device=keys.device) - offsets[row]] = keys
    return table


def _from_keys(keys: Tensor, dtype: torch.dtype, m: int, n: int, block: int) -> SparseCode:
    position = _position(keys, dtype, m)
    column = torch.where(position < n * block, (position % block) * n + position // block, position)
    return from_columns(column, _bits(keys, dtype, m).view(dtype), positive=True)


def _block_size(m: int, k: int) -> int:
    """Columns in a block: about where searching maxima and searching blocks cost the same."""
    block = 2 ** round(math.log2(math.sqrt(4 * m / k)))
    return block if block > 1 and m // block >= 2 * k else 1


def _integers(dtype: torch.dtype) -> torch.dtype:
    return {torch.bfloat16: torch.int16, torch.float32: torch.int32}[dtype]


def _packing(dtype: torch.dtype, m: int) -> tuple[torch.dtype, int]:
    """Integer type of a key and the bits it gives to the position."""
    small = dtype in (torch.bfloat16, torch.int16) and m <= 1 << 16
    return (torch.int32, 16) if small else (torch.int64, 32)


def _keys(bits: Tensor, position: Tensor, m: int) -> Tensor:
    """Integers that order like (value, −position); nothing at or below zero has its own value."""
    kind, shift = _packing(bits.dtype, m)
    last = (1 << shift) - 1
    return (bits.clamp_min(0).to(kind) << shift) | (last - position).to(kind)


def _position(keys: Tensor, dtype: torch.dtype, m: int) -> Tensor:
    last = (1 << _packing(dtype, m)[1]) - 1
    return (last - (keys & last)).long()


def _bits(keys: Tensor, dtype: torch.dtype, m: int) -> Tensor:
    return (keys >> _packing(dtype, m)[1]).to(_integers(dtype))
