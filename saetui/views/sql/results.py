"""What a query gave: rows of any columns."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from saetui.key_names import key
from saetui.links import Link
from saetui.views.sql.answer import Answer
from saetui.views.sql.leads import CLUSTER, FEATURE, Place, leads, link
from saetui.widgets.drawing import fit
from saetui.widgets.rows import Cell, Column, Row, Rows

WIDEST = 48
"""Cells of the widest column."""

LOOKED_AT = 200
"""Rows that the widths of columns are judged by."""

_NUMBERS = ("INT", "FLOAT", "DOUBLE", "DECIMAL", "HUGEINT")


MOST = 500
"""Rows that are fetched at first; whether there are more is always said."""

MOST_EVER = 50_000
"""Rows that are fetched on request; more are for an export."""


class Results(Rows):
    """The rows, with as many columns as fit; left and right go from column to column."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "column(-1)", "column before", id="results.left", show=False),
        Binding("right", "column(1)", "next column", id="results.right", show=False),
        Binding("enter", "open", "go there", id="results.open", key_display="↵"),
        Binding("s", "sort", "sort (asks again)", id="results.sort"),
        Binding("S", "reverse", "reverse (asks again)", id="results.reverse", show=False),
        Binding("m", "more", "more rows (asks again)", id="results.more"),
    ]

    @dataclass
    class Sorted(Message):
        """The user wants the whole result in another order."""

        order: tuple[int, bool] | None
        """Column and whether the largest come first; None for the order of the query."""

    class More(Message):
        """The user wants more rows."""

    def __init__(self) -> None:
        super().__init__(id="sql-results")
        self.add_class("pane")
        self.answer: Answer | None = None
        self.asked = ""
        self.seconds = 0.0
        self.order: tuple[int, bool] | None = None
        """Column that the whole result is sorted by, and whether the largest come first."""
        self.at = 0
        """The column under the cursor."""
        self.here = asyncio.Event()
        """Whether what was asked last is shown, as far as it has come."""
        self._all: list[Column] = []
        self._first = 0

    def show_answer(
        self, asked: str, answer: Answer, order: tuple[int, bool] | None, *, first: bool
    ) -> None:
        """Shows the rows of `answer`, the answer to `asked`, which sorts by `order`; `first` tells
        whether nothing of it was shown yet.
        """
        same = self.answer is not None and self.answer.columns == answer.columns
        self.at = self.at if same else 0
        self.answer, self.asked, self.order = answer, asked, order
        self._all = [
            _column(at, name, answer, leads(name, answer.columns))
            for at, name in enumerate(answer.columns)
        ]
        self._first = self._first if same else 0
        self.columns = self._all[self._first :]
        self.empty = ["The query gave no rows."]
        self.here.set()
        self.show(len(answer.rows), answer.rows, cursor=0 if first else None)

    def tell(self, seconds: float, *, stopped: bool = False) -> None:
        """Says how many rows there are, what would ask again, and how long it took."""
        self.here.set()
        if (answer := self.answer) is None:
            return
        n, columns = len(answer.rows), len(answer.columns)
        many = f"{n:,} row{'s' * (n != 1)}"
        if stopped:
            said = [f"{many} until it was stopped"]
        elif answer.more:
            said = [f"first {many} of more"]
            if n < MOST_EVER:
                said.append(
                    f"{key(self, 'results.more')} asks again for {min(MOST_EVER, 10 * n):,}"
                )
        else:
            said = [many]
        if self.order:
            said.append(f"the whole result sorted by {answer.columns[self.order[0]]}")
        elif n > 1:
            said.append(f"{key(self, 'results.sort')} asks again, sorted")
        self.seconds = seconds
        wide = f"{columns} column{'s' * (columns != 1)}"
        self.entitle(f"Result · {wide} · {seconds:.2f} s", " · ".join(said))

    def tell_running(self, seconds: float, rows: int) -> None:
        """Says that the query still runs, and how many of its rows are here."""
        here = f"first {rows:,} row{'s' * (rows != 1)} · " if rows else ""
        stop = key(self, "view.leave")
        self.entitle("Result", f"{here}running, {seconds:.0f} s · {stop} stops it")

    def show_error(self, sentence: str) -> None:
        """Shows what is wrong with the query, in its place."""
        self.answer = None
        self.here.set()
        self.columns = []
        self.empty = ["✗ " + line if at == 0 else line for at, line in enumerate(
            sentence.rstrip().split("\n")
        )]  # fmt: skip
        self.show(0, [], cursor=0)
        self.entitle("Result", "the query failed")

    def key(self, row: Row) -> Any:
        """Rows are not tagged."""
        return None

    def copied(self) -> tuple[str, str] | None:
        """The row, its values apart by tabs."""
        row = self.current
        return None if row is None else ("\t".join(map(written, row)), "row")

    def sql(self) -> str | None:
        """The query."""
        return self.asked or None

    def link(self) -> Link | Place | None:
        """Where the value under the cursor leads, else its row."""
        if self.answer is None or self.current is None:
            return None
        row = dict(zip(self.answer.columns, self.current, strict=True))
        return link(self.answer.columns[self.at], row)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offers to go where the row leads, to sort rows, to fetch more where there are more."""
        if action == "open":
            return self.link() is not None
        if action in ("sort", "column"):
            return self.answer is not None and bool(self._all)
        if action == "reverse":
            return self.order is not None
        if action == "more":
            return self.answer is not None and self.answer.more
        return super().check_action(action, parameters)

    def action_column(self, step: int) -> None:
        """Goes to another column, and brings it in sight."""
        self.at = max(0, min(self.at + step, len(self._all) - 1))
        self._first = min(self._first, self.at)
        self.columns = self._all[self._first :]
        while self._first < self.at >= self._first + len(self._widths(self.size.width)):
            self._first += 1
            self.columns = self._all[self._first :]
        self.refresh()
        self.refresh_bindings()

    def action_sort(self) -> None:
        """Sorts the whole result by the column; a second time, as the query gave it."""
        sorted_by_it = self.order is not None and self.order[0] == self.at
        largest_first = self.answer is not None and _is_numeric(self.answer.types[self.at])
        self.post_message(self.Sorted(None if sorted_by_it else (self.at, largest_first)))

    def action_reverse(self) -> None:
        """Sorts the other way round."""
        if self.order:
            self.post_message(self.Sorted((self.order[0], not self.order[1])))

    def action_more(self) -> None:
        """Fetches more rows."""
        self.post_message(self.More())

    def _header(self, width: int) -> Strip:
        """Titles; that of the column under the cursor is underlined."""
        style = self._style("header")
        segments = [Segment("  ", style)]
        for place, (column, cells) in enumerate(self._widths(width) if self.count else ()):
            at = self._first + place
            title = column.title
            if self.order and self.order[0] == at:
                title = f"{title[: max(1, cells - 1)]}{'▼' if self.order[1] else '▲'}"
            here = style + Style(underline=True, bold=True) if at == self.at else style
            segments += [Segment("  ", style)] * bool(place)
            segments.append(Segment(fit(title, cells, column.align), here))
        return Strip(segments).adjust_cell_length(width, style)

    def _widths(self, width: int) -> list[tuple[Column, int]]:
        """As many columns as fit; the last one takes what is left."""
        room, shown = width - 3, []
        for column in self.columns:
            cells = min(column.width, room)
            if cells < min(column.width, 6):
                break
            shown.append((column, cells))
            room -= cells + 2
        return shown


def _is_numeric(type_: str) -> bool:
    return any(number in type_.upper() for number in _NUMBERS) and "[" not in type_


def _column(at: int, name: str, answer: Answer, lead: bool) -> Column:
    numeric = _is_numeric(answer.types[at])
    texts = [written(row[at]) or "null" for row in answer.rows[:LOOKED_AT]]
    width = max([len(name), *(min(len(text), WIDEST) for text in texts)], default=4)

    def show(row: Row) -> Cell:
        value = row[at]
        if value is None:
            return ("null", "muted")
        if lead or (isinstance(value, str) and (FEATURE.match(value) or CLUSTER.match(value))):
            return (written(value), "accent")
        return (written(value), "number" if numeric else "plain")

    title = fit(name, min(len(name), WIDEST))
    return Column(title, max(3, min(width, WIDEST)), show, "right" if numeric else "left")


def written(value: Any) -> str:
    """A value as text."""
    match value:
        case None:
            return ""
        case float():
            return f"{value:.6g}"
        case bool():
            return "true" if value else "false"
        case datetime.datetime():
            return value.isoformat(" ", "seconds")
        case dict():
            return "{" + ", ".join(f"{k}: {written(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case bytes():
            return value.hex()
    return str(value)
