"""Induction: what followed a token before follows it again."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import partial

from jobs.task.task import Example
from jobs.task.templates.forms import example, joined
from jobs.task.templates.made import Draw, Spells, Template, blocks, whole

_WORD = re.compile(r"[a-z]{3,8}")
_POOL = 800
"""Words that runs are drawn from: enough that a block repeats few."""


def _draws(length: int, shown: int, tokenizer: Spells, rng: random.Random) -> Sequence[Draw]:
    """Runs of `length` words; of the second copy `shown` are there, and one is asked for."""
    spelled = sorted(entry.lstrip("Ġ▁") for entry in tokenizer.vocabulary())
    likely = [word for word in dict.fromkeys(spelled) if _WORD.fullmatch(word)]
    pool = []
    for word in rng.sample(likely, len(likely)):
        if whole(tokenizer, f" {word}"):
            pool.append(word)
        if len(pool) == _POOL:
            break
    dealt = blocks(rng, pool, least=[length])
    return [partial(_draw, length, shown, str(i), *block) for i, block in enumerate(dealt)]


def _draw(length: int, shown: int, group: str, words: Sequence[str], rng: random.Random) -> Example:
    """In the first copy of the corrupt prompt, the words before two others change places: both
    prompts have the same words, and only which follows which tells the answer.
    """
    first, at = rng.sample(words, length), rng.randrange(shown + 2, length)
    right, other = first[shown], first[at]
    swapped, again = list(first), first[:shown]
    swapped[shown - 1], swapped[at - 1] = first[at - 1], first[shown - 1]
    names = {shown - 1: "before", shown: "answer", at - 1: "other_before", at: "other"}
    tail = [*((word, "again") for word in again[:-1]), (again[-1], "")]
    clean, corrupt = (
        joined([*((word, names.get(i, "")) for i, word in enumerate(run)), *tail], " ")
        for run in (first, swapped)
    )
    return example(clean, corrupt, f" {right}", f" {other}", group)


TEMPLATES = {
    "induction": Template(
        "A run of random words comes again: what followed a word before follows it now.",
        (
            " lamp river seven coat green paper lamp river",
            " lamp coat seven river green paper lamp river",
            " seven",
            " green",
        ),
        partial(_draws, 10, 5),
        "induction_shifted",
        spans=("before", "answer", "other_before", "other", "again"),
    ),
    "induction_shifted": Template(
        "The same with longer runs.",
        (
            " lamp river seven coat green paper stone lamp river",
            " lamp coat seven river green paper stone lamp river",
            " seven",
            " green",
        ),
        partial(_draws, 16, 11),
        "induction",
        spans=("before", "answer", "other_before", "other", "again"),
    ),
}
