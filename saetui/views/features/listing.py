"""The list of features, of one dictionary or of several: sorted, filtered, marked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from typing_extensions import override

from saetui import memory, queries
from saetui.key_names import key, run_job
from saetui.links import Link, Named, feature_id, feature_ids, named, parse_feature
from saetui.messages import Ask, Say
from saetui.readonly import writes
from saetui.session import Remembered
from saetui.typeahead import keep_keys
from saetui.views.base import told
from saetui.views.features import empty
from saetui.views.features.cells import columns_for
from saetui.widgets.ordered import OrderedRows
from saetui.widgets.rows import Rows
from store.errors import SaetuiError

if TYPE_CHECKING:
    from saetui.views.features.columns import Feature
    from saetui.views.features.index import FeatureIndex, Listing


TITLES = {"feature": "feature", "density": "density", "max": "max", "mean": "mean"}
"""Sort → the column that it sorts by, where that is one of the list's."""

REST = 0.4
"""Seconds that a list must have stood before what it may need later is read."""

HINT = "words · promoted:word · label:word · density<0.001 · max>5 · dead · labelled · marked"
"""What a filter may say."""


class FeatureList(OrderedRows):
    """The features of one or more dictionaries."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="features.filter", key_display="/"),
        Binding("s", "sort", "sort", id="features.sort"),
        Binding("S", "reverse", "reverse", id="features.reverse", show=False),
        Binding("space", "tag", "mark", id="features.tag", show=False),
        Binding("L", "label_marked", "label all marked", id="features.label_marked", show=False),
        Binding("U", "unmark", "unmark all", id="features.unmark", show=False),
        Binding("D", "show_all", "all dictionaries", id="features.all", show=False),
    ]

    SORTS = queries.SORTS
    HINT = HINT
    sort = "density"

    def __init__(self, index: FeatureIndex) -> None:
        super().__init__(columns_for(()), id="features-list")
        self.add_class("pane")
        self.index = index
        self.dictionaries: tuple[str, ...] = ()
        """Those whose features are listed."""
        self.here.clear()
        self._on: tuple[str, int] | None = None
        """The feature that the cursor is to be put on, until it is."""
        self._old = False
        """Whether tables or labels have changed since they were read."""
        self.no_page: tuple[str, ...] = ()
        """What the page says while the list has no row."""
        self._totals: dict[tuple[str, ...], int] = {}
        self._was = Remembered()
        self.entitle("Features")

    @property
    def feature(self) -> Feature | None:
        """The feature under the cursor."""
        row: Any = self.current
        return row

    @property
    def at(self) -> tuple[str, int] | None:
        """The feature that the cursor is on, or is about to be on."""
        if self._on is None and self.feature and self.feature.dictionary in self.dictionaries:
            return self.key(self.feature)
        return self._on

    @property
    def dictionary(self) -> str:
        """The dictionary of the feature under the cursor, else the first that is listed."""
        if self.feature is not None:
            return self.feature.dictionary
        return self.dictionaries[0] if self.dictionaries else ""

    def key(self, row: Any) -> tuple[str, int]:
        """What a row is marked by, whatever the list: dictionary and number."""
        return row.dictionary, row.feature

    def copied(self) -> tuple[str, str] | None:
        """Ids of the marked features, else of the one under the cursor."""
        here = [self.key(self.feature)] if self.feature else []
        return feature_ids(sorted(self.tagged) or here)

    def named(self) -> Sequence[Named]:
        """The dictionaries: one leads to what else is known of it, several to each alone."""
        if len(self.dictionaries) > 1:
            return named("dictionary", *self.dictionaries)
        return [Named(name, "its quality", Link("overview", name)) for name in self.dictionaries]

    def sql(self) -> str | None:
        """The query behind the list."""
        if not self.dictionaries:
            return None
        return queries.features(
            self.dictionaries,
            sort=self.sort,
            reverse=self.reverse,
            search=self.search,
            marked=self.tagged,
        )

    def remembered(self) -> dict[str, Any]:
        """What the next session should know of the list."""
        return {
            "dictionary": self.dictionary,
            "dictionaries": ",".join(self.dictionaries),
            "feature": self.feature.feature if self.feature else None,
            "sort": self.sort,
            "reverse": self.reverse,
            "search": self.search,
            "marked": " ".join(feature_id(*each) for each in sorted(self.tagged)),
        }

    def remember(self, was: Remembered) -> None:
        """Lists what the last session did, once nothing else is asked for."""
        if was.text("sort") in queries.SORTS:
            self.sort, self.reverse = was.text("sort"), was.flag("reverse")
        found = (parse_feature(each) for each in was.text("marked").split())
        self.tagged = {each for each in found if each and each[0]}
        self._was = was

    class Labelled(Message):
        """All marked features got a label."""

    # What is listed

    def show_dictionaries(self, dictionaries: Sequence[str]) -> None:
        """Lists `dictionaries` (the first there is, when there are none)."""
        if dictionaries:
            self._turn_to(dictionaries)
        self.relist()

    def show_feature(self, dictionary: str, feature: int) -> None:
        """Puts the cursor on a feature; a list without its dictionary gives way to one of it."""
        if dictionary not in self.dictionaries:
            self._turn_to((dictionary,))
        self._on = (dictionary, feature)
        self.relist()

    def read_anew(self) -> None:
        """Tables or labels changed: lists what they say now."""
        self._old = True
        self.relist()

    @override
    def relist(self) -> None:
        self.here.clear()
        self._read()

    @work(exclusive=True, group="list")
    async def _read(self) -> None:
        """Lists what is wanted. Another such takes over all that this one has not done yet."""
        with told(self):
            if self._old:
                await self.index.refresh()
                self._totals.clear()
                self._old = False
            if self.dictionaries:
                await self._list()
            else:
                await self._begin()
        self._on = None
        self.here.set()

    async def _begin(self) -> None:
        """Lists what the last session did, else the first dictionary that has features."""
        known = await self.index.dictionaries()
        if not known:
            self._say_empty()
            return
        was, feature = self._was, self._was.whole("feature")
        before = [name for name in was.text("dictionaries").split(",") if name in known]
        search = self.search or was.text("search")  # one may have been typed already
        if was.text("dictionary") in known and feature is not None:
            self._on = (was.text("dictionary"), feature)
            self._turn_to(before or [was.text("dictionary")], search)
        else:
            self._turn_to(before or known[:1], search if before else self.search)
        await self._list()

    def show_all(self) -> None:
        """Lists all dictionaries that have features; when it does, the one under the cursor."""
        self.here.clear()
        self._read_all()

    @work(exclusive=True, group="list")
    async def _read_all(self) -> None:
        with told(self):
            known = await self.index.dictionaries()
            if known:
                self._on = self._on or (self.key(self.feature) if self.feature else None)
                whole = set(known) == set(self.dictionaries) and len(known) > 1
                self._turn_to((self.dictionary,) if whole else known, search=self.search)
                await self._list()
            else:
                self._say_empty()
        self._on = None
        self.here.set()

    def _turn_to(self, dictionaries: Sequence[str], search: str = "") -> None:
        if tuple(dictionaries) == self.dictionaries:
            return
        self.dictionaries = tuple(dictionaries)
        self.search = search
        self.set_reactive(Rows.cursor, 0)
        self.columns = columns_for(dictionaries)

    async def _list(self) -> None:
        """Fetches the order; where the filter hides the feature to be on, it is lifted."""
        on = self._on
        begun = await self._show_head(on)
        listing = await self._listing()
        place = None if on is None else listing.find(*on)
        if on is not None and place is None and self.search:
            self.search = ""
            listing = await self._listing()
            place = listing.find(*on)
        if on is not None and place is None:
            self.post_message(Say(f"{on[0]} has no profiled feature {on[1]}."))
        if self.dictionaries not in self._totals and not self.search:
            self._totals[self.dictionaries] = len(listing)
        self.no_page = ("No feature is chosen.",)
        self.empty = partial(empty.none_found if self.search else empty.not_profiled, self)
        self.show(len(listing), listing, cursor=None if begun else place)
        self.name_it()
        self._prepare()

    async def _show_head(self, on: tuple[str, int] | None) -> bool:
        """Shows the beginning of a list whose features have yet to be read; whether it could."""
        names = self.dictionaries
        if self.search or self.index.holds(names):
            return False
        head = await self.index.head(names, self.sort, self.reverse)
        place = None if on is None else head.find(*on)
        if not head.rows or (on is not None and place is None):
            return False

        async def rest(start: int, count: int) -> list[Feature]:
            listing = await self._listing()
            return [listing[place] for place in range(start, min(start + count, len(listing)))]

        self.show(head.total, head.rows, rest, cursor=place)
        self._totals[names] = head.total
        self.name_it()
        self._on = None
        self.here.set()
        return True

    @work(exclusive=True, group="prepare")
    async def _prepare(self) -> None:
        """Works out what the next ``s`` or ``S`` asks for, so that it is there at once; then reads
        the tokens that a search is likely to need.
        """
        with suppress(SaetuiError):
            await self.index.prepare(self.dictionaries, self.sort_after(1), reverse=False)
            await asyncio.sleep(0.1)  # while keys are struck one after another, only what is sure
            await self.index.prepare(self.dictionaries, self.sort, reverse=not self.reverse)
            await self.index.prepare(self.dictionaries, self.sort_after(2), reverse=False)
            await asyncio.sleep(REST)
            await self.index.database.work(memory.give_back)
            await self.index.want(self.dictionaries, "promoted")

    @work(group="want")
    async def _foresee(self, text: str) -> None:
        """Reads the tokens that a search of promoted or suppressed ones will need, while it is
        being typed.
        """
        for column in ("promoted", "suppressed"):
            if any(word.startswith(column[:3]) for word in text.split()):
                with suppress(SaetuiError):
                    await self.index.want(self.dictionaries, column)

    async def _listing(self) -> Listing:
        marked = frozenset(self.tagged)
        telling = self.set_interval(0.1, self._tell_reading)
        try:
            return await self.index.listing(
                self.dictionaries, self.sort, self.reverse, self.search, marked
            )
        finally:
            telling.stop()

    def _tell_reading(self) -> None:
        """Says what the list waits for, where that takes its time."""
        for column, share in self.index.reading(self.dictionaries).items():
            self.name_it(f"{self.search} · reading {column.replace('_', ' ')}: {share:.0%}")

    def _say_empty(self) -> None:
        self.empty = partial(empty.nothing_profiled, self)
        run = run_job(self)
        self.no_page = ("A feature's page appears here.", f"{run} runs a profile, which makes it.")
        self.show(0, [])

    def name_it(self, instead: str = "") -> None:
        """Says what is listed, and how much of it, or what there is to say `instead` of that."""
        total, descending = self._totals.get(self.dictionaries), queries.SORTS[self.sort].descending
        title = TITLES.get(self.sort, "label or top tokens")
        self.sorted_by = (title, descending == self.reverse)
        whole = total is None or total == self.count
        aside = f"{self.count:,}" if whole else f"{self.count:,} of {total:,}"
        if self.search:
            aside += f" · {self.search}"
        elif self.sort not in TITLES:
            aside += f" · by {self.sort}"
        if self.tagged:
            aside += f" · {len(self.tagged)} marked"
        many = len(self.dictionaries)
        self.entitle(
            f"{many} dictionaries" if many > 1 else self.dictionary or "Features", instead or aside
        )

    # Keys

    def action_show_all(self) -> None:
        """Lists all dictionaries, or again the one under the cursor."""
        self.show_all()

    @override
    def filter_by(self, search: str) -> None:
        super().filter_by(search)
        self._foresee(search)

    def action_tag(self) -> None:
        """Marks the feature, or takes its mark away."""
        self.toggle_tag()
        self.name_it()

    def action_unmark(self) -> None:
        """Takes all marks away."""
        self.tagged.clear()
        self.relist()

    @writes
    def action_label_marked(self) -> None:
        """Asks for a label that all marked features get."""
        if not self.tagged:
            mark = key(self, "features.tag")
            self.post_message(Say(f"No feature is marked; {mark} marks the one under the cursor."))
            return
        keep_keys(self)
        many = len(self.tagged)
        what = "1 marked feature" if many == 1 else f"{many} marked features"
        hint = "a few words; empty takes their labels away"
        self.post_message(Ask(f"label {what}", self._label_marked, hint=hint))

    async def _label_marked(self, text: str) -> str | None:
        label, marked = text.strip() or None, sorted(self.tagged)

        def write() -> None:
            workspace = self.index.database.workspace()
            for dictionary, feature in marked:
                workspace.label(dictionary, feature, label)

        try:
            await self.index.database.work(write)
        except SaetuiError as error:
            return str(error)
        self.post_message(self.Labelled())
        self.read_anew()
        return None
