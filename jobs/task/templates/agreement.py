"""A verb agrees with its subject: alone, past another noun, inside a relative clause."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

from jobs.task.task import Example
from jobs.task.templates.forms import example, fill
from jobs.task.templates.made import Draw, Spells, Template, blocks, pairs, whole
from jobs.task.templates.words import PEOPLE, PREPOSITIONS, THINGS

VERBS = ((" is", " are"), (" was", " were"), (" has", " have"))
"""For a singular and for a plural subject."""

Pair = tuple[str, str]


def _draws(form: str, tokenizer: Spells, rng: random.Random) -> Sequence[Draw]:
    """`form` holds {subject}, and {attractor} with a {preposition} or alone; the subject is the
    noun that the verb follows in meaning.
    """
    verbs = [pair for pair in VERBS if all(whole(tokenizer, verb) for verb in pair)]
    people, things = pairs(tokenizer, PEOPLE), pairs(tokenizer, THINGS)
    if "{attractor}" not in form or "{preposition}" not in form:
        things = people
    if not verbs:
        return []
    if things is people:
        dealt = [(half[::2], half[1::2]) for (half,) in blocks(rng, people, least=[4])]
    else:
        dealt = [(block[0], block[1]) for block in blocks(rng, people, things, least=[2, 2])]
    if "{attractor}" not in form:
        dealt = [([*a, *b], [*a, *b]) for a, b in dealt]
    return [partial(_draw, form, verbs, str(i), *block) for i, block in enumerate(dealt)]


def _draw(
    form: str,
    verbs: Sequence[Pair],
    group: str,
    subjects: Sequence[Pair],
    others: Sequence[Pair],
    rng: random.Random,
) -> Example:
    number = rng.randrange(2)
    subject, verb = rng.choice(subjects), rng.choice(verbs)
    more = {"attractor": rng.choice(rng.choice(others)), "preposition": rng.choice(PREPOSITIONS)}
    clean, corrupt = (fill(form, {"subject": subject[i], **more}) for i in (number, 1 - number))
    return example(clean, corrupt, verb[number], verb[1 - number], group)


TEMPLATES = {
    "agreement": Template(
        "The verb agrees with its subject.",
        ("The teachers", "The teacher", " are", " is"),
        partial(_draws, "The {subject}"),
        "agreement_shifted",
        spans=("subject",),
    ),
    "agreement_shifted": Template(
        "The verb agrees with its subject, inside a longer sentence.",
        ("Nobody knows whether the teachers", "Nobody knows whether the teacher", " are", " is"),
        partial(_draws, "Nobody knows whether the {subject}"),
        "agreement",
        spans=("subject",),
    ),
    "agreement_pp": Template(
        "The verb agrees with its subject, past a prepositional phrase with another noun.",
        ("The teachers near the car", "The teacher near the car", " are", " is"),
        partial(_draws, "The {subject} {preposition} the {attractor}"),
        "agreement_pp_shifted",
        spans=("subject", "preposition", "attractor"),
    ),
    "agreement_pp_shifted": Template(
        "The same, inside a longer sentence.",
        ("We heard that the teachers near the car", "We heard that the teacher near the car",
         " are", " is"),
        partial(_draws, "We heard that the {subject} {preposition} the {attractor}"),
        "agreement_pp",
        spans=("subject", "preposition", "attractor"),
    ),
    "agreement_rc": Template(
        "The verb of a relative clause agrees with the clause's own subject, not with the noun "
        "before it.",
        ("The doctor that the teachers", "The doctor that the teacher", " are", " is"),
        partial(_draws, "The {attractor} that the {subject}"),
        "agreement_rc_shifted",
        spans=("attractor", "subject"),
    ),
    "agreement_rc_shifted": Template(
        "The same, inside a longer sentence.",
        ("This morning we met the doctor that the teachers",
         "This morning we met the doctor that the teacher", " are", " is"),
        partial(_draws, "This morning we met the {attractor} that the {subject}"),
        "agreement_rc",
        spans=("attractor", "subject"),
    ),
}  # fmt: skip
