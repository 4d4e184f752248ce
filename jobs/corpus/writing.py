"""Writes a corpus's documents and latents as Parquet, a few thousand documents at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from jobs.corpus.packing import Document
from store import write_rows

if TYPE_CHECKING:
    from jobs.model.tokenizer import Tokenizer

DOCUMENTS_A_FILE = 32_768
"""Eight row groups of documents in a file."""


class DocumentWriter:
    """Gathers documents and writes ``documents-*.parquet`` and ``latents-*.parquet``."""

    def __init__(self, folder: Path, corpus: str, tokenizer: Tokenizer) -> None:
        self._folder, self._corpus, self._tokenizer = folder, corpus, tokenizer
        self.documents = 0
        self._part = 0
        self._rows: dict[str, list[Any]] = {}
        self._latents: dict[str, list[Any]] = {}
        self._clear()

    def __enter__(self) -> DocumentWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()

    def write(self, document: Document, latents: Mapping[int, list[tuple[str, ...]]]) -> None:
        """Takes one document; `latents` holds, for each of its texts, those of each token."""
        pieces = self._tokenizer.pieces(document.tokens)
        row = {
            "doc": self.documents,
            "tokens": document.tokens,
            "text": "".join(pieces),
            "pieces": pieces,
            "split": document.split,
            "source": document.source,
        }
        for key, value in row.items():
            self._rows[key].append(value)
        if latents:
            self._hold(document, latents)
        self.documents += 1
        if self.documents % DOCUMENTS_A_FILE == 0:
            self._flush()

    def _hold(self, document: Document, latents: Mapping[int, list[tuple[str, ...]]]) -> None:
        for pos, (text, origin) in enumerate(zip(document.texts, document.origins, strict=True)):
            if origin < 0:
                continue
            names = latents[text][origin]
            self._latents["doc"].extend([self.documents] * len(names))
            self._latents["pos"].extend([pos] * len(names))
            self._latents["latent"].extend(names)

    def _flush(self) -> None:
        import pyarrow as pa

        for name, rows in (("documents", self._rows), ("latents", self._latents)):
            if rows["doc"]:
                path = self._folder / f"{name}-{self._part:05d}.parquet"
                write_rows(path, name, pa.table(rows), corpus=self._corpus)
        self._part += 1
        self._clear()

    def _clear(self) -> None:
        self._rows = {key: [] for key in ("doc", "tokens", "text", "pieces", "split", "source")}
        self._latents = {key: [] for key in ("doc", "pos", "latent")}
