"""Built-in tasks: one small file a family, our own sentences and words. Free of torch."""

from __future__ import annotations

import random
from collections.abc import Sequence

from jobs.task.task import Example
from jobs.task.templates import agreement, grammar, induction, names, years
from jobs.task.templates.made import Spells, Template, from_blocks

TEMPLATES: dict[str, Template] = (
    agreement.TEMPLATES
    | names.TEMPLATES
    | years.TEMPLATES
    | induction.TEMPLATES
    | grammar.TEMPLATES
)
"""By name."""

OF_TINY = "tiny_"
"""What the names of tasks in the language of ``tiny`` begin with."""


def known(name: str) -> bool:
    """Whether `name` is a built-in task of some model."""
    return name in TEMPLATES or OF_TINY + name in TEMPLATES


def resolve(name: str, tokenizer: Spells) -> str:
    """The template that `name` means for a tokenizer: ``brackets`` is ``tiny_brackets`` where it
    speaks the language of ``tiny``.
    """
    own = OF_TINY + name
    if own in TEMPLATES and (name not in TEMPLATES or grammar.speaks(tokenizer)):
        return own
    return name


def make(name: str, tokenizer: Spells, n: int, seed: int) -> Sequence[Example]:
    """Up to `n` different examples of a template, the same for the same `seed`; none where the
    tokenizer lacks the words.
    """
    rng = random.Random(f"{name}:{seed}")
    made = from_blocks(rng, TEMPLATES[name].draws(tokenizer, rng), n)
    return made if made and _spelled(str(made[0].clean), tokenizer) else []


def _spelled(text: str, tokenizer: Spells) -> bool:
    """Whether all of a sentence is there in its tokens, and none of it became unknown."""
    return "".join(map(tokenizer.token, tokenizer.encode(text))).split() == text.split()
