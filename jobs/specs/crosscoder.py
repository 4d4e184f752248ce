"""What jobs that splice dictionaries in say of a crosscoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from store.errors import AskedWrongly


def refuse_crosscoder(name: str, manifest: Mapping[str, Any]) -> None:
    """Raises AskedWrongly where dictionary `name` has several sources."""
    if manifest.get("sources"):
        raise AskedWrongly(
            f"{name} is a crosscoder: its code needs several activations at once, so it cannot be "
            "spliced in at one place. Name dictionaries of one hook each."
        )
