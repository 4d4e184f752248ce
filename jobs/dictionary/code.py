"""A sparse code: which features fire on which activation, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F


class SparseCode(NamedTuple):
    """Feature activations of a batch, entry by entry, rows one after another (CSR).

    Row b owns the entries ``offsets[b]:offsets[b + 1]``; how many that are may differ by row.
    """

    offsets: Int64[Tensor, " batch+1"]
    """Where each row's entries start; the last is their number n."""
    indices: Int64[Tensor, " n"]
    """Feature of each entry; a feature appears at most once in a row."""
    values: Float[Tensor, " n"]
    """Its activation, above zero once `Dictionary.sparse` returns it."""

    def rows(self) -> Int64[Tensor, " n"]:
        """The batch row of each entry."""
        counts = self.offsets.diff()
        rows = torch.arange(len(counts), device=counts.device)
        return rows.repeat_interleave(counts, output_size=len(self.indices))

    def dense(self, d_sae: int) -> Float[Tensor, "batch d_sae"]:
        """The same as a matrix, zero where nothing fires."""
        filled = self.values.new_zeros(len(self.offsets) - 1, d_sae)
        filled[self.rows(), self.indices] = self.values
        return filled

    def take(self, rows: Int64[Tensor, " b"]) -> SparseCode:
        """The code of some rows, which may repeat."""
        counts = self.offsets.diff()[rows]
        offsets = offsets_of(counts)
        entries = torch.arange(int(offsets[-1]), device=rows.device)
        entries += (self.offsets[rows] - offsets[:-1]).repeat_interleave(counts)
        return SparseCode(offsets, self.indices[entries], self.values[entries])

    def split(self, rows: int) -> list[SparseCode]:
        """The code of `rows` rows after another; of fewer at the end."""
        edges = self.offsets[:-1:rows].tolist()
        begins = zip(edges, [*edges[1:], len(self.indices)], strict=True)
        return [
            SparseCode(
                self.offsets[part * rows : (part + 1) * rows + 1] - low,
                self.indices[low:high],
                self.values[low:high],
            )
            for part, (low, high) in enumerate(begins)
        ]

    def times(self, rows: Float[Tensor, "d_sae d"]) -> Float[Tensor, "batch d"]:
        """Σ_i f_i rows_i for every batch row: the sparse product f·W."""
        return F.embedding_bag(
            self.indices,
            rows,
            self.offsets,
            mode="sum",
            per_sample_weights=self.values,
            include_last_offset=True,
        )


def from_mask(values: Float[Tensor, "batch d_sae"], mask: Tensor) -> SparseCode:
    """The entries of `values` where `mask` holds, features ascending within a row."""
    counts = mask.sum(1)
    return SparseCode(offsets_of(counts), mask.nonzero()[:, 1], values[mask])


def joined(codes: Sequence[SparseCode]) -> SparseCode:
    """The rows of all, one code after another."""
    counts = torch.cat([code.offsets.diff() for code in codes])
    indices, values = (torch.cat([code[i] for code in codes]) for i in (1, 2))
    return SparseCode(offsets_of(counts), indices, values)


def from_columns(
    indices: Int64[Tensor, "batch k"], values: Float[Tensor, "batch k"], positive: bool = False
) -> SparseCode:
    """k entries a row; with `positive`, only those above zero."""
    if positive:
        mask = values > 0
        return SparseCode(offsets_of(mask.sum(1)), indices[mask], values[mask])
    batch, k = indices.shape
    offsets = torch.arange(0, batch * k + 1, k, device=indices.device)
    return SparseCode(offsets, indices.reshape(-1), values.reshape(-1))


def stacked(codes: Sequence[SparseCode]) -> SparseCode | None:
    """`joined`; None where there is no code."""
    return joined(codes) if codes else None


def offsets_of(counts: Int64[Tensor, " batch"]) -> Int64[Tensor, " batch+1"]:
    """Row starts from row lengths."""
    return F.pad(counts.cumsum(0), (1, 0))
