"""``grammar:``: the synthetic language of ``tiny``, with the truth behind every word."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jobs.corpus.grammar import texts
from jobs.corpus.split import SourceText
from store.errors import AskedWrongly


def read(
    rest: str,
    *,
    seed: int = 0,
    text_column: str = "text",
    say: Callable[[str], object] = print,
) -> Iterator[SourceText]:
    """Texts without end, other ones than those ``tiny`` was trained on."""
    if rest:
        raise AskedWrongly(f"grammar: takes nothing after the colon, not {rest!r}.")
    for number, text in enumerate(texts(f"corpus-{seed}")):
        yield SourceText(" ".join(text.words), f"grammar:{number}", text.latents)


def identity(rest: str) -> str:
    """Nothing beside the URI matters."""
    return ""


def slug(rest: str) -> str:
    """The corpus id's name for it."""
    return "grammar"
