"""The list of features: sorted, filtered, tagged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from saetui import queries
from saetui.links import feature_id
from saetui.typeahead import keep_keys
from saetui.widgets.drawing import number, share
from saetui.widgets.rows import Cell, Column, Row, Rows

if TYPE_CHECKING:
    from saetui.views.features.index import Feature


def tokens(found: list[str]) -> str:
    """Tokens in a row, their white space aside, none twice."""
    return "  ".join(dict.fromkeys(token.strip(" ") or "␣" for token in found))


def _says(row: Row) -> Cell:
    label, found = row[4], row[5]
    return (label, "strong") if label else (tokens(found), "muted")


def _dead(row: Row) -> str:
    return "muted" if not row[1] else "number"


TITLES = {"feature": "feature", "density": "density", "max": "max", "mean": "mean"}
"""Sort → the column that it sorts by, where that is one of the list's."""


class FeatureList(Rows):
    """The features of one dictionary."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="features.filter", key_display="/"),
        Binding("s", "sort", "sort", id="features.sort"),
        Binding("S", "reverse", "reverse", id="features.reverse", show=False),
        Binding("space", "tag", "tag", id="features.tag", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(
            [
                Column("feature", 8, lambda row: (str(row[0]), "strong"), "right"),
                Column("density", 8, lambda row: (share(row[1]), _dead(row)), "right"),
                Column("max", 6, lambda row: (number(row[2]), "number"), "right"),
                Column("mean", 6, lambda row: (number(row[3]), "number"), "right", needs=62),
                Column("label or top tokens", 0, _says),
            ],
            id="features-list",
        )
        self.add_class("pane")
        self.dictionary = ""
        self.sort = "density"
        self.reverse = False
        self.search = ""

    @property
    def feature(self) -> Feature | None:
        """The feature under the cursor."""
        row: Any = self.current
        return row

    def copied(self) -> tuple[str, str] | None:
        """Ids of the tagged features, else of the one under the cursor."""
        numbers = sorted(self.tagged) or ([self.feature.feature] if self.feature else [])
        if not numbers:
            return None
        what = "feature id" if len(numbers) == 1 else f"{len(numbers)} feature ids"
        return "\n".join(feature_id(self.dictionary, n) for n in numbers), what

    def sql(self) -> str | None:
        """The query behind the list."""
        if not self.dictionary:
            return None
        return queries.features(
            self.dictionary, sort=self.sort, reverse=self.reverse, search=self.search
        )

    class Sorted(Message):
        """The user wants another order."""

    class Asked(Message):
        """The user wants to filter."""

    def action_sort(self) -> None:
        """Sorts by the next of `saetui.queries.SORTS`."""
        sorts = list(queries.SORTS)
        self.sort = sorts[(sorts.index(self.sort) + 1) % len(sorts)]
        self.reverse = False
        self.post_message(self.Sorted())

    def action_reverse(self) -> None:
        """Turns the order around."""
        self.reverse = not self.reverse
        self.post_message(self.Sorted())

    def action_filter(self) -> None:
        """Asks what to filter by."""
        keep_keys(self)
        self.post_message(self.Asked())

    def action_tag(self) -> None:
        """Tags the feature."""
        self.toggle_tag()

    def name_it(self, shown: int, total: int | None) -> None:
        """Says what is listed, and how much of it."""
        descending = queries.SORTS[self.sort].descending != self.reverse
        title = TITLES.get(self.sort, "label or top tokens")
        self.sorted_by = (title, not descending)
        aside = f"{shown:,}" if total is None or total == shown else f"{shown:,} of {total:,}"
        if self.search:
            aside += f" · {self.search}"
        elif self.sort not in TITLES:
            aside += f" · by {self.sort}"
        if self.tagged:
            aside += f" · {len(self.tagged)} tagged"
        self.entitle(self.dictionary or "Features", aside)
