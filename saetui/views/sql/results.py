"""What a query gave: rows of any columns."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from saetui.database import Answer
from saetui.links import Link, feature_id
from saetui.widgets.drawing import fit
from saetui.widgets.rows import Cell, Column, Row, Rows

WIDEST = 48
"""Cells of the widest column."""

LOOKED_AT = 200
"""Rows that the widths of columns are judged by."""

_NUMBERS = ("INT", "FLOAT", "DOUBLE", "DECIMAL", "HUGEINT")


class Results(Rows):
    """The rows, with as many columns as fit; left and right show others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "shift(-1)", "columns left", id="results.left", show=False),
        Binding("right", "shift(1)", "columns right", id="results.right", show=False),
        Binding("enter", "open", "go there", id="results.open", key_display="↵"),
    ]

    def __init__(self) -> None:
        super().__init__(id="sql-results")
        self.add_class("pane")
        self.answer: Answer | None = None
        self.asked = ""
        self._all: list[Column] = []
        self._first = 0

    def show_answer(self, asked: str, answer: Answer, seconds: float) -> None:
        """Shows the rows of `answer`, the answer to `asked`."""
        self.answer, self.asked = answer, asked
        self._all = [
            _column(at, name, answer.types[at], answer.rows)
            for at, name in enumerate(answer.columns)
        ]
        self._first = 0
        self.columns = self._all
        self.empty = ["The query gave no rows."]
        self.show(len(answer.rows), answer.rows, cursor=0)
        n = len(answer.rows)
        many = f"first {n:,} rows of more" if answer.more else f"{n:,} row{'s' * (n != 1)}"
        self.entitle("Result", f"{many} · {len(answer.columns)} columns · {seconds:.2f} s")

    def show_error(self, sentence: str) -> None:
        """Shows what is wrong with the query, in its place."""
        self.answer = None
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

    def link(self) -> Link | None:
        """Where the row under the cursor leads, told by the names of its columns."""
        if self.answer is None or self.current is None:
            return None
        row = dict(zip(self.answer.columns, self.current, strict=True))
        dictionary, feature = row.get("dictionary"), row.get("feature")
        if isinstance(dictionary, str) and isinstance(feature, int):
            return Link("features", feature_id(dictionary, feature))
        if isinstance(dictionary, str):
            return Link("features", dictionary)
        if isinstance(row.get("job"), str):
            return Link("jobs", row["job"])
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offers to go where the row leads."""
        if action == "open":
            return self.link() is not None
        return super().check_action(action, parameters)

    def action_shift(self, step: int) -> None:
        """Shows columns further left or right."""
        self._first = max(0, min(self._first + step, len(self._all) - 1))
        self.columns = self._all[self._first :]
        self.refresh()

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


def _column(at: int, name: str, type_: str, rows: Sequence[Row]) -> Column:
    numeric = any(number in type_.upper() for number in _NUMBERS) and "[" not in type_
    texts = [written(row[at]) or "null" for row in rows[:LOOKED_AT]]
    width = max([len(name), *(min(len(text), WIDEST) for text in texts)], default=4)

    def show(row: Row) -> Cell:
        value = row[at]
        if value is None:
            return ("null", "muted")
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
