"""What jobs made: its features, and several dictionaries side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from saetui import queries
from saetui.comparison import described
from saetui.links import Link
from saetui.messages import Follow, Say
from saetui.screens.choose import Choose
from saetui.typeahead import hand_over, keep_keys
from saetui.views.base import View
from saetui.views.comparing import compare
from saetui.views.overview.layout import Coverage, Dictionary
from store.errors import SaetuiError


class MadeActions(View):
    """Keys that lead from jobs to dictionaries."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "made", "what it made", id="jobs.made"),
        Binding("v", "compare", "compare", id="jobs.compare", show=False),
    ]

    def specs_at_hand(self) -> list[dict[str, Any]]:
        """What was asked of the job under the cursor, then of the marked ones."""
        raise NotImplementedError

    @work(exclusive=True, group="choose")
    async def action_made(self) -> None:
        """Opens the features of what the job made or read."""
        keep_keys(self)
        names = await self._dictionaries(self.specs_at_hand()[:1])
        if len(names) < 2:
            hand_over(self)
        if not names:
            self.post_message(Say("This job made no dictionary."))
            return
        chosen: str | None = names[0]
        if len(names) > 1:
            offered = [(name, "") for name in names]
            chosen = await self.app.push_screen_wait(Choose("Dictionary", offered))
        if chosen:
            self.post_message(Follow(Link("features", chosen)))

    @work(exclusive=True, group="choose")
    async def action_compare(self) -> None:
        """Puts side by side what the job at hand and the marked ones made or read."""
        keep_keys(self)
        names = await self._dictionaries(self.specs_at_hand())
        with self.told():
            found = await self._described(names)
            if not found:
                hand_over(self)
                self.post_message(Say("These jobs have made no dictionary that could be compared."))
                return
            await compare(self, found)

    async def _dictionaries(self, specs: Sequence[dict[str, Any]]) -> list[str]:
        """Names, each once."""
        named = await self.database.work(partial(_all, specs))
        return list(dict.fromkeys(named))

    async def _described(self, names: Sequence[str]) -> list[dict[str, Any]]:
        rows, profiled = await asyncio.gather(
            self.database.rows(queries.dictionaries()), self.database.rows(queries.coverage())
        )
        known = {row[0]: Coverage(*row[1:])._asdict() for row in profiled}
        all_ = {row[0]: Dictionary(*row)._asdict() for row in rows}
        return [described(all_[name], known.get(name)) for name in names if name in all_]


def _all(specs: Iterable[dict[str, Any]]) -> list[str]:
    return [name for spec in specs for name in dictionaries_of(spec)]


def dictionaries_of(spec: dict[str, Any]) -> list[str]:
    """Dictionaries that a job of `spec` makes, else those it reads."""
    from jobs import parse

    try:
        known = parse.load(spec)
    except (SaetuiError, KeyError):
        return []
    return known.outputs() or known.inputs()
