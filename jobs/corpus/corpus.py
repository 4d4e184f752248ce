"""A prepared corpus: documents of token ids, by split, in any order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Bool, Int64

from store.errors import SaetuiError

if TYPE_CHECKING:
    from torch import Tensor

    from store import Workspace

Split = Literal["train", "held_out"]


class Corpus:
    """Documents of one corpus. All token ids are in memory, 2 or 4 bytes each; texts are not."""

    id: str
    model: str
    """Model whose tokenizer made the tokens."""
    context: int
    """Tokens in a full document."""
    n_documents: int
    n_tokens: int

    def __init__(
        self,
        id: str,
        model: str,
        context: int,
        flat: np.ndarray,
        ends: np.ndarray,
        held: np.ndarray,
    ) -> None:
        self.id = id
        self.model = model
        self.context = context
        self._flat, self._ends, self._held = flat, ends, held
        self.n_documents = len(ends) - 1
        self.n_tokens = int(ends[-1])

    def __repr__(self) -> str:
        return f"Corpus({self.id!r}, {self.n_documents} documents, {self.n_tokens} tokens)"

    def documents(self, split: Split | None = None) -> np.ndarray:
        """Ids of the documents of a split (of all, where it is None), ascending, int64."""
        if split is None:
            return np.arange(self.n_documents)
        if split not in ("train", "held_out"):
            raise ValueError(f"a split is train or held_out, not {split!r}")
        return np.flatnonzero(self._held == (split == "held_out"))

    def order(self, split: Split, seed: int, epoch: int = 0) -> np.ndarray:
        """Ids of the documents of a split, shuffled; the same for the same `seed` and `epoch`."""
        digest = hashlib.sha256(f"{self.id}:{split}:{seed}:{epoch}".encode()).digest()
        random = np.random.default_rng(list(digest))
        return random.permutation(self.documents(split))

    def lengths(self, docs: Sequence[int] | np.ndarray) -> np.ndarray:
        """Number of tokens of each document, int64."""
        docs = np.asarray(docs, dtype=np.int64)
        return self._ends[docs + 1] - self._ends[docs]

    def tokens(
        self, docs: Sequence[int] | np.ndarray
    ) -> tuple[Int64[Tensor, "b context"], Bool[Tensor, "b context"]]:
        """Token ids of documents, filled up with zeros at the end, and which of them are real."""
        import torch

        docs = np.asarray(docs, dtype=np.int64)
        out = np.zeros((len(docs), self.context), dtype=np.int64)
        mask = np.arange(self.context) < self.lengths(docs)[:, None]
        for row, doc in enumerate(docs):
            begin, end = self._ends[doc], self._ends[doc + 1]
            out[row, : end - begin] = self._flat[begin:end]
        return torch.from_numpy(out), torch.from_numpy(mask)


def open_corpus(ws: Workspace, id: str) -> Corpus:
    """Opens a corpus of the workspace; raises AskedWrongly, with the nearest ids, if unknown."""
    import pyarrow.parquet as pq

    files = ws.corpus(id)
    flats, counts, held = [], [np.zeros(1, np.int64)], []
    for path in sorted(files.documents):
        try:
            file = pq.ParquetFile(path)
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns=["tokens", "split"])
                lists = rows.column("tokens").combine_chunks()
                flats.append(_small(lists.flatten().to_numpy()))
                counts.append(lists.value_lengths().to_numpy().astype(np.int64))
                held.append(rows.column("split").to_numpy() == "held_out")
        except (OSError, ValueError) as error:
            line = str(error).splitlines()[0]
            raise SaetuiError(
                f"Corpus {id} cannot be read from {path}: {line}; saetui doctor checks the file."
            ) from error
    manifest = files.manifest
    return Corpus(
        id,
        str(manifest["model"]),
        int(manifest["context"]),
        np.concatenate(flats) if flats else np.zeros(0, np.uint32),
        np.cumsum(np.concatenate(counts)),
        np.concatenate(held) if held else np.zeros(0, bool),
    )


def _small(tokens: np.ndarray) -> np.ndarray:
    """In two bytes each where they fit."""
    return tokens.astype(np.uint16 if not len(tokens) or tokens.max() < 1 << 16 else np.uint32)
