"""Texts of token ids to documents: packed one after another, or each kept apart.

Every token of every text is in exactly one document, in its order. A document starts with BOS
where there is one; in packed documents BOS also stands between two texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jobs.corpus.split import Split


class Document(NamedTuple):
    """What the model reads in one go."""

    tokens: list[int]
    split: Split
    source: str
    """Where its first text came from."""
    origins: list[int]
    """For each token, its position in the source text's tokens, or -1 for BOS."""
    texts: list[int]
    """For each token, the number of its text (for BOS, of the text that follows)."""


class Packer:
    """Gathers the texts of one split into documents of at most `context` tokens."""

    def __init__(self, split: Split, context: int, bos: int | None, packing: bool) -> None:
        if context < (2 if bos is not None else 1):
            raise ValueError("a document must hold BOS and one more token")
        self.split, self.context, self.bos, self.packing = split, context, bos, packing
        self._open = _empty(split)
        self.taken = 0
        """Tokens put into documents so far, BOS included."""

    def open_texts(self) -> set[int]:
        """Numbers of the texts that the open document holds a part of."""
        return set(self._open.texts)

    def overhead(self, tokens: int) -> int:
        """BOS tokens among the next `tokens` tokens, if they are all of one text."""
        if self.bos is None or tokens <= 0:
            return 0
        room = self.context - len(self._open.tokens) if self.packing else self.context
        room = self.context if room < 2 else room
        return 1 if tokens <= room else 1 + -(-(tokens - room) // self.context)

    def add(self, text: int, tokens: list[int], source: str) -> Iterator[Document]:
        """Takes the tokens of text number `text`; yields the documents that are full now."""
        if not tokens:
            return
        if not self.packing:
            yield from self.flush()
        room = self.context - len(self._open.tokens)
        if self._open.tokens and room < (1 if self.bos is None else 2):
            yield from self.flush()
        self._start(text, source)
        at = 0
        while at < len(tokens):
            if len(self._open.tokens) == self.context:
                yield from self.flush()
                self._start(text, source)
            take = min(self.context - len(self._open.tokens), len(tokens) - at)
            self._open.tokens.extend(tokens[at : at + take])
            self._open.origins.extend(range(at, at + take))
            self._open.texts.extend([text] * take)
            self.taken += take
            at += take

    def flush(self) -> Iterator[Document]:
        """Yields the document that is open, if it holds anything."""
        if self._open.tokens:
            done, self._open = self._open, _empty(self.split)
            yield done

    def _start(self, text: int, source: str) -> None:
        """BOS before a text or before the part of it that a new document begins with."""
        if not self._open.tokens:
            self._open = self._open._replace(source=source)
        if self.bos is not None:
            self._open.tokens.append(self.bos)
            self._open.origins.append(-1)
            self._open.texts.append(text)
            self.taken += 1


def _empty(split: Split) -> Document:
    return Document([], split, "", [], [])
