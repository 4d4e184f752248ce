"""The queries that were run here: found by words, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input
from typing_extensions import override

from saetui.key_names import key
from saetui.screens.box import Box
from saetui.widgets.rows import Column, Rows
from saetui.widgets.typed_line import TypedLine


class Recall(Box[str]):
    """Offers queries; what is typed keeps those that hold all its words. Gives the chosen one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "older", id="recall.down", priority=True),
        Binding("up", "move(-1)", "newer", id="recall.up", priority=True),
        Binding("escape", "close", "leave", id="recall.leave", key_display="esc", priority=True),
    ]

    def __init__(self, queries: Sequence[str]) -> None:
        super().__init__()
        self.queries = list(queries)

    @override
    def compose(self) -> ComposeResult:
        with Vertical(classes="box", id="recall"):
            yield TypedLine(hint="words of the query")
            rows = Rows([Column("", 0, lambda row: " ".join(str(row[0]).split()))])
            rows.can_focus = False
            yield rows

    def on_mount(self) -> None:
        """Begins with all of them."""
        box = self.query_one("#recall")
        box.border_title = "Queries run here"
        box.border_subtitle = (
            f"{key(self, 'recall.up')} {key(self, 'recall.down')} choose · "
            f"↵ takes it to the editor · {key(self, 'recall.leave')} leaves"
        )
        self._list("")
        self.query_one(Input).focus()

    def _list(self, text: str) -> None:
        words = text.lower().split()
        found = [(sql,) for sql in self.queries if all(word in sql.lower() for word in words)]
        rows = self.query_one(Rows)
        rows.empty = ["No query holds these words." if words else "No query was run here yet."]
        rows.show(len(found), found, cursor=0)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keeps the queries that hold the words."""
        event.stop()
        self._list(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Gives the query under the cursor."""
        event.stop()
        if row := self.query_one(Rows).current:
            self.dismiss(str(row[0]))

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Gives the query that was clicked."""
        self.dismiss(str(event.row[0]))

    def action_move(self, step: int) -> None:
        """Goes to another query."""
        self.query_one(Rows).cursor += step
