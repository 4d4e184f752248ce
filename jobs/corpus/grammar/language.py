"""Writes texts of the synthetic language, with the truth behind every token.

A text is a handful of sentences on one topic. Five kinds of sentence, each hard in its own way:

- *agreement*: ``the sailors near the boat that the captain steers row the waves .``: a verb agrees
  with its subject, whatever nouns stand between (attractors), through relative clauses.
- *pronoun*: ``Mary near John feeds the cow because she milks the goat .``: a pronoun or reflexive
  agrees in gender with the sentence's subject, not with the nearest name.
- *bracket*: ``( wave [ anchor ] { gull } ) .``: brackets close in the order they opened.
- *repeat*: ``list Anna Tom Vera : Anna Tom Vera : Anna Tom Vera .``: a run of random names comes
  again, so that only copying (induction) predicts it.
- *handing*: ``when Mary and John meet , John gives the coin to Mary .``: the other name receives.

**Latents** are ``name=value`` strings, held at each position *after* that token has been read:

========================= ================================================================
``topic``                 topic of the text, from its first word of that topic on
``sentence``              kind of the sentence the token stands in
``part_of_speech``        of the token
``number``                of a noun or verb token
``gender``                of a name or pronoun token
``subject_number``        number that the next verb must agree with: from the subject's noun
                          to the token before its verb (the innermost pending subject)
``main_subject_number``   the same for the sentence's main subject, also through its clauses
``attractor``             number of a noun of the other number between subject and verb
``relative_clause``       subject or object: the token stands in such a clause
``referent_gender``       gender of the sentence's subject, from the name to the full stop
``bracket_depth``         open brackets, 1 or more
``open_bracket``          shape of the innermost open bracket
``repeat``                which copy of a repeated run of names a token belongs to: 1, 2, 3
``repeat_position``       how far into that copy, from 0
========================= ================================================================
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from jobs.corpus.grammar.lexicon import BRACKETS, FEMALE, MALE, NAMES, TOPICS, Noun, Topic

SENTENCES = {"agreement": 0.30, "pronoun": 0.30, "bracket": 0.10, "repeat": 0.18, "handing": 0.12}
"""Share of each kind among the sentences."""


class Probe(NamedTuple):
    """A place where the grammar leaves one right answer: what a trained model is tested on."""

    kind: str
    """What it tests, e.g. ``attractor``."""
    position: int
    """Word of the text that is the answer; the model predicts it from the words before."""
    answer: str
    wrong: tuple[str, ...]
    """What it is held against; chance is 1 / (1 + len(wrong))."""


class Text(NamedTuple):
    """One text of the language."""

    words: list[str]
    latents: list[tuple[str, ...]]
    """For each word, the latents that hold once it has been read."""
    probes: list[Probe]


class _Writer:
    """Gathers words with the latents that hold; `state` is what holds until it is changed."""

    def __init__(self, rng: random.Random, topic: str) -> None:
        self.rng = rng
        self.topic_name = topic
        self.topic: Topic = TOPICS[topic]
        self.words: list[str] = []
        self.latents: list[tuple[str, ...]] = []
        self.probes: list[Probe] = []
        self.state: dict[str, str] = {}

    def put(self, word: str, part: str, *more: str, topical: bool = False) -> None:
        """Writes a word; `more` are latents of this token alone."""
        if topical:
            self.state["topic"] = self.topic_name
        held = tuple(f"{name}={value}" for name, value in self.state.items())
        self.words.append(word)
        self.latents.append((f"part_of_speech={part}", *more, *held))

    def probe(self, kind: str, answer: str, wrong: tuple[str, ...]) -> None:
        """Notes that the word written next is determined."""
        self.probes.append(Probe(kind, len(self.words), answer, wrong))

    def begin(self, sentence: str) -> None:
        """Starts a sentence: all that held in the last one but its topic is over."""
        topic = self.state.get("topic")
        self.state = {"sentence": sentence} | ({"topic": topic} if topic else {})

    def stop(self) -> None:
        """Writes the full stop."""
        self.put(".", "punctuation")


def _number(rng: random.Random) -> str:
    return "plural" if rng.random() < 0.5 else "singular"


def _form(pair: Noun | tuple[str, str], number: str) -> tuple[str, str]:
    """The form of `number`, and the other one."""
    return (pair[0], pair[1]) if number == "singular" else (pair[1], pair[0])


def _noun_phrase(w: _Writer, number: str, *, adjective: float = 0.25) -> None:
    """Determiner, perhaps an adjective; the noun is written by the caller's `_noun`."""
    pick = w.rng.random()
    other = ("this", "each") if number == "singular" else ("these", "many")
    w.put("the" if pick < 0.85 else w.rng.choice(other), "determiner")
    if w.rng.random() < adjective:
        w.put(w.rng.choice(w.topic.adjectives), "adjective", topical=True)


