"""Features: a list of a dictionary's features, and the page of the one under the cursor."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from typing_extensions import override

from saetui import queries
from saetui.database import Row
from saetui.links import Link, feature_id, parse_feature
from saetui.messages import Ask, Follow, Say
from saetui.screens.choose import Choose
from saetui.typeahead import keep_keys
from saetui.views.base import View
from saetui.views.features.contexts import Activation, Contexts
from saetui.views.features.index import FeatureIndex, Listing
from saetui.views.features.listing import FeatureList
from saetui.views.features.neighbors import Neighbors
from saetui.views.features.summary import About, Summary
from saetui.widgets.rows import Rows
from store.errors import SaetuiError

SETTLE = 0.02
"""Seconds the cursor must rest before a page is asked for: a held key asks for none."""


class FeaturesView(View):
    """The list and the page."""

    NAME = "features"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "find", "go to id", id="features.find"),
        Binding("d", "choose", "dictionary", id="features.dictionary"),
        Binding("l", "label", "label", id="features.label"),
        Binding("n", "step(1)", "next feature", id="features.next", show=False),
        Binding("N", "step(-1)", "previous feature", id="features.previous", show=False),
    ]

    @override
    def compose(self) -> ComposeResult:
        yield FeatureList()
        with Vertical(classes="split", id="features-page"):
            yield Summary()
            yield Contexts()
            yield Neighbors()

    def on_mount(self) -> None:
        """Names the panes; what is in them comes later."""
        self.index = FeatureIndex(self.database)
        self.listed = self.query_one(FeatureList)
        self._wanted: int | None = None
        self._shown: tuple[str, int] | None = None
        self._densities: dict[str, list[tuple[int, int]]] = {}
        self._totals: dict[str, int] = {}
        self.listed.entitle("Features")
        self.query_one(Summary).say("")
        self.query_one(Contexts).entitle("Activations")
        self.query_one(Neighbors).entitle("Neighbours")

    # Places

    @property
    @override
    def here(self) -> Link:
        if self._shown is None:
            return Link(self.NAME, self.listed.dictionary)
        return Link(self.NAME, feature_id(*self._shown))

    @override
    def go(self, target: str) -> None:
        if found := parse_feature(target, self.listed.dictionary):
            self.show_dictionary(found[0], found[1])
            self.show_pane(self.query_one(Summary if self.narrow else Contexts))
        elif target != self.listed.dictionary:
            self.show_dictionary(target)
            self.show_pane(self.listed)

    @property
    @override
    def job_at_hand(self) -> tuple[str, dict[str, str]]:
        dictionary = self.listed.dictionary
        return ("profile", {"dictionaries": dictionary}) if dictionary else ("", {})

    @property
    def narrow(self) -> bool:
        """Whether one pane is shown at a time."""
        return self.screen.has_class("-narrow")

    @override
    def entered(self) -> None:
        if not self.listed.dictionary:
            self.show_dictionary("")

    @override
    def tables_changed(self) -> None:
        self.index.forget()
        self._densities.clear()
        self._totals.clear()
        self._shown = None
        self.show_dictionary(self.listed.dictionary)

    # The list

    @work(exclusive=True, group="list")
    async def show_dictionary(self, dictionary: str, feature: int | None = None) -> None:
        """Lists `dictionary` (the first there is, when empty), with the cursor on `feature`."""
        listed = self.listed
        with self.told():
            if not dictionary:
                known = await self.index.dictionaries()
                if not known:
                    self._say_empty()
                    return
                dictionary = known[0]
            if dictionary != listed.dictionary:
                listed.dictionary = dictionary
                listed.tagged.clear()
                listed.search = ""
                self._shown = None
                if feature is None:
                    listed.set_reactive(Rows.cursor, 0)
            await self._list(feature)

    async def _list(self, feature: int | None) -> None:
        """Fetches the order and its first page; a feature that is filtered out lifts the filter."""
        listed = self.listed
        listing = await self._listing()
        place = None if feature is None else await listing.find(feature)
        if feature is not None and place is None and listed.search:
            listed.search = ""
            listing = await self._listing()
            place = await listing.find(feature)
        if feature is not None and place is None:
            self.post_message(Say(f"{listed.dictionary} has no profiled feature {feature}."))
        first = await listing.page(0, 512)
        if listed.dictionary not in self._totals and not listed.search:
            self._totals[listed.dictionary] = len(listing)
        listed.empty = (
            ["No feature is found by this filter.", "", "/ changes it; esc in it clears it."]
            if listed.search
            else [
                "This dictionary is not profiled yet.",
                "",
                "r runs a job: profile dictionaries=…",
            ]
        )
        listed.show(len(listing), first, listing.page, cursor=place)
        listed.name_it(len(listing), self._totals.get(listed.dictionary))

    async def _listing(self) -> Listing:
        listed = self.listed
        return await self.index.listing(
            listed.dictionary, listed.sort, listed.reverse, listed.search
        )

    def _say_empty(self) -> None:
        self.listed.empty = [
            "No features yet.",
            "",
            "A profile job makes them from a dictionary:",
            "r runs one, 1 shows the dictionaries.",
        ]
        self.listed.show(0, [])
        self.query_one(Summary).say("A feature's page appears here.")

    @work(exclusive=True, group="list")
    async def relist(self) -> None:
        """Lists the same dictionary in another order, or by another filter."""
        with self.told():
            await self._list(None)

    def on_feature_list_sorted(self) -> None:
        """Another order."""
        self.relist()

    # The page

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Another feature is under the cursor."""
        if event.rows is self.listed:
            self.load_page()

    @work(exclusive=True, group="page")
    async def load_page(self) -> None:
        """Fetches what the page shows: its queries run side by side."""
        feature = self.listed.feature
        if feature is None:
            if not self.listed.count:
                self._clear_page()
            return
        dictionary, number_ = self.listed.dictionary, feature.feature
        if self._shown == (dictionary, number_):
            return
        await asyncio.sleep(SETTLE)
        ask = self.database.rows
        try:
            about, contexts, neighbors, densities = await asyncio.gather(
                ask(queries.feature(dictionary, number_)),
                ask(queries.contexts(dictionary, number_)),
                ask(queries.neighbors(dictionary, number_)),
                self._density_histogram(dictionary),
            )
        except SaetuiError as error:
            self.query_one(Summary).say(str(error))
            return
        if not about:
            return
        self._shown = (dictionary, number_)
        found = About(*about[0])
        self.query_one(Summary).show_feature(found, densities)
        rows = [Activation(*row) for row in contexts]
        shown = self.query_one(Contexts)
        shown.empty = ["It fired on none of the profiled tokens."]
        shown.show_feature(dictionary, number_, rows, found.max_activation or 0.0)
        self.query_one(Neighbors).show_feature(dictionary, number_, neighbors)

    async def _density_histogram(self, dictionary: str) -> list[tuple[int, int]]:
        if dictionary not in self._densities:
            rows = await self.database.rows(queries.density_histogram(dictionary))
            self._densities[dictionary] = [(row[0], row[1]) for row in rows]
        return self._densities[dictionary]

    def _clear_page(self) -> None:
        self._shown = None
        self.query_one(Summary).say("No feature is chosen.")
        self.query_one(Contexts).show(0, [])
        self.query_one(Neighbors).show(0, [])

    # Keys

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Goes from the list to the page, from a neighbour to its own."""
        if event.rows is self.listed:
            target: Widget = self.query_one(Summary if self.narrow else Contexts)
            self.show_pane(target)
        elif isinstance(event.rows, Neighbors):
            row = event.row
            self.post_message(Follow(Link(self.NAME, feature_id(row[0], row[1]))))
        elif isinstance(event.rows, Contexts):
            self.read_document(event.row)

    @work(exclusive=True, group="document")
    async def read_document(self, row: Activation) -> None:
        """Shows the whole document of an activation."""
        from saetui.screens.document import Document

        if self._shown is None:
            return
        sql = queries.contexts(*self._shown, around=100_000, rank=row.rank)
        whole: list[Activation] = []
        with self.told():
            whole = [Activation(*found) for found in await self.database.rows(sql)]
        if whole:
            shades = self.query_one(Contexts).shades()
            strongest = self.query_one(Contexts).strongest
            await self.app.push_screen(Document(whole[0], strongest, shades))

    def action_step(self, step: int) -> None:
        """Goes to the next feature of the list, from any pane."""
        self.listed.cursor += step

    def action_find(self) -> None:
        """Asks for a feature's number."""
        keep_keys(self)
        hint = "number, or dictionary#number"
        self.post_message(Ask("go to feature", self._found, hint=hint))

    async def _found(self, text: str) -> str | None:
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

    @work(exclusive=True, group="choose")
    async def action_choose(self) -> None:
        """Offers the dictionaries that have features."""
        rows: list[Row] = []
        with self.told():
            rows = await self.database.rows(queries.profiled())
        names = [(row[0], f"{row[1]:,} features, {row[2]:,} labelled") for row in rows]
        chosen = await self.app.push_screen_wait(
            Choose("Dictionary", names, self.listed.dictionary)
        )
        if chosen:
            self.post_message(Follow(Link(self.NAME, chosen)))

    def action_label(self) -> None:
        """Asks for a label."""
        if self._shown is None:
            return
        keep_keys(self)
        dictionary, feature = self._shown
        about = self.query_one(Summary).about
        self.post_message(
            Ask(
                f"label #{feature}",
                partial(self._label, dictionary, feature),
                value=(about.label if about else None) or "",
                hint="a few words; empty takes the label away",
            )
        )

    async def _label(self, dictionary: str, feature: int, text: str) -> str | None:
        label = text.strip() or None
        write = partial(self._write_label, dictionary, feature, label)
        try:
            await self.database.work(write)
        except SaetuiError as error:
            return str(error)
        self._shown = None
        self.index.forget()
        self.relist()
        return None

    def _write_label(self, dictionary: str, feature: int, label: str | None) -> None:
        self.database.workspace().label(dictionary, feature, label)

    # Sorting and filtering

    def on_feature_list_asked(self) -> None:
        """Asks what to filter by, listing as it is typed."""
        before = self.listed.search

        def changed(text: str) -> None:
            self.listed.search = text
            self.relist()

        def left() -> None:
            if self.listed.search:
                changed("")

        async def done(text: str) -> str | None:
            if text != self.listed.search:
                changed(text)
            return None

        hint = "words · promoted:word · label:word · density<0.001 · max>5 · dead · labelled"
        self.post_message(Ask("filter", done, before, hint, changed, left))
