"""The workbench's way to its tables: every question in a thread of its own, none on the UI thread.

``await database.rows(sql)`` answers; when the task that waits is cancelled (an exclusive Textual
worker that a newer one replaces), the query is interrupted and its answer dropped.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from store.errors import SaetuiError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from store import Workspace

_GONE = re.compile(r'No files found that match the pattern "([^"]+)"')
"""DuckDB's words for a part that vanished after a query began."""

T = TypeVar("T")
Row = tuple[Any, ...]


class Question:
    """One query on its way: its cursor, and whether anybody still waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursor: DuckDBPyConnection | None = None
        self.dropped = False

    def start(self, cursor: DuckDBPyConnection) -> None:
        """The query is about to run on `cursor`; raises CancelledError if nobody waits."""
        with self._lock:
            if self.dropped:
                raise asyncio.CancelledError
            self._cursor = cursor

    def finish(self) -> None:
        """The query has ended."""
        with self._lock:
            self._cursor = None

    def drop(self) -> None:
        """Nobody waits any more: the query is interrupted."""
        with self._lock:
            self.dropped = True
            if self._cursor is not None:
                self._cursor.interrupt()


class Database:
    """The workspace's tables, connected to on the first question."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._threads = ThreadPoolExecutor(4, "database")
        self._connecting = threading.Lock()
        self._workspace: Workspace | None = None
        self._connection: DuckDBPyConnection | None = None
        self._asked: set[Question] = set()
        self._refreshing = threading.Lock()
        self._mended = 0

    def workspace(self) -> Workspace:
        """The workspace; opened on the first call. Not for the UI thread."""
        with self._connecting:
            return self._open()

    def _open(self) -> Workspace:
        if self._workspace is None:
            from store import Workspace

            self._workspace = Workspace(self.root)
        return self._workspace

    def connection(self) -> DuckDBPyConnection:
        """The connection that every cursor comes from. Not for the UI thread."""
        with self._connecting:
            if self._connection is None:
                self._connection = self._open().connect()
            return self._connection

    async def rows(self, sql: str) -> list[Row]:
        """All rows of `sql`."""
        return await self.ask(lambda cursor: cursor.execute(sql).fetchall())

    async def refresh(self) -> bool:
        """Looks for tables published or removed since; whether there are any."""
        return await self.work(self._refresh)

    def _refresh(self) -> bool:
        if not self._refreshing.acquire(blocking=False):
            return False  # another thread looks already
        try:
            return self.workspace().refresh(self.connection())
        except Exception as error:
            _raise(error)
        finally:
            self._refreshing.release()

    async def ask(self, question: Callable[[DuckDBPyConnection], T]) -> T:
        """What `question` makes of a cursor of its own, run in a thread.

        Raises SaetuiError, with DuckDB's own words, when the query fails.
        """
        asked = Question()
        self._asked.add(asked)

        def run() -> T:
            cursor = self.connection().cursor()
            mended = self._mended
            try:
                asked.start(cursor)
                try:
                    return question(cursor)
                except Exception as error:
                    if asked.dropped or not self._mend(error, mended):
                        raise
                    return question(cursor)
            except Exception as error:
                if (
                    asked.dropped
                ):  # whoever waits, if the app only closes, is told no more than that
                    raise asyncio.CancelledError from None
                _raise(error)
            finally:
                asked.finish()
                self._asked.discard(asked)
                cursor.close()

        try:
            return await self.work(run)
        except asyncio.CancelledError:
            asked.drop()
            raise

    def _mend(self, error: Exception, before: int) -> bool:
        """Whether a query that failed is worth another try: damaged files are left out now.

        `before` is how often that had been done when the query began: another may have been first,
        and so may the look for tables that went.
        """
        from store.damage import suspected

        if not suspected(error):
            return False
        with self._refreshing:
            if self._mended == before and self.workspace().mend(self.connection()):
                self._mended += 1
            return self._mended != before or _GONE.search(str(error)) is not None

    async def work(self, task: Callable[[], T]) -> T:
        """What `task` returns, run in a thread: anything that touches files."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, task)

    def close(self) -> None:
        """Interrupts what runs and lets go of the tables."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for asked in list(self._asked):
            asked.drop()


def _raise(error: Exception) -> NoReturn:
    """Raises an error of DuckDB or of the disk in its own words, any other as it is."""
    if gone := _GONE.search(str(error)):
        raise SaetuiError(
            f"{gone[1]} is gone, and with it what it held; `saetui doctor` tells what is missing."
        ) from error
    if isinstance(error, OSError) or type(error).__module__.startswith(("duckdb", "_duckdb")):
        raise SaetuiError(str(error)) from error
    raise error