def _noun(w: _Writer, number: str) -> None:
    word, _ = _form(w.rng.choice(w.topic.nouns), number)
    w.put(word, "noun", f"number={number}", topical=True)


def _object(w: _Writer) -> None:
    number = _number(w.rng)
    _noun_phrase(w, number)
    _noun(w, number)


def _verb(w: _Writer, number: str, kind: str | None) -> None:
    """A verb agreeing in `number`; whatever was pending on it is settled."""
    word, other = _form(w.rng.choice(w.topic.verbs), number)
    if kind:
        w.probe(kind, word, (other,))
    w.state.pop("attractor", None)
    w.put(word, "verb", f"number={number}", topical=True)


def _between(w: _Writer, number: str) -> str:
    """Perhaps something between a subject and its verb. Returns the kind of agreement it makes."""
    pick = w.rng.random()
    if pick < 0.25:
        return "agreement"
    other = _number(w.rng)
    if pick < 0.65:
        w.put(w.rng.choice(("near", "behind", "beside", "above")), "preposition")
        _noun_phrase(w, other)
        if other != number:
            w.state["attractor"] = other
        _noun(w, other)
    elif pick < 0.82:
        w.state["relative_clause"] = "subject"
        w.put("that", "link")
        _verb(w, number, "agreement")
        w.state.pop("subject_number", None)
        _noun_phrase(w, other)
        if other != number:
            w.state["attractor"] = other
        w.state["subject_number"] = number
        _noun(w, other)
        w.state.pop("relative_clause")
    else:
        w.state["relative_clause"] = "object"
        w.state.pop("subject_number", None)
        w.put("that", "link")
        _noun_phrase(w, other)
        w.state["subject_number"] = other
        _noun(w, other)
        w.state["subject_number"] = number
        _verb(w, other, "agreement")
        if other != number:
            # The clause's noun and verb both carry the other number up to the main verb.
            w.state["attractor"] = other
        w.state.pop("relative_clause")
    if other == number:
        return "agreement"
    return "attractor" if pick < 0.65 else "relative_clause"


def _agreement(w: _Writer) -> None:
    number = _number(w.rng)
    _noun_phrase(w, number)
    w.state["subject_number"] = w.state["main_subject_number"] = number
    _noun(w, number)
    kind = _between(w, number)
    w.state.pop("subject_number", None)
    w.state.pop("main_subject_number", None)
    _verb(w, number, kind)
    _object(w)
    w.stop()


def _gendered(rng: random.Random) -> tuple[str, str]:
    gender = "female" if rng.random() < 0.5 else "male"
    return rng.choice(FEMALE if gender == "female" else MALE), gender


def _gender(name: str) -> str:
    return "gender=female" if name in FEMALE else "gender=male"


