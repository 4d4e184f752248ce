"""The same behaviours in the synthetic language of ``tiny``."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

from jobs.corpus.grammar.lexicon import BRACKETS, FEMALE, MALE, PREPOSITIONS, TOPICS, Topic
from jobs.task.task import Example
from jobs.task.templates.forms import example, fill, joined
from jobs.task.templates.made import BLOCKS, Draw, Spells, Template, whole
from jobs.task.templates.names import by_role, in_either_order

_UNNAMED = ("adjective", "verb", "preposition")
"""Words of forms that are no spans: a form and that in other words have the same spans, so that a
circuit of one can be scored on the other."""
_PREPOSITIONS = PREPOSITIONS[:3]  # those that stand in sentences about people as well


def _by_topic(
    draw: Callable[[str, Topic, random.Random], Example], tokenizer: Spells, rng: random.Random
) -> Sequence[Draw]:
    """A block a topic: no word belongs to two."""
    if not speaks(tokenizer):
        return []
    return [partial(draw, name, topic) for name, topic in TOPICS.items()]


def speaks(tokenizer: Spells) -> bool:
    """Whether a tokenizer is that of the language."""
    known = ("sailors", "steer", "orchard", "herself", "[")
    return all(whole(tokenizer, word) for word in known) and not whole(tokenizer, "Yesterday")


def _agreement(form: str, name: str, topic: Topic, rng: random.Random) -> Example:
    number = rng.randrange(2)
    subject, other = rng.sample(topic.nouns, 2)
    verb = rng.choice(topic.verbs)
    more = {
        "attractor": rng.choice(other),
        "adjective": rng.choice(topic.adjectives),
        "preposition": rng.choice(PREPOSITIONS),
    }
    clean, corrupt = (
        fill(form, {"subject": subject[i], **more}, _UNNAMED) for i in (number, 1 - number)
    )
    return example(clean, corrupt, verb[number], verb[1 - number], name)


def _brackets(deep: bool, name: str, topic: Topic, rng: random.Random) -> Example:
    """Two brackets stand open; the corrupt prompt opens them in the other order."""
    shapes = rng.sample(list(BRACKETS), 3)
    (outer, outer_right), (inner, inner_right), (third, third_right) = (BRACKETS[s] for s in shapes)
    nouns = [rng.choice(noun) for noun in rng.sample(topic.nouns, 3)]
    rest = [nouns[1], third, nouns[2], third_right] if deep else [nouns[1]]
    clean, corrupt = (
        joined([(one, "outer"), (nouns[0], ""), (two, "inner"), *((word, "") for word in rest)])
        for one, two in ((outer, inner), (inner, outer))
    )
    return example(clean, corrupt, inner_right, outer_right, name)


def _by_names(
    draw: Callable[[str, Sequence[str], Sequence[str], random.Random], Example],
    each: int,
    tokenizer: Spells,
    rng: random.Random,
) -> Sequence[Draw]:
    """Blocks of `each` female and as many male names, or more."""
    if not speaks(tokenizer):
        return []
    female, male = (rng.sample(names, len(names)) for names in (FEMALE, MALE))
    count = min(BLOCKS, len(female) // each)
    return [partial(draw, str(i), female[i::count], male[i::count]) for i in range(count)]


_VERBS = tuple(verb for topic in TOPICS.values() for verb in topic.verbs)


def _gender(
    form: str,
    group: str,
    female: Sequence[str],
    male: Sequence[str],
    rng: random.Random,
) -> Example:
    both, gender = (rng.choice(female), rng.choice(male)), rng.randrange(2)
    free = [name for name in (*female, *male) if name not in both]
    more = {
        "verb": rng.choice(_VERBS).singular,
        "attractor": rng.choice(free),
        "preposition": rng.choice(_PREPOSITIONS),
    }
    answers = ("she", "he") if form.endswith("because") else ("herself", "himself")
    clean, corrupt = (fill(form, {"name": both[i], **more}, _UNNAMED) for i in (gender, 1 - gender))
    return example(clean, corrupt, answers[gender], answers[1 - gender], group)


def _ioi(
    form: str, group: str, female: Sequence[str], male: Sequence[str], rng: random.Random
) -> Example:
    receiver, giver, third = rng.sample([*female, *male], 3)
    form = in_either_order(form, rng)
    topic = rng.choice(list(TOPICS.values()))
    more = {
        "object": rng.choice(topic.nouns).singular,
        "adjective": rng.choice(topic.adjectives),
    }
    named = {"receiver": receiver, "giver": giver, **more}
    clean, corrupt = (
        by_role(fill(form, {"giver_again": who, **named}, _UNNAMED)) for who in (giver, third)
    )
    return example(clean, corrupt, receiver, giver, group)


def _induction(
    length: int,
    group: str,
    female: Sequence[str],
    male: Sequence[str],
    rng: random.Random,
) -> Example:
    """The corrupt prompt exchanges two names of the first copy. That answers otherwise whether a
    model looks for the name before, or counts; exchanging what comes before them does not change
    what ``tiny`` says: it counts.
    """
    names = rng.sample([*female, *male], length)
    shown = length - 2
    right, other = names[shown], names[shown + 1]
    called = {shown - 1: "before", shown: "answer", shown + 1: "other"}
    tail = [(":", ""), *((name, "again") for name in names[: shown - 1]), (names[shown - 1], "")]
    clean, corrupt = (
        joined([("list", ""), *((name, called.get(i, "")) for i, name in enumerate(one)), *tail])
        for one in (names, [*names[:shown], other, right])
    )
    return example(clean, corrupt, right, other, group)


TEMPLATES = {
    "tiny_agreement": Template(
        "The verb agrees with its subject, in the language of tiny.",
        ("the sailors", "the sailor", "row", "rows"),
        partial(_by_topic, partial(_agreement, "the {subject}")),
        "tiny_agreement_shifted",
        spans=("subject",),
    ),
    "tiny_agreement_shifted": Template(
        "The same with an adjective before the subject.",
        ("the salty sailors", "the salty sailor", "row", "rows"),
        partial(_by_topic, partial(_agreement, "the {adjective} {subject}")),
        "tiny_agreement",
        spans=("subject",),
    ),
    "tiny_agreement_pp": Template(
        "The same past a prepositional phrase with another noun.",
        ("the sailors near the boat", "the sailor near the boat", "row", "rows"),
        partial(_by_topic, partial(_agreement, "the {subject} {preposition} the {attractor}")),
        "tiny_agreement_rc",
        spans=("subject", "attractor"),
    ),
    "tiny_agreement_rc": Template(
        "The verb of a relative clause agrees with the clause's own subject.",
        ("the boat that the sailors", "the boat that the sailor", "row", "rows"),
        partial(_by_topic, partial(_agreement, "the {attractor} that the {subject}")),
        "tiny_agreement_pp",
        spans=("attractor", "subject"),
    ),
    "tiny_gender": Template(
        "A reflexive agrees in gender with the sentence's subject, in the language of tiny.",
        ("Mary near Tom feeds", "John near Tom feeds", "herself", "himself"),
        partial(_by_names, partial(_gender, "{name} {preposition} {attractor} {verb}"), 2),
        "tiny_gender_shifted",
        spans=("name", "attractor"),
    ),
    "tiny_gender_shifted": Template(
        "A pronoun agrees in gender with the sentence's subject.",
        ("Mary feeds because", "John feeds because", "she", "he"),
        partial(_by_names, partial(_gender, "{name} {verb} because"), 2),
        "tiny_gender",
        spans=("name",),
    ),
    "tiny_brackets": Template(
        "The bracket that closes is the one opened last, in the language of tiny.",
        ("( wave [ anchor", "[ wave ( anchor", "]", ")"),
        partial(_by_topic, partial(_brackets, False)),
        "tiny_brackets_shifted",
        spans=("outer", "inner"),
    ),
    "tiny_brackets_shifted": Template(
        "The same past a pair that is closed already.",
        ("( wave [ anchor { gull }", "[ wave ( anchor { gull }", "]", ")"),
        partial(_by_topic, partial(_brackets, True)),
        "tiny_brackets",
        spans=("outer", "inner"),
    ),
    "tiny_induction": Template(
        "A run of names comes again, in the language of tiny.",
        (
            "list Anna Tom Nora Paul : Anna Tom",
            "list Anna Tom Paul Nora : Anna Tom",
            "Nora",
            "Paul",
        ),
        partial(_by_names, partial(_induction, 5), 4),
        "tiny_induction_shifted",
        spans=("before", "answer", "other", "again"),
    ),
    "tiny_induction_shifted": Template(
        "The same with longer runs.",
        (
            "list Anna Tom Mark Nora Paul : Anna Tom Mark",
            "list Anna Tom Mark Paul Nora : Anna Tom Mark",
            "Nora",
            "Paul",
        ),
        partial(_by_names, partial(_induction, 7), 4),
        "tiny_induction",
        spans=("before", "answer", "other", "again"),
    ),
    "tiny_ioi": Template(
        "Of two names, the one who is not the giver receives, in the language of tiny.",
        (
            "when Mary and John meet , John gives the coin to",
            "when Mary and John meet , Anna gives the coin to",
            "Mary",
            "John",
        ),
        partial(
            _by_names,
            partial(_ioi, "when {first} and {second} meet , {giver_again} gives the {object} to"),
            2,
        ),
        "tiny_ioi_shifted",
        spans=("receiver", "giver", "giver_again", "object"),
    ),
    "tiny_ioi_shifted": Template(
        "The same with an adjective before what is given.",
        (
            "when Mary and John meet , John gives the cheap coin to",
            "when Mary and John meet , Anna gives the cheap coin to",
            "Mary",
            "John",
        ),
        partial(
            _by_names,
            partial(
                _ioi,
                "when {first} and {second} meet , {giver_again} gives the {adjective} {object} to",
            ),
            2,
        ),
        "tiny_ioi",
        spans=("receiver", "giver", "giver_again", "object"),
    ),
}
