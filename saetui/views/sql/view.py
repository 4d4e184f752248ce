"""SQL: a question to the tables, and its answer."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.worker import Worker
from typing_extensions import override

from saetui.key_names import key
from saetui.links import Link
from saetui.messages import Ask, Confirm, Follow, Say
from saetui.session import Remembered
from saetui.typeahead import keep_keys, wait_for
from saetui.views.base import View
from saetui.views.sql import history
from saetui.views.sql.answer import Arriving
from saetui.views.sql.coming import PATIENCE, Coming
from saetui.views.sql.completing import Completing, Proposals
from saetui.views.sql.editor import Editor
from saetui.views.sql.export import destination, export
from saetui.views.sql.leads import Place
from saetui.views.sql.results import MOST, MOST_EVER, Results
from saetui.views.sql.saved import SavedList, remove, save
from saetui.widgets.rows import Rows
from store.errors import SaetuiError


class SqlView(View):
    """Saved queries, the editor, the result."""

    NAME = "sql"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+j", "run", "run", id="sql.run"),
        Binding("e", "export", "export", id="sql.export"),
        Binding("h,ctrl+r", "recall", "history", id="sql.recall"),
        Binding("w", "save", "save query", id="sql.save"),
        Binding("D", "forget", "remove", id="sql.forget", show=False),
    ]

    @override
    def compose(self) -> ComposeResult:
        yield SavedList()
        with Completing(classes="split", id="sql-page"):
            yield Editor()
            yield Results()
            yield Proposals()

    def on_mount(self) -> None:
        """Lists the saved queries."""
        self._asking: Worker[None] | None = None
        self._stopping = False
        self._most = MOST
        self._base = self._asked = ""
        """What was asked last, and the same in the order that was wanted."""
        self._noted = ""
        """The query that is the newest of the history."""
        self.query_one(SavedList).show_queries()
        results = self.query_one(Results)
        results.entitle("Result")
        results.empty = [
            f"{key(self, 'sql.run')} runs the query; {key(self, 'rows.open')} runs a saved one; "
            f"{key(self, 'sql.recall')} finds one that was run before.",
            "",
            "Only statements that read: SELECT, FROM, DESCRIBE, SUMMARIZE, SHOW, EXPLAIN.",
            "SHOW TABLES names the tables, DESCRIBE features their columns.",
        ]

    @override
    def go(self, target: str) -> None:
        if target != self._base:  # else its rows are still there
            self._ask(target)
        self._go_to_results()

    def _go_to_results(self) -> None:
        """Goes to the result; keys wait a moment for it."""
        results = self.query_one(Results)
        self.show_pane(results)
        wait_for(self, results.here.wait, PATIENCE)

    def _ask(self, sql: str) -> None:
        self.query_one(Editor).text = sql
        self.run_query()

    @override
    def remembered(self) -> dict[str, Any]:
        return super().remembered() | {"text": self.query_one(Editor).text}

    @override
    def remember(self, was: Remembered) -> None:
        super().remember(was)
        if text := was.text("text"):
            self.query_one(Editor).text = text

    @property
    @override
    def here(self) -> Link:
        return Link(self.NAME, self._base)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Runs a saved query, or follows a row."""
        if isinstance(event.rows, SavedList):
            says = f"-- {event.row[2]}\n" if event.row[2] else ""
            self._ask(f"{says}{event.row[1]}")
            self._go_to_results()
        elif isinstance(event.rows, Results) and not event.rows.here.is_set():
            pass  # the row is of a result that is about to go
        elif isinstance(event.rows, Results) and (link := event.rows.link()):
            if isinstance(link, Place):
                self.read(link)
            else:
                self.post_message(Follow(link))

    @work(exclusive=True, group="read")
    async def read(self, place: Place) -> None:
        """Shows the document of a row."""
        from saetui.screens.document import read_document

        with self.told():
            await read_document(self.workbench, *place)

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Offers what the row under the cursor leads to."""
        if isinstance(event.rows, Results):
            self.refresh_bindings()

    def on_editor_run(self) -> None:
        """Runs what is in the editor."""
        self.run_query()

    def on_editor_left(self) -> None:
        """Stops a query that runs; else leaves the editor."""
        if not self._stop():
            self.show_pane(self.query_one(Results))

    def action_run(self) -> None:
        """Runs what is in the editor."""
        self.run_query()

    @override
    def action_leave(self) -> None:
        if not self._stop():
            super().action_leave()

    def _stop(self) -> bool:
        """Interrupts the query that runs; whether one did."""
        if self._asking is None or self._asking.is_finished:
            return False
        self._stopping = True
        self._asking.cancel()
        return True

    def run_query(self) -> None:
        """Asks; a query that still runs is interrupted."""
        self._most = MOST
        self._start(self.query_one(Editor).text, None)

    def _start(self, sql: str, order: tuple[int, bool] | None) -> None:
        self.query_one(Results).here.clear()
        self._base, self._asked = sql, ordered(sql, order)
        self._asking = self._run(sql, order)

    def on_results_sorted(self, event: Results.Sorted) -> None:
        """Asks again, for the whole result in another order."""
        self._start(self._base, event.order)

    def on_results_more(self) -> None:
        """Asks again, for ten times as many rows."""
        if self._most >= MOST_EVER:
            self.post_message(
                Say(
                    f"{MOST_EVER:,} rows are shown at most; "
                    f"{key(self, 'sql.export')} exports them all."
                )
            )
            return
        self._most = min(MOST_EVER, 10 * self._most)
        self._start(self._base, self.query_one(Results).order)

    # History and saved queries

    @work(exclusive=True, group="choose")
    async def action_recall(self) -> None:
        """Offers the queries that were run here."""
        from saetui.views.sql.recall import Recall

        keep_keys(self)
        root = self.workbench.root
        queries = await self.database.work(lambda: history.load(root))
        if chosen := await self.app.push_screen_wait(Recall(queries)):
            editor = self.query_one(Editor)
            editor.text = chosen
            self.show_pane(editor)

    def action_save(self) -> None:
        """Asks for the name that the query in the editor is saved under."""
        if not (sql := self.query_one(Editor).text.strip()):
            self.post_message(Say("There is no query to save: write one first."))
            return
        keep_keys(self)
        self.post_message(Ask("save query as", partial(self._save, sql), hint="a few words"))

    async def _save(self, sql: str, name: str) -> str | None:
        try:
            await self.database.work(partial(save, name, sql))
        except SaetuiError as error:
            return str(error)
        self.query_one(SavedList).show_queries()
        return None

    def action_forget(self) -> None:
        """Removes the saved query under the cursor, once confirmed."""
        if row := self.query_one(SavedList).current:
            said = f"The saved query “{row[0]}” goes away."
            self.post_message(Confirm(said, "remove it", partial(self._forget, str(row[0]))))

    async def _forget(self, title: str) -> None:
        with self.told():
            await self.database.work(partial(remove, title))
        self.query_one(SavedList).show_queries()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offers to export once there is a result."""
        if action == "export":
            results = self.query_one(Results) if self.is_mounted else None
            return results is not None and (
                results.answer is not None or bool(self._asked and not results.here.is_set())
            )
        if action == "forget":
            saved = self.query_one(SavedList) if self.is_mounted else None
            return saved is not None and bool(
                saved.has_focus and saved.current and saved.current[3]
            )
        return super().check_action(action, parameters)

    def action_export(self) -> None:
        """Asks for the file that takes the whole result."""
        keep_keys(self)
        hint = "name.parquet, .csv or .json"
        self.post_message(Ask("export to", partial(self._export, self._asked), hint=hint))

    async def _export(self, sql: str, name: str) -> str | None:
        try:
            path = await self.database.work(partial(destination, name))
        except SaetuiError as error:
            return str(error)
        self._write(sql, path)
        return None

    @work(exclusive=True, group="export")
    async def _write(self, sql: str, path: Path) -> None:
        with self.told():
            rows = await self.database.ask(lambda cursor: export(cursor, sql, path))
            self.post_message(Say(f"{rows:,} row{'s' * (rows != 1)} written to {path}"))

    @work(exclusive=True, group="query")
    async def _run(self, sql: str, order: tuple[int, bool] | None) -> None:
        self._stopping = False
        arriving = Arriving(ordered(sql, order), self._most)
        coming = Coming(self.query_one(Results), arriving, order)
        watch = asyncio.ensure_future(coming.watch())
        try:
            await self.database.ask(coming.arriving.read)
            watch.cancel()
            coming.finish(self.workbench.seconds_since(coming.begun))
            self.refresh_bindings()
            if sql != self._noted:
                self._noted = sql
                await self.database.work(partial(history.add, self.workbench.root, sql))
        except asyncio.CancelledError:
            if self._stopping:
                coming.stop()
            raise
        except SaetuiError as error:
            if order and not coming.shown:  # what is shown stays
                self.post_message(Say(f"This result cannot be sorted: {error}", "warning"))
                self._asked = coming.results.asked
                coming.results.tell(coming.results.seconds)
            else:
                coming.results.show_error(str(error))
        finally:
            watch.cancel()


def ordered(sql: str, order: tuple[int, bool] | None) -> str:
    """`sql`, its whole result sorted by the column at a place."""
    if order is None:
        return sql
    place, descending = order
    direction = "DESC" if descending else "ASC"
    inner = sql.strip().rstrip(";")
    return f"SELECT * FROM (\n{inner}\n) ORDER BY {place + 1} {direction} NULLS LAST"
