"""What jobs that train crosscoders say, and those that splice dictionaries in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.names import Hook
from store.errors import AskedWrongly


def check_one_width(widths: Mapping[Hook, int | None]) -> None:
    """Raises AskedWrongly where the sources of a crosscoder are not of one width; None is not
    known yet.
    """
    known = [(hook, width) for hook, width in widths.items() if width is not None]
    for hook, width in known:
        if width != known[0][1]:
            raise AskedWrongly(
                f"A crosscoder reads hooks of one width: {known[0][0].described} is {known[0][1]} "
                f"wide, {hook.described} {width}."
            )


def refuse_crosscoder(name: str, manifest: Mapping[str, Any]) -> None:
    """Raises AskedWrongly where dictionary `name` has several sources."""
    if manifest.get("sources"):
        raise AskedWrongly(
            f"{name} is a crosscoder: its code needs several activations at once, so it cannot be "
            "spliced in at one place. Name dictionaries of one hook each."
        )
