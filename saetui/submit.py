"""A job asked for in one line, as on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from store.errors import SaetuiError

if TYPE_CHECKING:
    from store import Workspace


def submit(workspace: Callable[[], Workspace], text: str) -> tuple[str, bool]:
    """Submits ``KIND key=value …``; gives a sentence, and whether it says what is wrong."""
    from jobs.describe import kinds, spec_class
    from jobs.parse import parse_words
    from jobs.pipeline import submit_pipeline

    try:
        words = shlex.split(text.strip().removeprefix("saetui run "))
    except ValueError as error:
        return f"{error}.", True
    if not words:
        return f"Name a kind of job: {', '.join(kinds())}.", True
    try:
        spec_class(words[0])
        stages = {"": {"kind": words[0], **parse_words(words[1:])}}
        jobs = submit_pipeline(workspace(), stages)
    except SaetuiError as error:
        return str(error), True
    names = ", ".join(job.id for job in jobs)
    return f"submitted {names}; 5 shows how it goes", False
