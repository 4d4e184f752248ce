"""A profile reads held-out documents first, then training ones, until it has enough tokens."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.dictionary.profile.documents import BLOCK, choose_documents
from tests.unit.profile.planted import Words


@pytest.fixture(scope="module")
def words() -> Words:
    return Words(n_documents=5000)


def test_held_out_documents_come_first(words: Words) -> None:
    held_out = int(words.sizes[words.documents("held_out")].sum())
    some = choose_documents(words, held_out // 2, 300, seed=0)
    assert some.held_out.all()
    assert held_out // 2 <= some.lengths.sum() < held_out // 2 + 12
    more = choose_documents(words, held_out + 5000, 300, seed=0)
    assert set(words.documents("held_out")) <= set(more.docs)
    assert 5000 <= more.lengths[~more.held_out].sum() < 5012


def test_everything_is_read_once_where_more_is_asked_than_there_is(words: Words) -> None:
    every = choose_documents(words, 10**9, 300, seed=0)
    assert every.docs.tolist() == list(range(5000))
    assert every.lengths.tolist() == words.sizes.tolist()
    for doc in (0, 17, 4999):
        row = words.ids[doc, : words.sizes[doc]]
        assert every.tokens[doc, : words.sizes[doc]].tolist() == row.tolist()
    assert every.token_at(np.array([17]), np.array([3])) == words.ids[17, 3]


def test_the_probe_is_held_out_and_of_the_size_asked(words: Words) -> None:
    reading = choose_documents(words, 20_000, 600, seed=0)
    assert reading.held_out[reading.probe].all()
    assert 600 <= reading.lengths[reading.probe].sum() < 612


def test_the_draw_is_the_seed_s_and_spread_over_the_corpus(words: Words) -> None:
    one, same, other = (choose_documents(words, 6000, 300, seed).docs for seed in (1, 1, 2))
    assert one.tolist() == same.tolist() != other.tolist()
    assert set(one // BLOCK) == {0, 1, 2, 3, 4}


def test_chunks_stay_within_a_block_of_documents_and_cover_all(words: Words) -> None:
    reading = choose_documents(words, 30_000, 300, seed=0)
    chunks = list(reading.chunks(limit=900))
    assert [c.start for c in chunks] == [0, *(c.stop for c in chunks)][:-1]
    assert chunks[-1].stop == len(reading.docs)
    for chunk in chunks:
        assert len(set(reading.docs[chunk] // BLOCK)) == 1
        assert reading.lengths[chunk].sum() <= 900


def test_a_huge_corpus_is_touched_in_few_blocks() -> None:
    class Huge(Words):
        def __init__(self) -> None:
            self.n_documents = 5_000_000

        @property
        def n_tokens(self) -> int:
            return 4 * self.n_documents

        def lengths(self, docs: np.ndarray) -> np.ndarray:
            return np.full(len(docs), 4)

        def documents(self, split: str) -> np.ndarray:
            half = self.n_documents // 10
            whole = np.arange(self.n_documents)
            return whole[:half] if split == "held_out" else whole[half:]

        def tokens(self, docs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return np.ones((len(docs), 4), int), np.ones((len(docs), 4), bool)

    reading = choose_documents(Huge(), 20_000, 400, seed=0)
    assert reading.lengths.sum() == 20_000
    assert len(set(reading.docs // BLOCK)) <= 256
