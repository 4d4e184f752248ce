"""Names: who receives what is given (indirect object), and which pronoun stands for whom."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

from jobs.task.task import Example
from jobs.task.templates.forms import Filled, example, fill
from jobs.task.templates.made import Draw, Spells, Template, blocks, whole, words
from jobs.task.templates.words import FEMALE, MALE, OBJECTS, PLACES


def _objects(form: str, tokenizer: Spells, rng: random.Random) -> Sequence[Draw]:
    names = words(tokenizer, FEMALE + MALE)
    dealt = blocks(rng, names, words(tokenizer, PLACES), words(tokenizer, OBJECTS), least=[3, 1, 1])
    return [partial(_object, form, str(i), *block) for i, block in enumerate(dealt)]


def _object(
    form: str,
    group: str,
    names: Sequence[str],
    places: Sequence[str],
    objects: Sequence[str],
    rng: random.Random,
) -> Example:
    """The giver is one of two names; in the corrupt prompt a third one, so that nothing says which
    of the two receives.
    """
    receiver, giver, third = rng.sample(names, 3)
    form = in_either_order(form, rng)
    more = {"place": rng.choice(places), "object": rng.choice(objects)}
    named = {"receiver": receiver, "giver": giver, **more}
    clean, corrupt = (by_role(fill(form, {"giver_again": who, **named})) for who in (giver, third))
    return example(clean, corrupt, f" {receiver}", f" {giver}", group)


def in_either_order(form: str, rng: random.Random) -> str:
    """`form` with receiver and giver, or giver and receiver, where it says first and second."""
    first, second = rng.choice((("{receiver}", "{giver}"), ("{giver}", "{receiver}")))
    return form.replace("{first}", first).replace("{second}", second)


def by_role(made: Filled) -> Filled:
    """Spans in one order, whoever comes first in the prompt."""
    return made._replace(spans=tuple(sorted(made.spans, key=lambda span: ROLES.index(span.name))))


ROLES = ("receiver", "giver", "place", "giver_again", "object")
"""Who and what there is where something is given."""


def _genders(
    form: str, forms: tuple[str, str], tokenizer: Spells, rng: random.Random
) -> Sequence[Draw]:
    if not all(whole(tokenizer, form) for form in forms):
        return []
    dealt = blocks(rng, words(tokenizer, FEMALE), words(tokenizer, MALE))
    return [partial(_gender, form, forms, str(i), *block) for i, block in enumerate(dealt)]


def _gender(
    form: str,
    forms: tuple[str, str],
    group: str,
    female: Sequence[str],
    male: Sequence[str],
    rng: random.Random,
) -> Example:
    both = (rng.choice(female), rng.choice(male))
    gender = rng.randrange(2)
    clean, corrupt = (fill(form, {"name": both[i]}) for i in (gender, 1 - gender))
    return example(clean, corrupt, forms[gender], forms[1 - gender], group)


TEMPLATES = {
    "ioi": Template(
        "Of two names, the one who is not the giver receives (indirect object identification).",
        (
            "When Mary and John went to the park, John gave a ball to",
            "When Mary and John went to the park, Anna gave a ball to",
            " Mary",
            " John",
        ),
        partial(
            _objects,
            "When {first} and {second} went to the {place}, {giver_again} gave a {object} to",
        ),
        "ioi_shifted",
        spans=("receiver", "giver", "place", "giver_again", "object"),
    ),
    "ioi_shifted": Template(
        "The same, told in two sentences.",
        (
            "Last night Mary and John met at the park. There, John handed a ball to",
            "Last night Mary and John met at the park. There, Anna handed a ball to",
            " Mary",
            " John",
        ),
        partial(
            _objects,
            "Last night {first} and {second} met at the {place}. There, {giver_again} handed a "
            "{object} to",
        ),
        "ioi",
        spans=("receiver", "giver", "place", "giver_again", "object"),
    ),
    "gender": Template(
        "A pronoun agrees in gender with the name it stands for.",
        (
            "Yesterday Mary stayed at home, because",
            "Yesterday John stayed at home, because",
            " she",
            " he",
        ),
        partial(_genders, "Yesterday {name} stayed at home, because", (" she", " he")),
        "gender_shifted",
        spans=("name",),
    ),
    "gender_shifted": Template(
        "A possessive agrees in gender with the name it stands for.",
        ("This is Mary, and that is", "This is John, and that is", " her", " his"),
        partial(_genders, "This is {name}, and that is", (" her", " his")),
        "gender",
        spans=("name",),
    ),
}
