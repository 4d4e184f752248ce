"""Greater than: what ends, ends after it began."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

from jobs.task.task import Example
from jobs.task.templates.forms import example, fill
from jobs.task.templates.made import Draw, Spells, Template, blocks, whole, words
from jobs.task.templates.words import EVENTS

CENTURIES = tuple(range(11, 19))
FIRST = 1
"""The year of the corrupt prompt's beginning: every later one is as good as any other."""


def _draws(form: str, tokenizer: Spells, rng: random.Random) -> Sequence[Draw]:
    """Two digits follow where the tokenizer has them as one token, the first of them otherwise."""
    digits = 2 if _two_digits(tokenizer) else 1
    if digits == 1 and not all(whole(tokenizer, str(digit)) for digit in range(10)):
        return []
    dealt = blocks(rng, words(tokenizer, EVENTS), CENTURIES)
    return [partial(_draw, form, digits, str(i), *block) for i, block in enumerate(dealt)]


def _two_digits(tokenizer: Spells) -> bool:
    apart = tokenizer.encode(" 1732")
    return (
        apart == [*tokenizer.encode(" 17"), *tokenizer.encode("32")]
        and len(apart) == 2
        and all(whole(tokenizer, f"{year:02}") for year in range(2, 99))
    )


def _draw(
    form: str,
    digits: int,
    group: str,
    events: Sequence[str],
    centuries: Sequence[int],
    rng: random.Random,
) -> Example:
    century = rng.choice(centuries)
    begins = rng.randrange(20, 80)
    # Half a decade away at least, so that one digit decides.
    later = rng.randrange(begins // 10 + 1, 10) * 10 + rng.randrange(10)
    earlier = rng.randrange(begins // 10) * 10 + rng.randrange(2, 10)
    more = {"event": rng.choice(events), "century": str(century)}
    clean, corrupt = (fill(form, {"year": f"{year:02}", **more}) for year in (begins, FIRST))
    return example(clean, corrupt, f"{later:02}"[:digits], f"{earlier:02}"[:digits], group)


TEMPLATES = {
    "greater_than": Template(
        "What lasts from one year to another ends in a later one.",
        (
            "The war lasted from the year 1732 to the year 17",
            "The war lasted from the year 1701 to the year 17",
            "57",
            "12",
        ),
        partial(_draws, "The {event} lasted from the year {century}{year} to the year {century}"),
        "greater_than_shifted",
        spans=("event", "century", "year", "century_again"),
    ),
    "greater_than_shifted": Template(
        "The same, told from the other end.",
        (
            "It began in 1732, this war, and was over only in 17",
            "It began in 1701, this war, and was over only in 17",
            "57",
            "12",
        ),
        partial(
            _draws, "It began in {century}{year}, this {event}, and was over only in {century}"
        ),
        "greater_than",
        spans=("century", "year", "event", "century_again"),
    ),
}
