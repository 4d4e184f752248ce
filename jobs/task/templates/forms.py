"""Prompts made from forms, that know where in them the words stand which they were made from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jobs.task.task import Example, Span, Spans

_FIELD = re.compile(r"(\{\w+\})")


class Filled(NamedTuple):
    """A prompt, and its named parts."""

    text: str
    spans: Spans


def fill(form: str, words: Mapping[str, str], unnamed: Sequence[str] = ()) -> Filled:
    """`form` with a word in place of every ``{field}``, as `str.format` has it. Each is a span of
    the field's name, but for those `unnamed`; the second one of a name has ``_again`` behind it.
    """
    text, spans = "", list[Span]()
    for part in _FIELD.split(form):
        if not _FIELD.fullmatch(part):
            text += part
            continue
        name = part[1:-1]
        start, text = len(text), text + words[name]
        if name not in unnamed:
            again = "_again" if any(span.name == name for span in spans) else ""
            spans.append(Span(name + again, start, len(text)))
    return Filled(text, tuple(spans))


def joined(parts: Sequence[tuple[str, str]], space: str = "") -> Filled:
    """Words, each with what it is called, with a space between them (`space` before the first);
    ``""``: nothing. Neighbours of one name are one span.
    """
    text, spans = space, list[Span]()
    for word, name in parts:
        text += " " if text.strip() else ""
        start, text = len(text), text + word
        if spans and name and spans[-1].name == name and spans[-1].stop == start - 1:
            spans[-1] = spans[-1]._replace(stop=len(text))
        elif name:
            spans.append(Span(name, start, len(text)))
    return Filled(text, tuple(spans))


def example(clean: Filled, corrupt: Filled, answer: str, wrong: str, group: str) -> Example:
    """A pair of such prompts."""
    spans = clean.spans, corrupt.spans
    return Example(clean.text, corrupt.text, answer, wrong, group, *spans)
