"""Named parts of prompts, for circuits whose nodes are of one such part (Haklay et al. 2025,
arXiv:2502.04577): a span is called the same in every prompt, wherever it stands and however many
tokens it has.

A task names those that matter. Every other token has one all the same, so that spans divide a
prompt: ``start`` is the model's own start token, ``end`` the last token, after which the answer is
read, ``rest`` all others. Free of torch.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from jobs.task.task import Example, Span, Spans, Text, Unfit, shown
from store.errors import AskedWrongly

START, REST, END = "start", "rest", "end"
"""What tokens are of that are in no span of the task."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,29}")


def read_spans(value: Any, prompt: Text) -> Spans:
    """Spans of a prompt as JSON has them, ``{"subject": [4, 12]}``: from which character of a text
    to before which, or from which token id on. Raises ValueError, in a sentence.
    """
    if not isinstance(value, dict) or not value:
        raise ValueError(
            f'spans are {json.dumps(value)}, not names with a range each: {{"subject": [4, 12]}}.'
        )
    found = []
    for name, ends in value.items():
        if not isinstance(ends, list) or [type(end) for end in ends] != [int, int]:
            raise ValueError(
                f"span {name} is {json.dumps(ends)}, not where it starts and before what it ends: "
                "[4, 12]."
            )
        found.append(Span(name, *ends))
    _check(found, prompt)
    return tuple(found)


def _check(spans: Sequence[Span], prompt: Text) -> None:
    what = "characters" if isinstance(prompt, str) else "tokens"
    for span in spans:
        if not _NAME.fullmatch(span.name):
            raise ValueError(
                f"span {span.name!r} is not called by letters, digits, - and _, up to thirty, a "
                "letter first."
            )
        if span.name in (START, REST, END):
            raise ValueError(
                f"span {span.name} cannot be named: {START}, {END} and {REST} are what is in no "
                "other span (the start token, the last token, all others)."
            )
        if not 0 <= span.start < span.stop <= len(prompt):
            raise ValueError(
                f"span {span.name} goes from {span.start} to {span.stop}, and the prompt has "
                f"{len(prompt)} {what}."
            )
    ordered = sorted(spans, key=lambda span: span.start)
    for one, next_ in pairwise(ordered):
        if next_.start < one.stop:
            raise ValueError(f"spans {one.name} and {next_.name} overlap.")


def names_of(task: str, examples: Iterable[Example]) -> tuple[str, ...]:
    """Names of the spans of a task, in the order in which it tells them. Raises AskedWrongly where
    it has none, and where not every pair has all.
    """
    every = list(examples)
    count = Counter(span.name for example in every for span in example.spans or ())
    if not count:
        raise AskedWrongly(
            f"Task {task} names no spans, and per_position=spans has a node for each: in JSON "
            'lines, "spans": {"subject": [4, 12]} beside clean says where in it they stand.'
        )
    for name, n in count.items():
        if n < len(every):
            without = next(e for e in every if name not in {s.name for s in e.spans or ()})
            raise AskedWrongly(
                f"Span {name} of task {task} is missing from {len(every) - n} of {len(every)} "
                f"pairs (e.g. {shown(without.clean)}); all must name the same spans."
            )
    return tuple(count)


def of_tokens(
    spans: Spans, prompt: Text, offsets: Sequence[tuple[int, int]], starts: bool
) -> tuple[str, ...]:
    """The span of every token. `offsets` say from which character of a text to before which each
    goes, but for the start token, or count token ids; `starts` whether a start token stands first
    of all. A token is of a span where they share more than space.

    Raises Unfit for a span without a token, and for a token of two.
    """
    found: list[str] = []
    for first, last in offsets:
        own = [span.name for span in spans if _shares(span, first, last, prompt)]
        if len(own) > 1:
            raise Unfit("two spans share a token", f"{own[0]} and {own[1]} in {shown(prompt)}")
        found.append(own[0] if own else REST)
    if empty := next((span.name for span in spans if span.name not in found), None):
        raise Unfit("a span holds no token", f"{empty} in {shown(prompt)}")
    if starts and isinstance(prompt, str):
        found.insert(0, START)
    elif starts and found[0] == REST:
        found[0] = START
    if found[-1] == REST:
        found[-1] = END
    return tuple(found)


def _shares(span: Span, first: int, last: int, prompt: Text) -> bool:
    low, high = max(span.start, first), min(span.stop, last)
    return low < high and (not isinstance(prompt, str) or not prompt[low:high].isspace())


def in_order(named: Sequence[str], tokens: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Those named, with what tokens of some prompts are of beside them."""
    there = {name for prompt in tokens for name in prompt}
    return tuple(name for name in (START, *named, REST, END) if name in there or name in named)
