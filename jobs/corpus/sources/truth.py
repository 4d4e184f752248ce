"""``truth:NAME``: the prompts of a truth model, each a text with its answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from jobs.corpus.split import SourceText
from jobs.model.truth.listed import LISTED
from store.errors import AskedWrongly


def read(
    rest: str,
    *,
    seed: int = 0,
    text_column: str = "text",
    say: Callable[[str], object] = print,
) -> Iterator[SourceText]:
    """Prompts without end; with packing off each is a document, as the model reads them."""
    check(rest)
    from jobs.model.truth.compiled import CIRCUITS

    draw, rng = CIRCUITS[LISTED[rest].circuit].draw, random.Random(f"corpus-{seed}")
    number = 0
    while True:
        example = draw(rng)
        yield SourceText(f"{example.clean} {example.answer}", f"truth:{rest}:{number}")
        number += 1


def check(rest: str) -> None:
    """Raises AskedWrongly for a truth that is none."""
    if rest not in LISTED:
        known = ", ".join(f"truth:{name}" for name in LISTED)
        raise AskedWrongly(f"No corpus is called 'truth:{rest}'; of its kind there are {known}.")


def identity(rest: str) -> str:
    """Nothing beside the URI matters."""
    return ""


def slug(rest: str) -> str:
    """The corpus id's name for it."""
    return f"truth-{rest}"
