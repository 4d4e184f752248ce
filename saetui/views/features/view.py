"""Features: a list of a dictionary's features, and the page of the one under the cursor."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from typing_extensions import override

from saetui import queries
from saetui.database import Row
from saetui.links import Link, feature_id, parse_feature
from saetui.messages import Ask, Follow
from saetui.screens.choose import ChooseSome
from saetui.session import Remembered
from saetui.typeahead import keep_keys, wait_for
from saetui.views.features.actions import FeatureActions
from saetui.views.features.index import FeatureIndex
from saetui.views.features.listing import FeatureList
from saetui.views.features.page import Page
from saetui.views.features.pages import Pages
from saetui.widgets.rows import Rows
from store.errors import SaetuiError


class FeaturesView(FeatureActions):
    """The list and the page."""

    NAME = "features"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "find", "go to id", id="features.find"),
        Binding("d", "choose", "dictionary", id="features.dictionary"),
        Binding("n", "step(1)", "next feature", id="features.next", show=False),
        Binding("N", "step(-1)", "previous feature", id="features.previous", show=False),
    ]

    @override
    def compose(self) -> ComposeResult:
        index = FeatureIndex(self.database)
        self.listed = FeatureList(index)
        self.page = Page(Pages(self.database, index))
        yield self.listed
        yield self.page

    _was_at = 0
    """Where in the list the cursor was."""

    # Places

    @property
    @override
    def here(self) -> Link:
        if self.listed.at is None:
            return Link(self.NAME, ",".join(self.listed.dictionaries))
        return Link(self.NAME, feature_id(*self.listed.at))

    @override
    def go(self, target: str) -> None:
        if found := parse_feature(target, self.listed.dictionary):
            self.listed.show_feature(*found)
            self.show_pane(self.page_pane)
        else:
            if (dictionaries := tuple(target.split(","))) != self.listed.dictionaries:
                self.listed.show_dictionaries(dictionaries)
            self.show_pane(self.listed)

    @override
    def remembered(self) -> dict[str, Any]:
        return super().remembered() | self.listed.remembered()

    @override
    def remember(self, was: Remembered) -> None:
        super().remember(was)
        self.listed.remember(was)

    @property
    @override
    def job_at_hand(self) -> tuple[str, dict[str, str]]:
        dictionary = self.listed.dictionary
        return ("profile", {"dictionaries": dictionary}) if dictionary else ("", {})

    @property
    def page_pane(self) -> Widget:
        """The pane of the page that one goes to from the list."""
        narrow = self.screen.has_class("-narrow")  # one pane is shown at a time
        return self.page.summary if narrow else self.page.contexts

    @override
    def entered(self) -> None:
        if not self.listed.dictionaries:
            self.listed.show_dictionaries(())

    @override
    async def settled(self) -> None:
        await self.listed.here.wait()
        if self.listed.at is not None:
            await self.page.come_to(self.listed.at)

    @override
    def tables_changed(self) -> None:
        self.page.forget()
        self.listed.read_anew()

    # List and page

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Another feature is under the cursor."""
        if event.rows is not self.listed:
            return
        if (feature := self.listed.feature) is not None:
            self.page.load(feature.dictionary, feature.feature, self._next(event.index))
        elif not self.listed.count:
            self.page.clear(self.listed.no_page)

    def _next(self, index: int) -> tuple[str, int] | None:
        """The feature that the cursor comes to if it goes on as it went to `index`."""
        step = -1 if index < self._was_at else 1
        self._was_at = index
        row = self.listed.row(index + step) if 0 <= index + step < self.listed.count else None
        return None if row is None else self.listed.key(row)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Goes from the list to the page."""
        if event.rows is self.listed:
            self.show_pane(self.page_pane)
            wait_for(self, self.settled)

    def on_summary_opened(self) -> None:
        """Goes on to where the feature fires."""
        self.show_pane(self.page.contexts)

    def on_feature_list_labelled(self) -> None:
        """The page may show one of them, or name one as a neighbour."""
        self.page.forget()

    def action_step(self, step: int) -> None:
        """Goes to the next feature of the list, from any pane."""
        self.listed.cursor += step

    def action_find(self) -> None:
        """Asks for a feature's number."""
        keep_keys(self)
        hint = "number, or dictionary#number"
        self.post_message(Ask("go to feature", self._found, hint=hint))

    async def _found(self, text: str) -> str | None:
        await self.listed.here.wait()  # a number may be typed faster than the first list is read
        found = parse_feature(text, self.listed.dictionary)
        if found is None:
            return "A feature is a number, or dictionary#number."
        try:
            rows = await self.database.rows(queries.feature(*found))
        except SaetuiError as error:
            return str(error)
        if not rows:
            return f"{found[0] or 'This workspace'} has no profiled feature {found[1]}."
        self.post_message(Follow(Link(self.NAME, feature_id(*found))))
        return None

    def action_choose(self) -> None:
        """Offers the dictionaries that have features; several may be listed together."""
        keep_keys(self)
        self._choose()

    @work(exclusive=True, group="choose")
    async def _choose(self) -> None:
        rows: list[Row] = []
        with self.told():
            rows = await self.database.rows(queries.profiled())
        names = [(row[0], f"{row[1]:,} features, {row[2]:,} labelled") for row in rows]
        chosen = await self.app.push_screen_wait(
            ChooseSome("Dictionary", names, self.listed.dictionary, self.listed.dictionaries)
        )
        if chosen:
            self.post_message(Follow(Link(self.NAME, ",".join(chosen))))
