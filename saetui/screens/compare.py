"""Dictionaries side by side: a column each, a line for every measure."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from typing_extensions import override

from saetui.comparison import BETTER, Measured, best, differing, evaluated
from saetui.key_names import key
from saetui.links import Named, named, short_names
from saetui.screens.box import Box
from saetui.text import inert
from saetui.widgets.drawing import number, share
from saetui.widgets.rows import Cell, Column, Rows

NARROWEST, WIDEST = 14, 30
"""Cells of a dictionary's column."""

NAME = 16
"""Cells of the measure's name."""


SHARES = ("dead_fraction", "ce_recovered", "labelled_share", "dense_fraction", "absorption")
"""Measures that are written as percentages."""


class Compare(Box[list[str]]):
    """Shows dictionaries as `saetui.comparison.described` tells, with what evaluations measured;
    gives them all on enter.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "list", "their features", id="compare.list", key_display="↵"),
    ]

    def __init__(
        self, found: Sequence[Mapping[str, Any]], figures: Sequence[Measured] = ()
    ) -> None:
        super().__init__()
        self.found, self.figures = list(found), figures

    @override
    def compose(self) -> ComposeResult:
        yield Measures(self.found, self.figures)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Enter in the list is enter here."""
        self.action_list()

    def action_list(self) -> None:
        """Lists their features together."""
        self.dismiss([str(each["dictionary"]) for each in self.found])


class Measures(Rows):
    """The lines."""

    def __init__(self, found: Sequence[Mapping[str, Any]], figures: Sequence[Measured]) -> None:
        super().__init__(id="compare")
        self.add_class("box")
        self.found = evaluated(found, figures)
        self.better = {one.measure: one.better for one in figures} | {**BETTER}
        self.measures = differing(self.found)

    def on_mount(self) -> None:
        """As many columns as there is room for; says how many there are not."""
        short = short_names([str(each["dictionary"]) for each in self.found])
        room = self.app.size.width * 94 // 100 - NAME - 8
        said = [written(name, each[name]) for each in self.found for name in self.measures]
        wide = max(NARROWEST, *(min(WIDEST, len(text)) for text in (*short.values(), *said)))
        if len(self.found) * (wide + 2) > room:
            wide = max(NARROWEST, *(min(WIDEST, len(name)) for name in short.values()))
        fit = max(1, room // (wide + 2))
        shown = self.found[:fit]
        self.columns = [Column("", NAME, lambda row: (row[0], "muted"))]
        for at, name in enumerate(short[str(each["dictionary"])] for each in shown):
            self.columns.append(Column(inert(name), wide, self._cell(at), "right"))
        self.styles.height = len(self.measures) + 3
        lists = f"{key(self, 'compare.list')} lists their features together"
        left = len(self.found) - len(shown)
        self.entitle("Side by side", f"{left} more do not fit · {lists}" if left else lists)
        rows = [(name, *(each[name] for each in self.found)) for name in self.measures]
        self.show(len(rows), rows, cursor=0)
        self.focus()

    def _cell(self, at: int) -> Any:
        bests = {name: best(name, self.found, self.better) for name in self.measures}

        def show(row: Sequence[Any]) -> Cell:
            name, value = row[0], row[1 + at]
            if value is not None and value == bests[name]:
                return (f"best {written(name, value)}", "good")
            return (written(name, value), "number" if isinstance(value, float | int) else "plain")

        return show

    def copied(self) -> tuple[str, str] | None:
        """The table, its values apart by tabs."""
        heads = ["", *(str(each["dictionary"]) for each in self.found)]
        lines = [
            heads,
            *([name, *(str(each[name]) for each in self.found)] for name in self.measures),
        ]
        return "\n".join("\t".join(line) for line in lines), "comparison"

    def named(self) -> Sequence[Named]:
        """The dictionaries, each alone."""
        return named("dictionary", *(str(each["dictionary"]) for each in self.found))

    def sql(self) -> str:
        """The query that gives the same, a row each."""
        from saetui.queries import of

        names = [str(each["dictionary"]) for each in self.found]
        return f"SELECT * FROM dictionaries WHERE {of(names)}"


def written(name: str, value: Any) -> str:
    """A value as it is shown."""
    if name in SHARES:
        return share(value)
    match value:
        case None:
            return "·"
        case float():
            return number(value)
        case int() if name != "seed":
            return f"{value:,}"
        case datetime.datetime():
            return value.isoformat(" ", "minutes")[:16]
    return str(value)
