"""Products of all rows with all others in the numbers that the hardware multiplies fastest: they
tell who may be near, not how near.

Bytes where the processor has the instructions for them, twice as fast as bfloat16: rows of length
one are turned by a random rotation first, after which every coordinate is about a draw of N(0, 1/d)
whatever coordinates stood out before, so that one scale, 127 steps to five standard deviations,
serves them all. A cosine is then off by .0006 at d = 768, less than bfloat16 rounds it by. The
choice depends on the hardware and on n alone, never on a timing.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int8
from torch import Tensor

from jobs.dictionary.precision import encoder_precision

_REACH = 5.0
"""Standard deviations of a coordinate that a byte holds."""
_WORTH = 1 << 14
"""Rows below which turning them takes longer than it saves."""
_BLOCK = 1 << 14
_SEED = 0


class Coarse:
    """Products in the precision of `rows` and `table`."""

    def __init__(self, rows: Tensor, table: Tensor, exact: bool = True) -> None:
        self.rows, self.table, self.exact = rows, table, exact
        self.n = len(table)
        whole = rows.dtype == torch.int8
        self._result = torch.int32 if whole else rows.dtype
        self.least = torch.iinfo(torch.int32).min if whole else -torch.inf
        """Below every product."""
        # One place for all of them: fresh memory of that size costs as much as filling it.
        self._place = torch.empty(0, dtype=self._result, device=table.device)

    def product(self, some: slice, columns: slice) -> Float[Tensor, "b c"]:
        """Of some rows with some of the table's; the next call overwrites it."""
        rows, table = self.rows[some], self.table[columns].T
        size = len(rows) * table.shape[1]
        if size > len(self._place):
            self._place = self._place.new_empty(size)
        place = self._place[:size].view(len(rows), table.shape[1])
        if rows.dtype == torch.int8:
            return torch._int_mm(rows, table, out=place)
        return torch.mm(rows, table, out=place)


def coarse(queries: Float[Tensor, "q d"] | None, unit: Float[Tensor, "n d"]) -> Coarse:
    """Of `queries` with the rows of `unit`, all of length one; or of these with each other."""
    device = unit.device
    if device.type == "cpu" and len(unit) >= _WORTH and torch.cpu._is_vnni_supported():
        turn = rotation(unit.shape[1])
        table = as_bytes(unit, turn)
        return Coarse(table if queries is None else as_bytes(queries, turn), table, False)
    if encoder_precision(str(device)) == "bfloat16":
        table = unit.bfloat16()
        return Coarse(table if queries is None else queries.bfloat16(), table, False)
    return Coarse(unit if queries is None else queries, unit)


def rotation(d: int) -> Float[Tensor, "d d"]:
    """A random orthogonal matrix, always the same."""
    drawn = torch.randn(d, d, generator=torch.Generator().manual_seed(_SEED))
    return torch.linalg.qr(drawn).Q


def as_bytes(unit: Float[Tensor, "n d"], turn: Float[Tensor, "d d"]) -> Int8[Tensor, "n d"]:
    """Rows of length one, turned, in steps of 5/(127·√d)."""
    found = torch.empty(unit.shape, dtype=torch.int8)
    scale = 127 / _REACH * unit.shape[1] ** 0.5
    for begin in range(0, len(unit), _BLOCK):
        some = slice(begin, begin + _BLOCK)
        found[some] = (unit[some] @ turn).mul_(scale).round_().clamp_(-127, 127)
    return found
