"""Tokenizers of every spelling: the pieces of a text, joined, are the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from jobs.corpus.grammar import VOCABULARY
from jobs.model.tiny.made import word_tokenizer
from jobs.model.tokenizer import TextTokenizer, start_token


def byte_level() -> TextTokenizer:
    """GPT-2's alphabet of bytes, two merges, and a special token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: n for n, letter in enumerate(alphabet)} | {"th": 256, "Ġt": 257}
    backend = Backend(models.BPE(vocabulary, [("t", "h"), ("Ġ", "t")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    return TextTokenizer(fast, start_token(fast))


def sentencepiece() -> TextTokenizer:
    """``▁`` for a space, and bytes for what the vocabulary lacks."""
    words = ["<unk>", "▁", "a", "b", "▁ab", *(f"<0x{byte:02X}>" for byte in range(256))]
    backend = Backend(
        models.BPE(
            {word: n for n, word in enumerate(words)} | {"ab": len(words)},
            [("a", "b"), ("▁", "ab")], byte_fallback=True, unk_token="<unk>",
        )
    )  # fmt: skip
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return TextTokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>"), None)


BYTES, PIECES = byte_level(), sentencepiece()
WORDS = TextTokenizer(word_tokenizer(), 0)


@given(st.text(max_size=30).filter(lambda text: "\ufffd" not in text))
def test_pieces_join_to_the_text(text: str) -> None:
    ids = BYTES.encode(text)
    assert "".join(BYTES.pieces(ids)) == BYTES.decode(ids) == text
    assert len(BYTES.pieces(ids)) == len(ids)
    if "▁" not in text:
        assert PIECES.decode(PIECES.encode(text)) == text


def test_a_character_of_several_tokens_stands_at_the_last() -> None:
    ids = BYTES.encode("thé €")
    assert BYTES.pieces(ids) == ["th", "", "é", " ", "", "", "€"]
    assert [BYTES.token(id) for id in ids] == [
        "th", "\\xc3", "\\xa9", " ", "\\xe2", "\\x82", "\\xac"
    ]  # fmt: skip


def test_a_document_that_ends_within_a_character() -> None:
    ids = BYTES.encode("a€")
    assert BYTES.pieces(ids[:-1]) == ["a", "", "\ufffd"]
    assert BYTES.pieces([*ids[:2], *BYTES.encode("b")]) == ["a", "", "\ufffdb"]


def test_byte_tokens_of_sentencepiece() -> None:
    ids = PIECES.encode("é ab")
    assert PIECES.pieces(ids) == ["", "é", " ab"]


def test_words() -> None:
    text = " the sailors steer the boat ."
    ids = WORDS.encode(text)
    assert WORDS.pieces(ids) == [" the", " sailors", " steer", " the", " boat", " ."]
    assert WORDS.decode([0, *ids]) == "<bos>" + text
    assert WORDS.encode("zeppelin") == [VOCABULARY.index("<unk>")]
    assert WORDS.encode_batch([text, ""]) == [ids, []]


def test_ids_out_of_range_are_shown_as_such() -> None:
    assert WORDS.token(10_000) == "<10000>"
    assert WORDS.pieces([2, 10_000]) == [" .", ""]


@pytest.mark.parametrize(
    ("special", "expected"),
    [
        ({"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}, "<|endoftext|>"),
        ({"bos_token": "<s>", "eos_token": "<s>"}, "<s>"),
        ({"bos_token": "<s>", "eos_token": "</s>"}, None),
        ({}, None),
    ],
)
def test_what_a_document_starts_with(special: dict[str, str], expected: str | None) -> None:
    backend = Backend(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", **special)
    found = start_token(fast)
    assert (None if found is None else fast.convert_ids_to_tokens(found)) == expected


def test_a_tokenizer_that_puts_bos_itself() -> None:
    from tokenizers.processors import TemplateProcessing

    backend = Backend(models.WordLevel({"a": 0, "<s>": 1, "<|endoftext|>": 2}))
    backend.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>")
    assert start_token(fast) == 1
    assert TextTokenizer(fast, 1).encode("a") == [0]  # packing puts BOS, not the tokenizer
