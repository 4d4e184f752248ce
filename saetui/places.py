"""Going from place to place: which view is shown, where a link leads, where the user came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import work
from textual.binding import Binding, BindingType

from saetui import memory
from saetui.links import History, Link, Named
from saetui.messages import Follow, Lead, Say
from saetui.remembering import Remembering
from saetui.screens.box import Box
from saetui.views import Entry, entries
from saetui.widgets.bars import TopBar

if TYPE_CHECKING:
    from saetui.views.base import View


def _opens(entry: Entry) -> Binding:
    return Binding(
        entry.key, f"show({entry.name!r})", entry.title, id=f"app.{entry.name}", show=False
    )


class Places(Remembering):
    """A frame with views, one of them shown; each is loaded when it is first opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(_opens(entry) for entry in entries()),
        Binding("[", "back", "back", id="app.back", show=False, key_display="["),
        Binding("]", "forward", "forward", id="app.forward", show=False, key_display="]"),
    ]

    def __init__(self, *args: Any, view: str = "", **kwargs: Any) -> None:
        """Opens on `view`, else on the one that was remembered, else on the first."""
        super().__init__(*args, **kwargs)
        self.history = History()
        names = [entry.name for entry in entries()]
        wanted = view or self.remembered.text("view")
        self.first = wanted if wanted in names else names[0]
        """The view that is shown first."""

    def load(self, name: str) -> View:
        """A view, new."""
        entry = next(entry for entry in entries() if entry.name == name)
        return entry.load()(id=name)

    @property
    def view(self) -> View:
        """The view that is shown."""
        return cast("View", self.ground.query_one(f"#{self.top_bar.shown}"))

    async def _show(self, name: str) -> View:
        views = self.views
        if not views.query(f"#{name}"):
            await views.mount(self.load(name))
            self.remind(cast("View", views.query_one(f"#{name}")))
            memory.set_apart()
        view = self.turn_to(name)
        view.entered()
        if self.looked:
            view.jobs_changed(self.jobs)
        return view

    def turn_to(self, name: str) -> View:
        """Shows a view that has been opened."""
        for child in self.views.children:
            child.display = child.id == name
        self.top_bar.shown = name
        self.view.show_pane(self.view.pane)
        return self.view

    async def action_show(self, name: str) -> None:
        """Shows a view as it was left."""
        if name != self.view.NAME:
            self.keep_keys(at_most=None)  # typed meanwhile, they are meant for the view that opens
            self.history.leave(self.view.left_at)
            await self._show(name)
            self.wait_for(self.view.settled)
            self.call_later(self.hand_over)

    def on_top_bar_chosen(self, event: TopBar.Chosen) -> None:
        """A view was clicked."""
        self.call_later(self.action_show, event.name)

    async def on_follow(self, event: Follow) -> None:
        """A link was followed; a box in which it stood closes."""
        while isinstance(self.screen, Box):
            self.screen.dismiss(None)
        self.history.leave(self.view.left_at)
        await self._go(event.link)

    @work(exclusive=True, group="choose")
    async def on_lead(self, event: Lead) -> None:
        """One of several things is to be gone to."""
        chosen: Named | None = event.named[0]
        if len(event.named) > 1:
            from saetui.screens.choose import ChooseNamed

            chosen = await self.push_screen_wait(ChooseNamed(event.named))
        if chosen:
            self.post_message(Follow(chosen.link))

    async def _go(self, link: Link) -> None:
        (await self._show(link.view)).arrive(link)
        self.wait_for(self.view.settled)

    async def action_back(self) -> None:
        """Returns to the place before."""
        await self._step(backwards=True)

    async def action_forward(self) -> None:
        """Takes back a return."""
        await self._step(backwards=False)

    async def _step(self, *, backwards: bool) -> None:
        if link := self.history.step(self.view.left_at, backwards=backwards):
            await self._go(link)
        else:
            self.post_message(Say(f"There is no place {'before' if backwards else 'after'} this."))
