"""The screen that the views stand on."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from typing_extensions import override

T = TypeVar("T")


class Quiet(Screen[T], Generic[T]):
    """A screen that draws what loses and gains the focus, where Textual draws all of it anew."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def watch_focused(self, before: Widget | None, now: Widget | None) -> None:
        """A widget may look another way with the focus."""
        for widget in (before, now):
            if widget is not None and widget.is_attached:
                widget.refresh()


class Ground(Quiet[None]):
    """The views' own screen. Under a dialog it stands still.

    A dialog is drawn over a dimmed picture of what lies below. Every repaint there would draw the
    whole terminal anew, picture and dialog: some 30 ms, again and again while jobs report. What
    changed meanwhile is painted when the dialog closes.
    """

    @property
    @override
    def is_current(self) -> bool:
        """Whether it paints now."""
        return self.app.screen is self
