"""Dictionaries put side by side, with what evaluations measured, from whatever view asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saetui import queries
from saetui.comparison import Measured
from saetui.links import Link
from saetui.messages import Follow
from saetui.typeahead import keep_keys
from saetui.views.base import View


async def compare(view: View, found: Sequence[Mapping[str, Any]]) -> None:
    """Shows `found`, as `saetui.comparison.described` tells of each; goes to the features of them
    all on enter.
    """
    from saetui.screens.compare import Compare

    keep_keys(view)
    names = [str(each["dictionary"]) for each in found]
    figures = [Measured(*row) for row in await view.database.rows(queries.evaluated(names))]
    if chosen := await view.app.push_screen_wait(Compare(found, figures)):
        view.post_message(Follow(Link("features", ",".join(chosen))))
