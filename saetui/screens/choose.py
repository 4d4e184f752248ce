"""One of several things, chosen from a list."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from typing_extensions import override

from saetui.screens.box import Box
from saetui.widgets.rows import Column, Rows


class Choose(Box[str]):
    """Offers names, each with a few words; gives the chosen one."""

    def __init__(self, title: str, names: Sequence[tuple[str, str]], current: str = "") -> None:
        super().__init__()
        self.names = list(names)
        self.current = current
        self.heading = title

    @override
    def compose(self) -> ComposeResult:
        rows = Rows(
            [
                Column(self.heading.lower(), 0, lambda row: (row[0], "strong")),
                Column("", 32, lambda row: (row[1], "muted"), needs=70),
            ]
        )
        rows.add_class("box")
        rows.empty = ["There is nothing to choose from."]
        yield rows

    def on_mount(self) -> None:
        """Puts the cursor on the current one."""
        rows = self.query_one(Rows)
        rows.entitle(self.heading)
        rows.styles.height = min(len(self.names), 30) + 3
        names = [name for name, _ in self.names]
        at = names.index(self.current) if self.current in names else 0
        rows.show(len(names), self.names, cursor=at)
        rows.focus()

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Gives the name."""
        self.dismiss(str(event.row[0]))
