"""Packing: every token of every text in exactly one document, in order; BOS where it belongs."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.corpus.packing import Document, Packer
from jobs.corpus.split import SourceText, assign
from store import AskedWrongly

BOS = 99

TEXTS = st.lists(st.lists(st.integers(0, 9), max_size=40), max_size=12)


def packed(texts: list[list[int]], context: int, bos: int | None, packing: bool) -> list[Document]:
    packer = Packer("train", context, bos, packing)
    documents = []
    for number, tokens in enumerate(texts):
        documents += packer.add(number, tokens, f"text {number}")
    return [*documents, *packer.flush()]


def test_an_example() -> None:
    documents = packed([[1, 2, 3], [4, 5, 6, 7]], context=6, bos=BOS, packing=True)
    assert [d.tokens for d in documents] == [[BOS, 1, 2, 3, BOS, 4], [BOS, 5, 6, 7]]
    assert documents[0].source == "text 0" and documents[1].source == "text 1"


def test_an_example_kept_apart() -> None:
    documents = packed([[1, 2, 3], [4, 5, 6, 7]], context=6, bos=BOS, packing=False)
    assert [d.tokens for d in documents] == [[BOS, 1, 2, 3], [BOS, 4, 5, 6, 7]]


@given(TEXTS, st.integers(2, 17), st.sampled_from([BOS, None]), st.booleans())
def test_every_token_once_and_in_order(
    texts: list[list[int]], context: int, bos: int | None, packing: bool
) -> None:
    documents = packed(texts, context, bos, packing)
    found: dict[int, list[int]] = {number: [] for number in range(len(texts))}
    for document in documents:
        for token, origin, text in zip(
            document.tokens, document.origins, document.texts, strict=True
        ):
            if origin >= 0:
                assert origin == len(found[text])  # in order, none twice
                found[text].append(token)
    assert [found[number] for number in range(len(texts))] == texts


@given(TEXTS, st.integers(2, 17), st.booleans())
def test_bos_begins_documents_and_texts_and_nothing_else(
    texts: list[list[int]], context: int, packing: bool
) -> None:
    for document in packed(texts, context, BOS, packing):
        assert document.tokens[0] == BOS
        assert document.tokens[-1] != BOS  # a BOS with nothing after it would be wasted
        for at, (token, origin) in enumerate(zip(document.tokens, document.origins, strict=True)):
            assert (token == BOS) == (origin == -1)
            if token == BOS and at:
                assert document.texts[at] != document.texts[at - 1]
                assert document.origins[at + 1] == 0


@given(TEXTS, st.integers(2, 17), st.sampled_from([BOS, None]), st.booleans())
def test_documents_fit_and_packed_ones_are_full(
    texts: list[list[int]], context: int, bos: int | None, packing: bool
) -> None:
    documents = packed(texts, context, bos, packing)
    assert all(1 <= len(d.tokens) <= context for d in documents)
    if packing:
        # One place may stay empty, where only a BOS would have fitted.
        assert all(len(d.tokens) >= context - 1 for d in documents[:-1])
    else:
        assert all(len(set(d.texts)) == 1 for d in documents)


@given(TEXTS, st.integers(2, 17), st.integers(0, 60), st.sampled_from([BOS, None]))
def test_the_budget_is_known_before(
    texts: list[list[int]], context: int, left: int, bos: int | None
) -> None:
    """`overhead` tells exactly how many BOS the next `left` tokens of one text would bring."""
    packer = Packer("train", context, bos, True)
    for number, tokens in enumerate(texts):
        list(packer.add(number, tokens, ""))
    before, room = packer.taken, max(0, left - packer.overhead(left))
    list(packer.add(len(texts), [5] * room, ""))
    assert packer.taken - before <= left
    assert packer.taken - before >= left - 2 or room == 0


WORDS = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=60)


@settings(max_examples=200)
@given(WORDS, st.floats(0.05, 0.6), st.integers(0, 3))
def test_no_text_in_both_splits(words: list[str], held_out: float, seed: int) -> None:
    texts = [SourceText(word, "test") for word in words]
    if len(set(words)) == 1:
        with pytest.raises(AskedWrongly, match="only one text"):
            list(assign(texts, held_out, seed))
        return
    pairs = list(assign(texts, held_out, seed))
    assert [text.text for text, _ in pairs] == words  # order kept, nothing lost
    splits = {word: {split for text, split in pairs if text.text == word} for word in words}
    assert all(len(found) == 1 for found in splits.values())
    assert {split for _, split in pairs} == {"train", "held_out"}


def test_the_share_held_out_is_as_asked() -> None:
    texts = [SourceText(f"text {n}", "test") for n in range(4000)]
    count = Counter(split for _, split in assign(texts, 0.1, seed=0))
    assert 330 < count["held_out"] < 470


def test_a_longer_corpus_holds_out_the_same_texts() -> None:
    texts = [SourceText(f"text {n}", "test") for n in range(400)]
    short = {t.text: s for t, s in assign(texts[:200], 0.1, seed=0)}
    long = {t.text: s for t, s in assign(texts, 0.1, seed=0)}
    assert all(long[text] == split for text, split in short.items())
