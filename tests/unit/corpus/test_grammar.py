"""The synthetic language: its sentences obey the grammar, and its latents tell the truth."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import pytest

from jobs.corpus.grammar import VOCABULARY, Text, texts
from jobs.corpus.grammar.lexicon import BRACKETS, FEMALE, MALE, NAMES, TOPICS


@pytest.fixture(scope="module")
def some() -> list[Text]:
    return list(islice(texts("test"), 400))


def tokens(some: list[Text]) -> Iterator[tuple[str, dict[str, str]]]:
    for text in some:
        for word, latents in zip(text.words, text.latents, strict=True):
            yield word, dict(latent.split("=", 1) for latent in latents)


def test_the_same_seed_gives_the_same_text() -> None:
    assert list(islice(texts(7), 5)) == list(islice(texts(7), 5))
    assert list(islice(texts(7), 5)) != list(islice(texts(8), 5))


def test_words_are_distinct_and_all_of_them_known(some: list[Text]) -> None:
    assert len(set(VOCABULARY)) == len(VOCABULARY)
    assert {word for text in some for word in text.words} <= set(VOCABULARY)


def test_a_word_belongs_to_one_topic(some: list[Text]) -> None:
    home = {}
    for name, topic in TOPICS.items():
        forms = [form for pair in (*topic.nouns, *topic.verbs) for form in pair]
        home |= dict.fromkeys((*forms, *topic.adjectives), name)
    for word, latents in tokens(some):
        if word in home:
            assert latents["topic"] == home[word]


def test_verbs_agree_with_their_subject_whatever_stands_between(some: list[Text]) -> None:
    """Just before a verb, `subject_number` is the verb's number, attractor or not."""
    attractors = 0
    for text in some:
        held = [dict(one.split("=", 1) for one in latents) for latents in text.latents]
        for before, after in pairwise(held):
            if after["part_of_speech"] == "verb" and "subject_number" in before:
                assert after["number"] == before["subject_number"]
                attractors += before.get("attractor", after["number"]) != after["number"]
    assert attractors > 50


def test_brackets_close_in_the_order_they_opened(some: list[Text]) -> None:
    shapes = {pair[0]: name for name, pair in BRACKETS.items()}
    closers = {pair[1]: name for name, pair in BRACKETS.items()}
    opened: list[str] = []
    for word, latents in tokens(some):
        if word in shapes:
            opened.append(shapes[word])
        elif word in closers:
            assert opened.pop() == closers[word]
        assert int(latents.get("bracket_depth", 0)) == len(opened)
        assert latents.get("open_bracket") == (opened[-1] if opened else None)


def test_names_and_pronouns_have_a_gender(some: list[Text]) -> None:
    genders = dict.fromkeys((*FEMALE, "she", "herself"), "female")
    genders |= dict.fromkeys((*MALE, "he", "himself"), "male")
    for word, latents in tokens(some):
        assert latents.get("gender") == genders.get(word)
        if word in ("she", "he", "herself", "himself"):
            assert latents["referent_gender"] == genders[word]


def test_repeated_names_repeat(some: list[Text]) -> None:
    copies = 0
    for text in some:
        held = [dict(one.split("=", 1) for one in latents) for latents in text.latents]
        first: dict[str, str] = {}
        for word, latents in zip(text.words, held, strict=True):
            if latents.get("repeat") == "1":
                first[latents["repeat_position"]] = word
            elif "repeat" in latents:
                assert first[latents["repeat_position"]] == word
                copies += 1
    assert copies > 1000


def test_probes_have_one_right_answer(some: list[Text]) -> None:
    kinds = set()
    for text in some:
        for probe in text.probes:
            assert text.words[probe.position] == probe.answer
            assert probe.answer not in probe.wrong
            kinds.add(probe.kind)
    assert kinds == {
        "agreement", "attractor", "relative_clause", "pronoun", "pronoun_attractor", "bracket",
        "induction", "handing",
    }  # fmt: skip


def test_an_induction_probe_is_held_against_every_other_name(some: list[Text]) -> None:
    probe = next(p for text in some for p in text.probes if p.kind == "induction")
    assert len(probe.wrong) == len(NAMES) - 1
