"""The page of a feature: what it is, where it fires, what is near it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from typing_extensions import override

from saetui import queries
from saetui.links import Link, feature_id
from saetui.messages import Follow
from saetui.typeahead import keys_wait
from saetui.views.base import told
from saetui.views.features import empty
from saetui.views.features.contexts import Activation, Contexts
from saetui.views.features.effects import Effect, Effects
from saetui.views.features.neighbors import Neighbors
from saetui.views.features.pages import Pages
from saetui.views.features.summary import Summary
from saetui.views.paged import Awaited
from saetui.widgets.drawing import number
from saetui.widgets.rows import Rows
from store.errors import SaetuiError

if TYPE_CHECKING:
    from saetui.database import Database
    from saetui.workbench import Workbench


TYPED = 0.3
"""The same while a filter is being typed: pages would only slow the list down."""


class Page(Vertical):
    """Four panes about one feature; `load` shows another."""

    def __init__(self, pages: Pages) -> None:
        super().__init__(classes="split", id="features-page")
        self.pages = pages
        self.shown: tuple[str, int] | None = None
        """Dictionary and number of the feature that is shown."""
        self.summary = Summary()
        self.contexts = Contexts()
        self.neighbors = Neighbors()
        self.effects = Effects()
        self.awaited = Awaited[tuple[str, int]]()
        """The feature that is being read."""

    @property
    def database(self) -> Database:
        """The workspace's tables."""
        return cast("Workbench", self.app).database

    @override
    def compose(self) -> ComposeResult:
        yield self.summary
        yield self.contexts
        with Horizontal(classes="split", id="features-foot"):
            yield self.neighbors
            yield self.effects

    def on_mount(self) -> None:
        """Names the panes; what is in them comes later."""
        self.summary.say("")
        self.contexts.entitle("Activations")
        self.neighbors.entitle("Neighbours")

    def load(self, dictionary: str, feature: int, then: tuple[str, int] | None = None) -> None:
        """Shows a feature, when the cursor has come to rest; reads the one that is likely to be
        wanted `then` ahead.
        """
        key = (dictionary, feature)
        if key == self.awaited.key:
            return
        if key == self.shown:
            self._stop()
            return
        typed = bool(self.app.screen_stack[0].query("Prompt"))
        settle = self.awaited.begin(key)
        self._load(key, then, TYPED if typed else settle)

    @work(exclusive=True, group="page")
    async def _load(
        self, key: tuple[str, int], then: tuple[str, int] | None, settle: float
    ) -> None:
        try:
            await asyncio.sleep(settle)
            found, densities, notes, _ = await asyncio.gather(
                self.pages.read(key),
                self.pages.densities(key[0]),
                self.database.rows(queries.notes(*key)),
                self._cursor_drawn(),
            )
        except SaetuiError as error:
            self.summary.say(str(error))
            return
        finally:
            self.awaited.end(key)
        if found is None:
            return
        self.shown = key
        label, note = notes[0][:2] if notes else (None, None)
        about = found.about._replace(label=label)
        self.summary.show_feature(about, densities, note)
        self.contexts.empty = empty.no_activations(self, about.density)
        self.contexts.show_feature(*key, found.contexts, about.max_activation or 0.0)
        if self.neighbors.together:
            self.on_neighbors_switched()
        else:
            self.neighbors.show_feature(*key, found.neighbors)
        self.effects.load(*key)
        if then is not None and then != key:
            self.pages.look_ahead(then)

    async def _cursor_drawn(self) -> None:
        """Lets the list show where the cursor is first: that is a few hundred bytes, a page is
        twenty thousand, and one that was read ahead would come with it.
        """
        drawn = asyncio.Event()
        self.call_after_refresh(drawn.set)
        await drawn.wait()

    def _stop(self) -> None:
        """What is being read is not wanted any more."""
        self.awaited.stop()
        self.workers.cancel_group(self, "page")

    async def come_to(self, key: tuple[str, int]) -> None:
        """Until the page of a feature is shown, or cannot be."""
        self.load(*key)
        await self.awaited.rest.wait()

    @work(exclusive=True, group="neighbors")
    async def on_neighbors_switched(self) -> None:
        """Shows the other kind of neighbours."""
        if (key := self.shown) is None:
            return
        with told(self):
            rows = await self.database.rows(self.neighbors.query_of(*key))
            if key == self.shown:
                self.neighbors.show_feature(*key, rows)

    def forget(self) -> None:
        """Tables changed: the next `load` reads them anew."""
        self._stop()
        self.pages.forget()
        self.shown = None

    def clear(self, sentences: Sequence[str]) -> None:
        """Shows no feature, and says why."""
        self._stop()
        self.shown = None
        self.summary.say("\n ".join(sentences))
        self.effects.clear()
        for rows in (self.contexts, self.neighbors, self.effects):
            rows.empty = list(sentences)
            rows.show(0, [])

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Goes from a neighbour to its own page, from an activation to its document."""
        if self.awaited.key and event.rows in (self.neighbors, self.effects, self.contexts):
            self._open(event.rows)  # what the user means is what the cursor of the list is on
        elif event.rows is self.neighbors:
            row = event.row
            self.post_message(Follow(Link("features", feature_id(row[0], row[1]))))
        elif event.rows is self.effects and (other := cast(Effect, event.row).other):
            self.post_message(Follow(Link("features", feature_id(*other))))
        elif event.rows is self.contexts:
            self.read_document(cast("Activation", event.row))

    @work(group="open")
    async def _open(self, rows: Rows) -> None:
        """Opens the row under the cursor, once the page is here that is being read."""
        with keys_wait(self):
            await self.awaited.rest.wait()
            rows.action_open()

    @work(exclusive=True, group="document")
    async def read_document(self, row: Activation) -> None:
        """Shows the whole document of an activation."""
        from saetui.screens.document import Document

        if (key := self.shown) is None:
            return
        sql = queries.contexts(*key, around=100_000, rank=row.rank)
        with keys_wait(self):
            whole: list[Activation] = []
            with told(self):
                whole = [Activation(*found) for found in await self.database.rows(sql)]
            if whole:
                found, strongest = whole[0], self.contexts.strongest
                peak = f"{found.drawn}: {number(found.activation)} at token {found.pos}"
                shown = queries.contexts(*key, around=100_000, rank=row.rank, text=False)
                of = found.corpus, found.doc
                await self.app.push_screen(Document(found.context, of, strongest, peak, shown))
