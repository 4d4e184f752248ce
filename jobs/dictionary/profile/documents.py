"""Which documents a profile reads, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Int32, Int64

BLOCK = 1024
"""Documents in a block: `activations_by_doc` is stored by ``doc // BLOCK``."""
_FEW_BLOCKS = 256
"""A profile touches at most this many document blocks, unless it needs more to be full: a huge
corpus must not give a thousand parts of one document each."""
_CHUNK_TOKENS = 32_768


class Corpus(Protocol):
    """What is asked of a corpus."""

    @property
    def n_documents(self) -> int:
        """Number of documents."""

    def documents(self, split: str) -> np.ndarray:
        """Ids of the documents of a split."""

    def tokens(self, docs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Token ids, padded, and a mask that is true on tokens."""


class Reading(NamedTuple):
    """The documents of a profile, ascending, held in memory (four bytes a token)."""

    docs: Int64[np.ndarray, " n"]
    held_out: Bool[np.ndarray, " n"]
    """Whether a document belongs to the held-out split."""
    probe: Bool[np.ndarray, " n"]
    """Held-out documents on which cross-entropy and the random dictionary are measured."""
    lengths: Int64[np.ndarray, " n"]
    """Tokens of a document."""
    tokens: Int32[np.ndarray, "n context"]
    """Token ids, zero behind the end."""

    def chunks(self, limit: int = _CHUNK_TOKENS) -> Iterator[slice]:
        """Runs of documents that are read and saved at a time: within one block of documents and
        of at most `limit` tokens (but at least one document).
        """
        begin, held = 0, 0
        for index, (doc, length) in enumerate(zip(self.docs, self.lengths, strict=True)):
            full = held + length > limit or doc // BLOCK != self.docs[begin] // BLOCK
            if index > begin and full:
                yield slice(begin, index)
                begin, held = index, 0
            held += length
        if len(self.docs):
            yield slice(begin, len(self.docs))

    def token_at(self, doc: np.ndarray, pos: np.ndarray) -> Int32[np.ndarray, " n"]:
        """Token ids at positions of documents."""
        return self.tokens[np.searchsorted(self.docs, doc), pos]


class _Drawn(NamedTuple):
    docs: np.ndarray
    lengths: np.ndarray
    tokens: list[np.ndarray]


def choose_documents(
    corpus: Corpus, tokens: int, probe_tokens: int, mean_length: float, seed: int
) -> Reading:
    """Held-out documents until `tokens` tokens are reached, then training ones.

    Within a split, documents are drawn at random from all over the corpus. The first held-out
    documents drawn, until they hold `probe_tokens` tokens, are the probe.

    Args:
        corpus: where documents come from.
        tokens: tokens to profile.
        probe_tokens: tokens of the probe.
        mean_length: tokens in a document of this corpus, about.
        seed: of the draw.
    """
    blocks = _spread(corpus.n_documents, max(_FEW_BLOCKS, int(4 * tokens / mean_length / BLOCK)))
    held_out = _draw(corpus, "held_out", tokens, mean_length, blocks, seed)
    left = tokens - int(held_out.lengths.sum())
    train = _draw(corpus, "train", left, mean_length, blocks, seed)
    drawn = _Drawn(
        np.concatenate([held_out.docs, train.docs]),
        np.concatenate([held_out.lengths, train.lengths]),
        held_out.tokens + train.tokens,
    )
    is_held_out = np.arange(len(drawn.docs)) < len(held_out.docs)
    before = np.cumsum(drawn.lengths) - drawn.lengths
    return _arrange(drawn, is_held_out, is_held_out & (before < probe_tokens))


def _spread(n_documents: int, wanted: int) -> np.ndarray:
    """At most `wanted` blocks of documents, evenly over the corpus."""
    there = -(-n_documents // BLOCK)
    return np.unique(np.linspace(0, there - 1, min(wanted, there)).round().astype(np.int64))


def _draw(
    corpus: Corpus, split: str, wanted: int, mean_length: float, blocks: np.ndarray, seed: int
) -> _Drawn:
    """Documents of a split in random order, until they hold `wanted` tokens or run out."""
    ids = np.asarray(corpus.documents(split), np.int64)
    ids = ids[np.isin(ids // BLOCK, blocks)]
    ids = np.random.default_rng([seed, len(split)]).permutation(ids)
    docs, lengths, tokens, total = [], [], [], 0
    while total < wanted and len(ids):
        some = max(1, int((wanted - total) / mean_length * 1.05))
        batch, ids = ids[:some], ids[some:]
        for doc, row in zip(batch, _rows(corpus, batch), strict=True):
            if total >= wanted:
                break
            docs.append(doc)
            lengths.append(len(row))
            tokens.append(row)
            total += len(row)
    return _Drawn(np.array(docs, np.int64), np.array(lengths, np.int64), tokens)


def _rows(corpus: Corpus, docs: np.ndarray) -> list[np.ndarray]:
    """The tokens of each of `docs`; read in ascending order, which files like better."""
    order = np.argsort(docs)
    ids, mask = (np.asarray(part) for part in corpus.tokens(docs[order]))
    lengths = mask.sum(axis=1)
    rows: list[np.ndarray] = [np.empty(0, np.int32)] * len(docs)
    for place, row, length in zip(order, ids, lengths, strict=True):
        rows[place] = row[:length].astype(np.int32)
    return rows


def _arrange(drawn: _Drawn, held_out: np.ndarray, probe: np.ndarray) -> Reading:
    """Ascending by document, tokens in one padded array."""
    order = np.argsort(drawn.docs)
    longest = int(drawn.lengths.max(initial=1))
    tokens = np.zeros((len(order), longest), np.int32)
    for place, index in enumerate(order):
        tokens[place, : drawn.lengths[index]] = drawn.tokens[index]
    return Reading(drawn.docs[order], held_out[order], probe[order], drawn.lengths[order], tokens)
