"""Features whose decoder directions are nearest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from saetui import queries
from saetui.key_names import run_job
from saetui.links import feature_id
from saetui.views.features.cells import called
from saetui.widgets.drawing import bar, number
from saetui.widgets.rows import Cell, Column, Row, Rows


def _cosine(row: Row) -> Cell:
    if row[2] is None:
        return "·"
    full, empty = bar(max(0.0, row[2]), 8)
    return (f"{row[2]:+.2f} {full}{empty}", "number")


class Neighbors(Rows):
    """One line a neighbour; each is a link."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "go there", id="neighbors.open", key_display="↵"),
        Binding("s", "switch", "cosine or together", id="neighbors.switch"),
    ]

    def __init__(self) -> None:
        super().__init__(
            [
                Column("feature", 8, self._feature, "right"),
                Column("cosine", 14, _cosine),
                Column("together", 9, lambda row: (number(row[3]), "number"), "right", needs=56),
                Column("in", 26, self._where, needs=118),
                Column("label or top tokens", 0, self._says),
            ],
            id="features-neighbors",
        )
        self.add_class("pane")
        self.dictionary = ""
        self.feature = 0
        self.together = False
        """Whether neighbours are those that fire together, not those that point alike."""

    class Switched(Message):
        """The user wants the other kind of neighbours."""

    def action_switch(self) -> None:
        """From neighbours by direction to neighbours by co-activation, or back."""
        self.together = not self.together
        self.post_message(self.Switched())

    def _feature(self, row: Row) -> Cell:
        """Its number, with an arrow where it leads to another dictionary."""
        return (f"{'' if row[0] == self.dictionary else '→'}{row[1]}", "strong")

    def _where(self, row: Row) -> Cell:
        return ("this one" if row[0] == self.dictionary else str(row[0]), "muted")

    def _says(self, row: Row) -> Cell:
        return called(row[4], row[5], 8)

    def show_feature(self, dictionary: str, feature: int, rows: Sequence[Row]) -> None:
        """Shows the neighbours of another feature."""
        same = (dictionary, feature) == (self.dictionary, self.feature)
        self.dictionary, self.feature = dictionary, feature
        if self.together:
            self.entitle(
                "Neighbours by co-activation",
                "Jaccard of firing, in a few documents · no cosine: not of the nearest",
            )
            self.empty = ["No other feature fires on its tokens."]
        else:
            self.entitle("Neighbours", "cosine of decoder directions · together: Jaccard of firing")
            self.empty = [
                "No neighbours were written for this feature.",
                "",
                f"{run_job(self)} runs a profile, which writes them.",
            ]
        self.sorted_by = ("together" if self.together else "cosine", False)
        self.show(len(rows), rows, cursor=None if same else 0)

    def key(self, row: Any) -> Any:
        """What a row is tagged by."""
        return (row[0], row[1])

    def copied(self) -> tuple[str, str] | None:
        """The neighbour's id."""
        row = self.current
        return None if row is None else (feature_id(row[0], row[1]), "feature id")

    def sql(self) -> str | None:
        """The query behind the list."""
        return self.query_of(self.dictionary, self.feature) if self.dictionary else None

    def query_of(self, dictionary: str, feature: int) -> str:
        """The query for the neighbours of a feature, of the kind that is shown."""
        ask = queries.coactive if self.together else queries.neighbors
        return ask(dictionary, feature)
