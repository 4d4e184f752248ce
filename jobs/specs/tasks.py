"""The built-in tasks of circuits, for those who list them: a name, a sentence, an example each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from jobs.model.truth.listed import LISTED, PREFIX
from jobs.task.templates import OF_TINY, TEMPLATES


class Listed(NamedTuple):
    """A built-in task."""

    name: str
    says: str
    """One sentence: what is asked of the model."""
    model: str
    """What it can be asked of: any model of ``English``, or one model alone."""
    clean: str
    """A prompt as it may look."""
    corrupt: str
    """Its counterpart."""
    answer: str
    wrong: str
    shifted: str | None
    """The task that asks the same in other words, for transfer."""
    spans: tuple[str, ...] = ()
    """What it calls parts of its prompts."""


def tasks() -> Sequence[Listed]:
    """Every built-in task, those of one family together."""
    built_in = [
        Listed(
            name,
            template.says,
            "tiny" if name.startswith(OF_TINY) else "English",
            *template.example,
            template.shifted,
            template.spans,
        )
        for name, template in TEMPLATES.items()
    ]
    truths = [
        Listed(PREFIX + name, one.says, PREFIX + name, *one.example, None)
        for name, one in LISTED.items()
    ]
    return [*built_in, *truths]
