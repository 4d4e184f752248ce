"""Activations on their way from document order to feature order, on disk.

While documents are read, rows arrive by document. They are written out piece by piece, each piece
a Parquet file with one row group for every block of features, so that a block is later gathered
by reading only its own row groups: a radix partition, in memory bounded by one piece.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jobs.dictionary.profile.statistics import BLOCK, Rows, concatenate

PIECE = 2_000_000
"""Rows held in memory before a piece is written."""


class Spill:
    """Rows of one dictionary on one run of documents, on their way to disk."""

    def __init__(self, folder: Path, name: str, piece: int = PIECE) -> None:
        self._folder, self._name, self._piece = folder, name, piece
        self._held: list[Rows] = []
        self._size = 0
        self._written = 0

    def add(self, rows: Rows) -> None:
        """Takes the next rows; they come in order of document and position."""
        self._held.append(rows)
        self._size += rows.size
        if self._size >= self._piece:
            self.flush()

    def flush(self) -> None:
        """Writes what is held as the next piece."""
        if self._size:
            path = self._folder / f"{self._name}-{self._written:04d}.parquet"
            write_piece(path, concatenate(self._held))
            self._written += 1
        self._held, self._size = [], 0


def write_piece(path: Path, rows: Rows) -> None:
    """Writes `rows` with one row group a block of features; within it their order is kept."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    block = (rows.feature // BLOCK).astype(np.uint16)
    rows = rows.take(np.argsort(block, kind="stable"))  # stable on 16 bits is a radix sort
    counts = np.bincount(block)
    ends = np.cumsum(counts)
    present = np.flatnonzero(counts)
    schema = pa.schema(
        [
            ("feature", pa.uint32()),
            ("doc", pa.uint32()),
            ("pos", pa.uint16()),
            ("activation", pa.float32()),
        ],
        metadata={"blocks": json.dumps(present.tolist()), "rows": json.dumps(counts.tolist())},
    )
    with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=False) as file:
        for index in present:
            part = rows.take(slice(int(ends[index] - counts[index]), int(ends[index])))
            file.write_table(
                pa.table([pa.array(column) for column in part], schema=schema), len(part.feature)
            )


def read_block(pieces: Sequence[Path], block: int, low: int = 0, high: int = 1 << 32) -> Rows:
    """The rows of features `low` to ``high − 1`` of one block from all `pieces`, in their order."""
    return concatenate([rows for path in pieces for rows in _groups(path, block, low, high)])


def read_piece(path: Path) -> Rows:
    """All rows of a piece, in its own order (by block of features, then document, position)."""
    import pyarrow.parquet as pq

    return _as_rows(pq.read_table(path))


def _groups(path: Path, block: int, low: int, high: int) -> Iterator[Rows]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        present = json.loads(file.schema_arrow.metadata[b"blocks"])
        if block not in present:
            return
        rows = _as_rows(file.read_row_group(present.index(block)))
    whole = low <= block * BLOCK and high >= (block + 1) * BLOCK
    yield rows if whole else rows.take((rows.feature >= low) & (rows.feature < high))


def _as_rows(table) -> Rows:  # type: ignore[no-untyped-def]
    return Rows(*(table.column(name).to_numpy() for name in Rows._fields))


def cut(counts: np.ndarray, limit: int = PIECE) -> list[tuple[int, int]]:
    """Splits features into consecutive ranges [low, high) that hold at most `limit` rows each and
    stay within a block; a feature that alone holds more gets a range of its own.

    Args:
        counts: rows of each feature.
        limit: rows that may be sorted in memory at once.
    """
    ranges: list[tuple[int, int]] = []
    for begin in range(0, len(counts), BLOCK):
        end, low, held = min(begin + BLOCK, len(counts)), begin, 0
        for feature in range(begin, end):
            rows = int(counts[feature])
            if held and held + rows > limit:
                ranges.append((low, feature))
                low, held = feature, 0
            held += rows
        ranges.append((low, end))
    return ranges
