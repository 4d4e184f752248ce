"""Screens whose last line tells which keys do something: that of the views, and dialogs over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, cast

from textual.reactive import Reactive
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from typing_extensions import override

from saetui.typeahead import hand_over
from saetui.widgets.bars import HintBar

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from saetui.offers import Offers

T = TypeVar("T")


class Quiet(Screen[T], Generic[T]):
    """A screen that draws what loses and gains the focus, where Textual draws all of it anew."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    _hints_due = False

    @property
    def frame(self) -> DOMNode:
        """Whose keys stand at the right end of the hints and never vanish."""
        return self

    def watch_focused(self, before: Widget | None, now: Widget | None) -> None:
        """A widget may look another way with the focus."""
        for widget in (before, now):
            if widget is not None and widget.is_attached:
                widget.refresh()

    def on_mount(self) -> None:
        """Hints follow what has the focus."""
        self.bindings_updated_signal.subscribe(self, self._hints_changed)

    def _hints_changed(self, _: Screen[object]) -> None:
        """Several panes say so at a time; asking each what it offers takes milliseconds."""
        if not self._hints_due:
            self._hints_due = True
            self.call_next(self.show_hints)

    def show_hints(self) -> None:
        """Tells which keys do something now."""
        self._hints_due = False
        if self.is_attached and (lines := [c for c in self.children if isinstance(c, HintBar)]):
            lines[0].hints = cast("Offers", self.app).hints(self.active_bindings, self.frame)


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

    @property
    @override
    def frame(self) -> DOMNode:
        """The application."""
        return self.app


class Dialog(Quiet[T], ModalScreen[T], Generic[T]):
    """What opens over a view; the last line has its keys, not those of the view beneath."""

    def on_mount(self) -> None:
        """Puts its own hints over those of the view, and takes what was typed meanwhile."""
        self.mount(HintBar(last=1))
        self.show_hints()
        hand_over(self)
