"""The same behaviours in the synthetic language of ``tiny``."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

from jobs.corpus.grammar.lexicon import BRACKETS, FEMALE, MALE, PREPOSITIONS, TOPICS, Topic
from jobs.task.task import Example
from jobs.task.templates.made import BLOCKS, Draw, Spells, Template, whole

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
        "other": rng.choice(other),
        "adjective": rng.choice(topic.adjectives),
        "preposition": rng.choice(PREPOSITIONS),
    }
    return Example(
        form.format(subject=subject[number], **more),
        form.format(subject=subject[1 - number], **more),
        verb[number],
        verb[1 - number],
        name,
    )


def _brackets(deep: bool, name: str, topic: Topic, rng: random.Random) -> Example:
    """Two brackets stand open; the corrupt prompt opens them in the other order."""
    shapes = rng.sample(list(BRACKETS), 3)
    (outer, outer_right), (inner, inner_right), (third, third_right) = (BRACKETS[s] for s in shapes)
    nouns = [rng.choice(noun) for noun in rng.sample(topic.nouns, 3)]
    rest = [nouns[1], third, nouns[2], third_right] if deep else [nouns[1]]
    clean = [outer, nouns[0], inner, *rest]
    corrupt = [inner, nouns[0], outer, *rest]
    return Example(" ".join(clean), " ".join(corrupt), inner_right, outer_right, name)


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
        "other": rng.choice(free),
        "preposition": rng.choice(_PREPOSITIONS),
    }
    answers = ("she", "he") if form.endswith("because") else ("herself", "himself")
    return Example(
        form.format(name=both[gender], **more),
        form.format(name=both[1 - gender], **more),
        answers[gender],
        answers[1 - gender],
        group,
    )


def _ioi(
    form: str, group: str, female: Sequence[str], male: Sequence[str], rng: random.Random
) -> Example:
    receiver, giver, third = rng.sample([*female, *male], 3)
    first, second = rng.choice(((receiver, giver), (giver, receiver)))
    topic = rng.choice(list(TOPICS.values()))
    fill = partial(
        form.format,
        first=first,
        second=second,
        object=rng.choice(topic.nouns).singular,
        adjective=rng.choice(topic.adjectives),
    )
    return Example(fill(giver=giver), fill(giver=third), receiver, giver, group)


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
    form = "list {} : " + " ".join(names[:shown])
    clean, corrupt = (form.format(" ".join(one)) for one in (names, [*names[:shown], other, right]))
    return Example(clean, corrupt, right, other, group)


TEMPLATES = {
    "tiny_agreement": Template(
        "The verb agrees with its subject, in the language of tiny.",
        ("the sailors", "the sailor", "row", "rows"),
        partial(_by_topic, partial(_agreement, "the {subject}")),
        "tiny_agreement_shifted",
    ),
    "tiny_agreement_shifted": Template(
        "The same with an adjective before the subject.",
        ("the salty sailors", "the salty sailor", "row", "rows"),
        partial(_by_topic, partial(_agreement, "the {adjective} {subject}")),
        "tiny_agreement",
    ),
    "tiny_agreement_pp": Template(
        "The same past a prepositional phrase with another noun.",
        ("the sailors near the boat", "the sailor near the boat", "row", "rows"),
        partial(_by_topic, partial(_agreement, "the {subject} {preposition} the {other}")),
        "tiny_agreement_rc",
    ),
    "tiny_agreement_rc": Template(
        "The verb of a relative clause agrees with the clause's own subject.",
        ("the boat that the sailors", "the boat that the sailor", "row", "rows"),
        partial(_by_topic, partial(_agreement, "the {other} that the {subject}")),
        "tiny_agreement_pp",
    ),
    "tiny_gender": Template(
        "A reflexive agrees in gender with the sentence's subject, in the language of tiny.",
        ("Mary near Tom feeds", "John near Tom feeds", "herself", "himself"),
        partial(_by_names, partial(_gender, "{name} {preposition} {other} {verb}"), 2),
        "tiny_gender_shifted",
    ),
    "tiny_gender_shifted": Template(
        "A pronoun agrees in gender with the sentence's subject.",
        ("Mary feeds because", "John feeds because", "she", "he"),
        partial(_by_names, partial(_gender, "{name} {verb} because"), 2),
        "tiny_gender",
    ),
    "tiny_brackets": Template(
        "The bracket that closes is the one opened last, in the language of tiny.",
        ("( wave [ anchor", "[ wave ( anchor", "]", ")"),
        partial(_by_topic, partial(_brackets, False)),
        "tiny_brackets_shifted",
    ),
    "tiny_brackets_shifted": Template(
        "The same past a pair that is closed already.",
        ("( wave [ anchor { gull }", "[ wave ( anchor { gull }", "]", ")"),
        partial(_by_topic, partial(_brackets, True)),
        "tiny_brackets",
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
            partial(_ioi, "when {first} and {second} meet , {giver} gives the {object} to"),
            2,
        ),
        "tiny_ioi_shifted",
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
                "when {first} and {second} meet , {giver} gives the {adjective} {object} to",
            ),
            2,
        ),
        "tiny_ioi",
    ),
}
