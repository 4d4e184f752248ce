"""The palette, with its keys in the last line."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.command import CommandPalette

from saetui.key_names import IN_ASCII
from saetui.widgets.bars import HintBar

if TYPE_CHECKING:
    from saetui.workbench import Workbench

KEYS = (("↑ ↓", "choose"), ("↵", "do it"), ("esc", "close"))
"""Textual's own: they have no ids, and no other keys can be given to them."""


class Palette(CommandPalette):
    """Textual's palette of what can be done here."""

    async def on_mount(self) -> None:
        """Puts its own hints over those of the view."""
        plain = cast("Workbench", self.app).config.ascii
        await self.mount(bar := HintBar(last=1))
        bar.hints = tuple(
            (" ".join(IN_ASCII[sign] if plain and sign in IN_ASCII else sign
                      for sign in keys.split(" ")), says)
            for keys, says in KEYS
        )  # fmt: skip
