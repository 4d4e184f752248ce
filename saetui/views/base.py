"""What every view has: panes to go through, one of them current, and places to go to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import DescendantFocus
from textual.widget import Widget

from saetui.links import Link
from saetui.messages import Say
from saetui.widgets.rows import Rows
from store.errors import SaetuiError

if TYPE_CHECKING:
    from jobs.state import JobState
    from saetui.database import Database
    from saetui.session import Remembered
    from saetui.workbench import Workbench


@contextmanager
def told(widget: Widget) -> Iterator[None]:
    """What goes wrong in the block is told to the user, in its own words."""
    try:
        yield
    except SaetuiError as error:
        widget.post_message(Say(str(error), "error"))


class View(Container):
    """One of the numbered views. Its panes have the class ``pane``; what holds several panes has
    the class ``split``, so that both vanish when another pane takes all the room.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "pane(1)", "next pane", id="view.next_pane"),
        Binding("shift+tab", "pane(-1)", "previous pane", id="view.previous_pane", show=False),
        Binding("z", "zoom", "zoom", id="view.zoom", show=False),
        Binding("escape", "leave", "leave", id="view.leave", show=False),
    ]

    NAME: ClassVar[str]
    """Name in links; that of its entry."""

    @property
    def workbench(self) -> Workbench:
        """The application."""
        return cast("Workbench", self.app)

    @property
    def database(self) -> Database:
        """The workspace's tables."""
        return self.workbench.database

    def told(self) -> AbstractContextManager[None]:
        """What goes wrong in the block is told to the user, in its own words."""
        return told(self)

    # Places

    @property
    def here(self) -> Link:
        """The place that is shown, for going back to it."""
        return Link(self.NAME)

    @property
    def left_at(self) -> Link:
        """`here`, with the pane that the user is in."""
        return replace(self.here, pane=self.pane.id or "")

    def go(self, target: str) -> None:
        """Shows `target` (see `Link.target`)."""

    def arrive(self, link: Link) -> None:
        """Goes where `link` leads; to the pane that it names, where it names one."""
        if link.target:
            self.go(link.target)
        for pane in self.panes:
            if pane.id == link.pane:
                self.show_pane(pane)

    async def settled(self) -> None:
        """Until the view shows what was asked for last."""

    @property
    def job_at_hand(self) -> tuple[str, dict[str, str]]:
        """Kind and values that the form of ``r`` begins with here."""
        return "", {}

    # The session

    def remembered(self) -> dict[str, Any]:
        """What the next session should know of this view: values that JSON can hold."""
        return {"pane": self.pane.id, "zoomed": self.has_class("-zoomed")}

    def remember(self, was: Remembered) -> None:
        """Takes up what `remembered` told the last session; called once, before `entered`.

        What `was` tells may be old, or somebody else's: things that are gone are passed over.
        """
        for pane in self.panes:
            if pane.id == was.text("pane"):
                self.show_pane(pane, focus=self.display)
        self.set_class(was.flag("zoomed"), "-zoomed")

    # News

    def entered(self) -> None:
        """The view is now the one shown."""

    def tables_changed(self) -> None:
        """Tables were published or removed."""

    def jobs_changed(self, jobs: Sequence[JobState]) -> None:
        """The jobs, newest first, as they are now: what is missing may be on its way."""
        for rows in self.query(Rows):
            if not rows.count and callable(rows.empty):
                rows.refresh()

    # Panes

    @property
    def panes(self) -> list[Widget]:
        """The panes, in the order of ``tab``."""
        return list(self.query(".pane").results(Widget))

    @property
    def pane(self) -> Widget:
        """The current pane."""
        panes = self.panes
        return next((pane for pane in panes if pane.has_class("-current")), panes[0])

    def show_pane(self, pane: Widget, *, focus: bool = True) -> None:
        """Makes `pane` the current one."""
        # Where all panes are seen, no style asks which is current, and to style one anew costs
        # milliseconds: it has a dozen inner styles.
        alone = self.has_class("-zoomed") or not self.screen.has_class("-wide")
        here = set(pane.ancestors_with_self)
        for widget in self.query(".pane, .split").results(Widget):
            widget.set_class(widget in here, "-current", update=alone)
        if focus:
            pane.focus(scroll_visible=False)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The pane that has the focus is the current one; one that had it for a moment is not."""
        if event.widget.has_class("pane") and event.widget is self.screen.focused:
            self.show_pane(event.widget, focus=False)

    def action_pane(self, step: int) -> None:
        """Goes to the next pane."""
        panes = self.panes
        self.show_pane(panes[(panes.index(self.pane) + step) % len(panes)])

    def action_zoom(self) -> None:
        """Gives the current pane all the room, or takes it back."""
        self.toggle_class("-zoomed")

    def action_leave(self) -> None:
        """Takes back the zoom, else goes to the first pane."""
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        else:
            self.show_pane(self.panes[0])
