"""Tokenizers: text to ids and back, with the text that each token stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Protocol


class Tokenizer(Protocol):
    """What the rest of the work asks of a tokenizer."""

    bos: int | None
    """Token that a document starts with, and that stands between packed texts; None where the
    model knows no such token.
    """
    d_vocab: int

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without special tokens."""

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of many texts at once, in parallel."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Of every token of `encode`, its first character in `text` and the first behind it."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; equal to ``"".join(pieces(ids))``."""

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The text of each token in context: a character made of several tokens stands at the
        last of them, the others are empty.
        """

    def token(self, id: int) -> str:
        r"""The text of one token alone; bytes that are no character are written ``\xe2``."""

    def vocabulary(self) -> dict[str, int]:
        """Every token, as the vocabulary spells it, with its id."""


class TextTokenizer:
    """`Tokenizer` over a fast tokenizer of ``transformers``."""

    def __init__(self, fast: Any, bos: int | None) -> None:
        self.fast = fast
        self.bos = bos
        self.d_vocab = len(fast)
        self._backend = fast.backend_tokenizer

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without special tokens."""
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of many texts at once, in parallel."""
        found = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [one.ids for one in found]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Of every token of `encode`, its first character in `text` and the first behind it."""
        return list(self._backend.encode(text, add_special_tokens=False).offsets)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`."""
        return "".join(self.pieces(ids))

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The text of each token in context; joined they give the text."""
        raw = [self._bytes[i] if 0 <= i < len(self._bytes) else b"" for i in ids]
        try:
            return [part.decode() for part in raw]
        except UnicodeDecodeError:
            return _whole_characters(raw)

    def token(self, id: int) -> str:
        r"""The text of one token alone; bytes that are no character are written ``\xe2``."""
        if not 0 <= id < len(self._bytes):
            return f"<{id}>"
        return self._bytes[id].decode("utf-8", "backslashreplace")

    def vocabulary(self) -> dict[str, int]:
        """Every token, as the vocabulary spells it, with its id."""
        return dict(self.fast.get_vocab())

    @cached_property
    def _bytes(self) -> list[bytes]:
        """The bytes of every token."""
        vocabulary = self.fast.convert_ids_to_tokens(range(self.d_vocab))
        added = set(self.fast.get_added_vocab())
        spell = _spelling(self._backend.to_str())
        return [
            word.encode() if word in added else spell(word)
            for word in (entry or "" for entry in vocabulary)
        ]


def _whole_characters(raw: list[bytes]) -> list[str]:
    """Bytes of tokens to pieces: what a token completes is written at that token."""
    pieces, pending = [], b""
    for part in raw:
        pending += part
        cut = len(pending) - _unfinished(pending)
        pieces.append(pending[:cut].decode("utf-8", "replace"))
        pending = pending[cut:]
    if pending:
        pieces[-1] += pending.decode("utf-8", "replace")
    return pieces


def _unfinished(text: bytes) -> int:
    """How many bytes at the end begin a character that is not complete."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte & 0xC0 == 0x80:
            continue
        needs = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return back if needs > back else 0
    return 0


def _spelling(definition: str) -> Any:
    """How the vocabulary spells bytes: GPT-2's alphabet, ``▁`` for a space, or whole words."""
    if '"ByteLevel"' in definition:
        alphabet = _byte_alphabet()
        return lambda word: (
            bytes(alphabet[c] for c in word) if all(c in alphabet for c in word) else word.encode()
        )
    if "▁" in definition:
        return _sentencepiece
    return lambda word: b" " + word.encode()


def _sentencepiece(word: str) -> bytes:
    if byte := re.fullmatch(r"<0x([0-9A-Fa-f]{2})>", word):
        return bytes([int(byte[1], 16)])
    return word.replace("▁", " ").encode()


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-in for each byte (openai/gpt-2, encoder.py)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(b): b for b in plain} | {chr(256 + n): b for n, b in enumerate(others)}


def start_token(fast: Any) -> int | None:
    """The token a document should start with, as the model was trained.

    What the tokenizer itself puts before a text; else ``<|endoftext|>``, which stood between texts
    in the training of models such as GPT-2, Pythia, Qwen and SmolLM; else a token that is both
    beginning and end of text; else None.
    """
    first = fast("a").input_ids[:1]
    if first and first[0] == fast.bos_token_id and len(fast("a").input_ids) > 1:
        return int(first[0])
    if "<|endoftext|>" in (vocabulary := fast.get_vocab()):
        return int(vocabulary["<|endoftext|>"])
    if fast.bos_token_id is not None and fast.bos_token_id == fast.eos_token_id:
        return int(fast.bos_token_id)
    return None
