"""A list of any length: rows come in pages, from memory or from a query, and lines are drawn
only where they are seen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from saetui.widgets.drawing import Align, fit
from saetui.widgets.pane import Pane

Row = Sequence[Any]
Cell = str | tuple[str, str]
"""What a cell shows: text, or text and the name of a style (``muted``, ``strong``, ``good`` …)."""

PAGE = 512
"""Rows fetched in one go."""

KEPT = 24
"""Pages kept in memory."""


@dataclass(frozen=True)
class Column:
    """A column of a list."""

    title: str
    width: int
    """Cells; 0 takes what the others leave."""
    show: Callable[[Any], Cell]
    """What a row shows here."""
    align: Align = "left"
    needs: int = 0
    """The list's width below which the column is left out."""
    until: int = 10_000
    """The list's width from which on it is left out."""


class Rows(Pane, ScrollView):
    """A virtual list with a cursor; a view gives it columns and rows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"rows--{name}"
        for name in (
            *("header", "cursor", "cursor-blurred", "plain", "muted", "strong", "number"),
            *("good", "warn", "bad", "accent", "tag", "empty"),
        )
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "down", id="rows.down", show=False),
        Binding("k,up", "move(-1)", "up", id="rows.up", show=False),
        Binding("pagedown", "page(1)", "page down", id="rows.page_down", show=False),
        Binding("pageup", "page(-1)", "page up", id="rows.page_up", show=False),
        Binding("g,home", "top", "first", id="rows.top", show=False),
        Binding("G,end", "bottom", "last", id="rows.bottom", show=False),
        Binding("enter", "open", "open", id="rows.open", key_display="↵"),
    ]

    cursor: reactive[int] = reactive(0, init=False, repaint=False)
    """Index of the row under the cursor."""

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or on the same one with other contents."""

        rows: Rows
        index: int

        @property
        def control(self) -> Rows:
            """The list."""
            return self.rows

    @dataclass
    class Opened(Message):
        """The user opened a row."""

        rows: Rows
        index: int
        row: Row

        @property
        def control(self) -> Rows:
            """The list."""
            return self.rows

    def __init__(self, columns: Sequence[Column] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = list(columns)
        self.count = 0
        self.tagged: set[Any] = set()
        self.sorted_by: tuple[str, bool] | None = None
        """Title of the column that rows are sorted by, and whether upwards."""
        self.empty: Sequence[str] | Callable[[], Sequence[str]] = ()
        """Lines shown when there are no rows: what is missing, and which key makes it; or what
        gives them, where they change as jobs go on.
        """
        self._fetch: Callable[[int, int], Awaitable[Sequence[Row]]] | None = None
        self._whole: Sequence[Row] = ()
        self._pages: dict[int, Sequence[Row]] = {}
        self._wanted: set[int] = set()
        self._edition = 0
        self._styles_of: dict[tuple[str, bool, bool], Style] = {}

    # Rows

    def show(
        self,
        count: int,
        first: Sequence[Row],
        fetch: Callable[[int, int], Awaitable[Sequence[Row]]] | None = None,
        cursor: int | None = None,
    ) -> None:
        """Shows `count` rows: `first` holds those from 0 on, `fetch(start, n)` gives others.

        Without `fetch`, `first` holds them all; it is asked only for rows in sight. The cursor
        stays where it was unless told.
        """
        self._edition += 1
        self.count = count
        self._fetch = fetch
        self._whole = first if fetch is None else ()
        whole = range(0, len(first) if count == len(first) else len(first) - PAGE + 1, PAGE)
        self._pages = {start // PAGE: first[start : start + PAGE] for start in whole if fetch}
        self._wanted.clear()
        self.virtual_size = Size(self.size.width, count + self.header)
        target = self.cursor if cursor is None else cursor
        self.set_reactive(Rows.cursor, max(0, min(target, count - 1)))
        self._reveal()
        self.refresh()
        self.refresh_bindings()
        self.post_message(self.Moved(self, self.cursor))

    def show_again(self, rows: Sequence[Row]) -> None:
        """Shows `rows`, which are all there are; the cursor stays on its row, known by `key`, where
        that is among them.
        """
        here, at = self.current, self.cursor
        same = [] if here is None else [
            place for place, row in enumerate(rows) if self.key(row) == self.key(here)
        ]  # fmt: skip
        self.show(len(rows), rows, cursor=min(same, key=lambda place: abs(place - at), default=at))

    def row(self, index: int) -> Row | None:
        """The row at `index`; None while it is not here."""
        if self._fetch is None:
            return self._whole[index] if index < len(self._whole) else None
        page = self._pages.get(index // PAGE)
        if page is None or index % PAGE >= len(page):
            return None
        return page[index % PAGE]

    @property
    def current(self) -> Row | None:
        """The row under the cursor; None while there is none."""
        return self.row(self.cursor) if self.cursor < self.count else None

    def key(self, row: Row) -> Any:
        """What a row is tagged by."""
        return row[0]

    def _want(self, page: int) -> None:
        if self._fetch is None or page in self._wanted:
            return
        if not self._wanted:
            self.call_later(self._start_fetching)
        self._wanted.add(page)

    def _start_fetching(self) -> None:
        self.run_worker(self._fetch_pages(self._edition), group="pages", exclusive=True)

    async def _fetch_pages(self, edition: int) -> None:
        """Fetches the pages in sight until all are here; others that were wanted are forgotten."""
        while edition == self._edition and self._fetch is not None:
            first = int(self.scroll_offset.y)
            sight = range(first // PAGE, (first + self.size.height) // PAGE + 1)
            missing = [page for page in sight if page in self._wanted]
            if not missing:
                self._wanted.clear()
                return
            page = missing[0]
            rows = await self._fetch(page * PAGE, PAGE)
            if edition != self._edition:
                return
            self._pages[page] = rows
            self._wanted.discard(page)
            while len(self._pages) > KEPT:
                self._pages.pop(next(iter(self._pages)))
            self.refresh()
            if self.cursor // PAGE == page:
                self.post_message(self.Moved(self, self.cursor))

    # Moving

    @property
    def header(self) -> int:
        """Lines that name the columns; where there is one line in all, the row has it."""
        return 1 if self.size.height != 1 else 0

    def index_at(self, y: int) -> int | None:
        """The index of the row on a line of the screen; None for the columns' names, and beyond the
        last row.
        """
        index = int(self.scroll_offset.y) + y - self.header
        return index if y >= self.header and index < self.count else None

    def watch_cursor(self, old: int, new: int) -> None:
        """Draws the two lines that changed, and scrolls when the cursor would leave."""
        if not self._reveal():
            self._refresh_row(old)
            self._refresh_row(new)
        self.post_message(self.Moved(self, new))

    def validate_cursor(self, cursor: int) -> int:
        """Keeps the cursor on a row."""
        return max(0, min(cursor, self.count - 1))

    def _refresh_row(self, index: int) -> None:
        y = index - int(self.scroll_offset.y) + self.header
        self.refresh(Region(0, y, self.size.width, 1))

    def _reveal(self) -> bool:
        """Scrolls so that the cursor is seen; whether it had to."""
        top, height = int(self.scroll_offset.y), max(1, self.size.height - self.header)
        target = min(max(top, self.cursor - height + 1), self.cursor)
        if target == top:
            return False
        self.scroll_to(y=target, animate=False, force=True, immediate=True)
        return True

    def action_move(self, step: int) -> None:
        """Moves the cursor by `step` rows."""
        self.cursor += step

    def action_page(self, step: int) -> None:
        """Moves the cursor by `step` screens."""
        self.cursor += step * max(1, self.size.height - 2)

    def action_top(self) -> None:
        """Moves to the first row."""
        self.cursor = 0

    def action_bottom(self) -> None:
        """Moves to the last row."""
        self.cursor = self.count - 1

    def action_open(self) -> None:
        """Opens the row under the cursor."""
        if (row := self.current) is not None:
            self.post_message(self.Opened(self, self.cursor, row))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be opened where there is no row."""
        if action == "open":
            return self.count > 0
        return super().check_action(action, parameters)

    def toggle_tag(self) -> None:
        """Tags the row under the cursor, or takes its tag away, and moves on."""
        if (row := self.current) is not None:
            self.tagged ^= {self.key(row)}
            self._refresh_row(self.cursor)
            self.cursor += 1

    def on_click(self, event: Click) -> None:
        """Moves to the row clicked; a second click opens it."""
        offset = event.get_content_offset(self)
        index = None if offset is None else self.index_at(offset.y)
        if index is None:
            return
        if index == self.cursor and event.chain > 1:
            self.action_open()
        self.cursor = index

    def on_resize(self, event: Resize) -> None:
        """Keeps the cursor in sight."""
        self.virtual_size = Size(self.size.width, self.count + self.header)
        self._reveal()

    # Drawing

    def notify_style_update(self) -> None:
        """Forgets the styles of the theme before."""
        super().notify_style_update()
        self._styles_of.clear()

    def _style(self, name: str, cursor: bool = False) -> Style:
        key = (name, cursor, self.has_focus)
        if key not in self._styles_of:
            style = self.get_component_rich_style(f"rows--{name}")
            if cursor:
                under = "cursor" if self.has_focus else "cursor-blurred"
                behind = self.get_component_rich_style(f"rows--{under}")
                style += Style(bgcolor=behind.bgcolor, bold=behind.bold or style.bold)
            self._styles_of[key] = style
        return self._styles_of[key]

    def _widths(self, width: int) -> list[tuple[Column, int]]:
        """The columns that fit, with their widths; two cells are left for the mark."""
        shown = [column for column in self.columns if column.needs <= width < column.until]
        rest = width - 3 - sum(column.width for column in shown) - 2 * (len(shown) - 1)
        return [(column, column.width or max(4, rest)) for column in shown]

    def render_line(self, y: int) -> Strip:
        """One line of the list; the first one names the columns."""
        width = self.size.width
        if y < self.header:
            return self._header(width)
        index = self.index_at(y)
        if index is None:
            return self._beyond(y - self.header, width)
        row = self.row(index)
        cursor = index == self.cursor
        plain = self._style("plain", cursor)
        if row is None:
            self._want(index // PAGE)
            return Strip([Segment("   …", self._style("muted", cursor))]).adjust_cell_length(
                width, plain
            )
        mark = "▌" if cursor and self.has_focus else "▏" if cursor else " "
        if (own := self.own_line(row, cursor, mark)) is not None:
            return own
        tag = "●" if self.tagged and self.key(row) in self.tagged else " "
        segments = [
            Segment(mark, self._style("accent", cursor)),
            Segment(tag, self._style("tag", cursor)),
        ]
        for place, (column, cells) in enumerate(self._widths(width)):
            shown = column.show(row)
            text, name = shown if isinstance(shown, tuple) else (shown, "plain")
            if place:
                segments.append(Segment("  ", plain))
            segments.append(Segment(fit(text, cells, column.align), self._style(name, cursor)))
        return Strip(segments).adjust_cell_length(width, plain)

    def own_line(self, row: Any, cursor: bool, mark: str) -> Strip | None:
        """The line of a row that is not drawn in columns, with the `mark` of the cursor before it;
        None where it is.
        """
        return None

    def _header(self, width: int) -> Strip:
        style = self._style("header")
        parts = []
        for column, cells in self._widths(width) if self.count else ():
            title = column.title
            if self.sorted_by and self.sorted_by[0] == title:
                title += "▲" if self.sorted_by[1] else "▼"
            parts.append(fit(title, cells, column.align))
        return Strip([Segment("  " + "  ".join(parts), style)]).adjust_cell_length(width, style)

    def _beyond(self, y: int, width: int) -> Strip:
        """A line below the columns' names and the last row: of the empty state, where there are no
        rows at all.
        """
        style = self._style("empty")
        lines = () if self.count else self.empty() if callable(self.empty) else self.empty
        text = "  " + lines[y - self.header] if 0 <= y - self.header < len(lines) else ""
        return Strip([Segment(fit(text, width), style)]).adjust_cell_length(
            width, self._style("plain")
        )
