"""Ids that stand in a line of text, e.g. of a log: each is a link."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from saetui.links import Link, Named, to

_WORD = re.compile(r"[^\s,;()\[\]{}'\"`=→…]+")
_END = ".:!?"
"""Signs that end a sentence; inside an id they are part of it."""


def spans(text: str, known: Mapping[str, str]) -> Iterator[tuple[int, int, Named]]:
    """Where ids begin and end in `text`; `known` tells of each what kind of thing it is, see
    `saetui.links.to`. A feature's is that of its dictionary, ``#`` and a number.
    """
    for word in _WORD.finditer(text):
        name = word[0].rstrip(_END)
        if (found := _named(name, known)) is not None:
            yield word.start(), word.start() + len(name), found


def mentioned(text: str, known: Mapping[str, str]) -> list[Named]:
    """The ids in `text`, each once."""
    return list(dict.fromkeys(found for _, _, found in spans(text, known)))


def _named(name: str, known: Mapping[str, str]) -> Named | None:
    if name in known:
        return Named(name, known[name], to(known[name], name))
    dictionary, _, number = name.rpartition("#")
    if known.get(dictionary) == "dictionary" and number.isascii() and number.isdecimal():
        return Named(name, "feature", Link("features", name))
    return None
