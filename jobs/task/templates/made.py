"""What every template is: a maker of examples from the words that a tokenizer has whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from jobs.task.task import Example

BLOCKS = 8
"""Into how many blocks words are dealt: an example takes all its words from one, so that blocks,
which are its groups, can be split without a word on both sides."""
_TRIES = 40
"""Draws for each example that is asked for, before a block counts as used up."""


class Spells(Protocol):
    """What a template asks of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`, without special tokens."""

    def token(self, id: int) -> str:
        """The text of one token alone."""

    def vocabulary(self) -> Mapping[str, int]:
        """Every token, with its id."""


def whole(tokenizer: Spells, word: str) -> bool:
    """Whether `word`, as it is written, is one token that says so."""
    ids = tokenizer.encode(word)
    return len(ids) == 1 and tokenizer.token(ids[0]).strip() == word.strip()


def words(tokenizer: Spells, candidates: Iterable[str]) -> list[str]:
    """Those of `candidates` that are one token inside a sentence."""
    return [word for word in candidates if whole(tokenizer, f" {word}")]


def pairs(tokenizer: Spells, candidates: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those pairs of which both are one token inside a sentence."""
    return [pair for pair in candidates if len(words(tokenizer, pair)) == len(pair)]


def blocks(
    rng: random.Random, *lists: Sequence[Any], least: Sequence[int] | None = None
) -> list[list[Any]]:
    """Each list dealt out into as many parts as all of them can fill (with `least` items each, or
    one); block i holds part i of every list.
    """
    need = least or [1] * len(lists)
    count = min(BLOCKS, *(len(one) // n for one, n in zip(lists, need, strict=True)))
    dealt = [rng.sample(list(one), len(one)) for one in lists]
    return [[one[i::count] for one in dealt] for i in range(count)]


Draw = Callable[[random.Random], Example]
"""Draws one example of a block."""


def from_blocks(rng: random.Random, draws: Sequence[Draw], n: int) -> list[Example]:
    """Up to `n` different examples, as even over the blocks as they allow."""
    found: dict[tuple[object, object], Example] = {}
    live = list(draws)
    while live and len(found) < n:
        for draw in list(live):
            new = next(_new(rng, draw, found), None)
            if new is None:
                live.remove(draw)
            elif len(found) < n:
                found[new.clean, new.answer] = new
    return list(found.values())


def _new(
    rng: random.Random, draw: Draw, found: Mapping[tuple[object, object], Example]
) -> Iterator[Example]:
    for _ in range(_TRIES):
        example = draw(rng)
        if (example.clean, example.answer) not in found:
            yield example


class Template(NamedTuple):
    """A built-in task."""

    says: str
    """One sentence: what is asked of the model."""
    example: tuple[str, str, str, str]
    """Clean, corrupt, answer, wrong: how one of its pairs may look."""
    draws: Callable[[Spells, random.Random], Sequence[Draw]]
    """A way to draw for each block of words; none where the tokenizer lacks the words."""
    shifted: str | None = None
    """The built-in task that asks the same in other words."""
    spans: tuple[str, ...] = ()
    """What it calls parts of its prompts."""
