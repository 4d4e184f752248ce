"""What every pane can do: be the one in focus, be copied, show its SQL, fill the view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from saetui.links import Named
from saetui.messages import Copy, Lead, Say
from saetui.text import inert
from saetui.typeahead import keep_keys

WIDEST = 1_000
"""Characters of the longest title: no terminal is wider."""


class Pane(Widget, can_focus=True):
    """A titled box with one thing in it; the base of all panes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy", id="pane.copy", show=False),
        Binding("Y", "copy_sql", "copy SQL", id="pane.copy_sql", show=False),
        # Panes of rows open the row with enter.
        Binding("enter", "named", "go to what it names", id="pane.named", key_display="↵"),
        Binding("O", "named", "go to what it names", id="pane.named", show=False),
    ]

    NO_SQL: ClassVar[str] = ""
    """Why there is no SQL behind this pane, where no table holds what it shows."""

    _entitled: tuple[str, str] | None = None
    """What `entitle` was told last."""

    def entitle(self, title: str, aside: str = "") -> None:
        """Names the pane; `aside` stands at the other end of its lower edge. Both may be data."""
        title, aside = title[:WIDEST], aside[:WIDEST]
        if (title, aside) == self._entitled:
            return  # painting the same frame again would cost a frame
        self._entitled = (title, aside)
        self.border_title = Content(inert(title)) if title else None
        self.border_subtitle = Content(inert(aside)) if aside else None

    def copied(self) -> tuple[str, str] | None:
        """What ``y`` copies and what that is, in a word; None when there is nothing."""
        return None

    def sql(self) -> str | None:
        """The SQL behind what is shown, which ``Y`` copies; None when there is none."""
        return None

    def named(self) -> Sequence[Named]:
        """The ids in the frame, the legend and the text, which are links too, see `Named`."""
        return ()

    def action_named(self) -> None:
        """Goes to what the pane names; where that is several things, to one of them."""
        if found := list(dict.fromkeys(self.named())):
            if len(found) > 1:  # a list of them opens
                keep_keys(self)
            self.post_message(Lead(found))

    def on_click(self, event: Click) -> None:
        """A click on the frame's title, or on what stands at its other end."""
        on_edge = event.widget is self and event.y in (0, self.outer_size.height - 1)
        if on_edge and event.get_content_offset(self) is None:
            self.action_named()

    def action_copy(self) -> None:
        """Copies what is selected."""
        if copied := self.copied():
            self.post_message(Copy(*copied))

    def action_copy_sql(self) -> None:
        """Copies the query behind this pane."""
        if sql := self.sql():
            self.post_message(Copy(sql, "SQL"))
        else:
            self.post_message(Say(self.NO_SQL))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offers only what there is to copy."""
        if action == "copy":
            return self.copied() is not None
        if action == "named":
            return bool(self.named())
        if action == "copy_sql":
            return bool(self.NO_SQL) or self.sql() is not None
        return super().check_action(action, parameters)
