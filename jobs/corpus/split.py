"""Keeps some texts for evaluation: each text goes whole to one side, by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Literal, NamedTuple, TypeVar

from store.errors import AskedWrongly

Split = Literal["train", "held_out"]


class SourceText(NamedTuple):
    """One text as read from its source."""

    text: str
    source: str
    """Where it came from, e.g. ``numpy/linalg/_linalg.py:svd``."""
    latents: list[tuple[str, ...]] | None = None
    """For synthetic text, the latents of each word."""


T = TypeVar("T")


def draw(text: str, seed: int) -> float:
    """A number in [0, 1) that depends on the text and the seed alone, so that equal texts fall on
    the same side.
    """
    digest = hashlib.blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode()
    ).digest()
    return int.from_bytes(digest, "big") / 2**64


def assign(
    texts: Iterable[SourceText], held_out: float, seed: int
) -> Iterator[tuple[SourceText, Split]]:
    """Each text with its split: held out where its draw is below `held_out`.

    Among the first texts, of which there may be few, at least one is held out and one is not.
    Raises AskedWrongly if all texts are equal, so that nothing could be held out.
    """
    stream = iter(texts)
    # Enough that the rest, drawn one by one, changes little.
    first = list(islice(stream, max(8, round(3 / held_out), round(3 / (1 - held_out)))))
    draws = sorted({draw(text.text, seed) for text in first})
    forced: dict[float, Split] = {}
    if len(draws) >= 2:
        if draws[0] >= held_out:
            forced[draws[0]] = "held_out"
        if draws[-1] < held_out:
            forced[draws[-1]] = "train"
    elif first:
        raise AskedWrongly(
            f"There is only one text ({first[0].source}), so no other can be held out for "
            "evaluation; give more text, or text with blank lines between its parts."
        )
    for text in chain(first, stream):
        u = draw(text.text, seed)
        yield text, forced.get(u) or ("held_out" if u < held_out else "train")
