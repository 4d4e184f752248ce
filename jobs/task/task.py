"""What a task is: pairs of prompts, with the token that should follow."""

from __future__ import annotations

from typing import NamedTuple

Text = str | tuple[int, ...]
"""A prompt as it is written, or its token ids."""


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
