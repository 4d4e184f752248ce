"""Where text comes from: one file a kind of URI, each a generator of `SourceText`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from jobs.corpus.sources import files, grammar, hub, installed, truth
from jobs.corpus.split import SourceText
from store.errors import AskedWrongly

Say = Callable[[str], object]


class Source(NamedTuple):
    """A kind of URI."""

    says: str
    read: Callable[..., Iterator[SourceText]]
    """``read(rest, text_column=…, seed=…, say=…)``, `rest` being what follows ``:``."""
    identity: Callable[[str], str]
    """What, beside the URI, tells one text from another: changes when a file does."""
    slug: Callable[[str], str]
    """A short name for the corpus id."""


SOURCES: dict[str, Source] = {
    "docs": Source(
        "documentation of the Python packages installed here (docs:numpy,scipy for some of them)",
        installed.read,
        installed.identity,
        installed.slug,
    ),
    "file": Source(
        "a .txt, .md, .jsonl or .parquet file, or a folder of them",
        files.read,
        files.identity,
        files.slug,
    ),
    "hf": Source(
        "a dataset of the Hugging Face hub, streamed: hf:NAME[/CONFIG][@REVISION]",
        hub.read,
        hub.identity,
        hub.slug,
    ),
    "grammar": Source(
        "the synthetic language of tiny, with its latent variables",
        grammar.read,
        grammar.identity,
        grammar.slug,
    ),
    "truth": Source(
        "the prompts of a truth model (truth:induction, …)",
        truth.read,
        truth.identity,
        truth.slug,
    ),
}


def parse_uri(uri: str) -> tuple[Source, str]:
    """The source a URI names, and what follows the colon; raises AskedWrongly."""
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in SOURCES:
        valid = ", ".join(f"{name}: ({source.says})" for name, source in SOURCES.items())
        raise AskedWrongly(f"No corpus is called {uri!r}; valid are {valid}.")
    return SOURCES[scheme], rest


__all__ = ["SOURCES", "Source", "parse_uri"]