def _pronoun(w: _Writer) -> None:
    name, gender = _gendered(w.rng)
    w.state["referent_gender"] = gender
    w.put(name, "name", f"gender={gender}")
    hard = False
    if w.rng.random() < 0.5:
        w.put(w.rng.choice(("near", "behind", "beside")), "preposition")
        other, its_gender = _gendered(w.rng)
        w.put(other, "name", f"gender={its_gender}")
        hard = its_gender != gender
    _verb(w, "singular", None)
    kind = "pronoun_attractor" if hard else "pronoun"
    if w.rng.random() < 0.5:
        forms = ("herself", "himself") if gender == "female" else ("himself", "herself")
        w.probe(kind, forms[0], forms[1:])
        w.put(forms[0], "pronoun", f"gender={gender}")
    else:
        w.put("because", "link")
        forms = ("she", "he") if gender == "female" else ("he", "she")
        w.probe(kind, forms[0], forms[1:])
        w.put(forms[0], "pronoun", f"gender={gender}")
        _verb(w, "singular", None)
        _object(w)
    w.stop()


def _bracket(w: _Writer) -> None:
    rng = w.rng
    opened: list[str] = []
    closers = tuple(pair[1] for pair in BRACKETS.values())
    for _ in range(rng.randint(3, 7)):
        if not opened or (len(opened) < 4 and rng.random() < 0.5):
            opened.append(rng.choice(list(BRACKETS)))
            _brackets_held(w, opened)
            w.put(BRACKETS[opened[-1]][0], "bracket")
            _noun(w, _number(rng))
        else:
            _close(w, opened, closers)
            if opened and rng.random() < 0.3:
                _noun(w, _number(rng))
    while opened:
        _close(w, opened, closers)
    w.stop()


def _close(w: _Writer, opened: list[str], closers: tuple[str, ...]) -> None:
    right = BRACKETS[opened.pop()][1]
    w.probe("bracket", right, tuple(c for c in closers if c != right))
    _brackets_held(w, opened)
    w.put(right, "bracket")


def _brackets_held(w: _Writer, opened: list[str]) -> None:
    for name in ("bracket_depth", "open_bracket"):
        w.state.pop(name, None)
    if opened:
        w.state["bracket_depth"] = str(len(opened))
        w.state["open_bracket"] = opened[-1]


def _repeat(w: _Writer) -> None:
    # Most lists hold names of one gender: what makes gender worth knowing before any pronoun.
    pool = NAMES if w.rng.random() < 0.2 else w.rng.choice((FEMALE, MALE))
    names = w.rng.sample(pool, w.rng.randint(3, 7))
    copies = w.rng.choice((2, 3))
    w.put("list", "link")
    for copy in range(1, copies + 1):
        if copy > 1:
            w.put(":", "punctuation")
        for place, name in enumerate(names):
            if copy > 1 and place > 0:
                w.probe("induction", name, tuple(n for n in NAMES if n != name))
            w.put(name, "name", _gender(name), f"repeat={copy}", f"repeat_position={place}")
    w.stop()


def _handing(w: _Writer) -> None:
    first, second = w.rng.sample(NAMES, 2)
    giver, receiver = (first, second) if w.rng.random() < 0.5 else (second, first)
    w.put("when", "link")
    w.put(first, "name", _gender(first))
    w.put("and", "link")
    w.put(second, "name", _gender(second))
    w.put("meet", "verb")
    w.put(",", "punctuation")
    w.put(giver, "name", _gender(giver))
    w.put("gives", "verb")
    _object(w)
    w.put("to", "link")
    w.probe("handing", receiver, (giver,))
    w.put(receiver, "name", _gender(receiver))
    w.stop()


_WRITE = {
    "agreement": _agreement,
    "pronoun": _pronoun,
    "bracket": _bracket,
    "repeat": _repeat,
    "handing": _handing,
}


def write_text(rng: random.Random) -> Text:
    """Writes one text: 4 to 9 sentences on one topic."""
    w = _Writer(rng, rng.choice(list(TOPICS)))
    kinds = rng.choices(list(SENTENCES), list(SENTENCES.values()), k=rng.randint(4, 9))
    for kind in kinds:
        w.begin(kind)
        _WRITE[kind](w)
    return Text(w.words, w.latents, w.probes)


def texts(seed: int | str) -> Iterator[Text]:
    """Texts without end; the same for the same `seed`."""
    rng = random.Random(seed)
    while True:
        yield write_text(rng)
