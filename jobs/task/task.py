"""What a task is: pairs of prompts, with the token that should follow."""

from __future__ import annotations

from typing import NamedTuple

Text = str | tuple[int, ...]
"""A prompt as it is written, or its token ids."""


class Span(NamedTuple):
    """A part of a prompt."""

    name: str
    start: int
    """The first character of a text, or token id, that is of it."""
    stop: int
    """The first behind it."""


Spans = tuple[Span, ...]
"""Parts that do not overlap, in the order in which a task tells them."""


class Example(NamedTuple):
    """One pair: the behaviour shows after `clean` and not, or another way, after `corrupt`."""

    clean: Text
    """The prompt."""
    corrupt: Text | None
    """Its counterpart, of as many tokens; None where the task has none."""
    answer: str | int
    """The token that is right, with its leading space, or its id."""
    wrong: str | int | None
    """The token that it is held against; None where there is none."""
    group: str
    """What it is about: examples of one group stay on one side of a split."""
    spans: Spans | None = None
    """Named parts of `clean`; None where the task names none."""
    corrupt_spans: Spans | None = None
    """The same of `corrupt`, which stand at the same tokens; None: nothing is said of those."""


class Task(NamedTuple):
    """A behaviour."""

    name: str
    """As it was asked for."""
    says: str
    """One sentence: what is asked of the model."""
    examples: tuple[Example, ...]
    """At least one."""
    template: str
    """The template that made it; "" for files and slices."""
    shifted: str | None
    """The task that asks the same in other words, for transfer."""
    metric: str = "logit_diff"
    """What it is measured by where nothing else is asked: ``logit_diff`` or ``kl``."""
    said: tuple[str, ...] = ()
    """What a user should hear of how it was made."""


class Unfit(ValueError):
    """A pair that cannot be used; its text names the one thing that is wrong with it."""

    def __init__(self, what: str, example: str) -> None:
        super().__init__(example)
        self.what = what
        """The kind of fault, the same for every pair that has it."""


def shown(text: Text | None) -> str:
    """A prompt in a message."""
    text_ = repr(text) if isinstance(text, str) else str(list(text or ()))
    return text_ if len(text_) <= 60 else text_[:57] + "…"
