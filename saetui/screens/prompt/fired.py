"""What fires on one token of a prompt, the strongest first; each is a link to its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual.binding import Binding, BindingType

from saetui import queries
from saetui.links import Named, feature_id, named
from saetui.views.features.cells import called
from saetui.widgets.drawing import bar, number
from saetui.widgets.rows import Cell, Column, Rows


class Name(NamedTuple):
    """What the table ``features`` says of a feature, in the columns of `queries.named`."""

    dictionary: str
    feature: int
    label: str | None
    top_tokens: list[str] | None
    density: float | None
    max_activation: float | None


class Fired(NamedTuple):
    """A feature that fires on a token."""

    dictionary: str
    feature: int
    activation: float
    name: Name | None
    """None while it is not known, and where the dictionary has no profile."""


def _share(row: Any) -> Cell:
    largest = row.name.max_activation if row.name else None
    if not largest:
        return ("·", "muted")
    return ("".join(bar(row.activation / largest, 8)), "number")


def _says(row: Any) -> Cell:
    if row.name is None:
        return ("no profile", "muted")
    return called(row.name.label, row.name.top_tokens, 8)


class FiredList(Rows):
    """One line a feature."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "its page", id="fired.open", key_display="↵"),
    ]

    def __init__(self) -> None:
        super().__init__(id="prompt-fired")
        self.tell_apart(several=False)
        self.add_class("pane")
        self.empty = ["What fires on a token appears here."]
        self.dictionaries: Sequence[str] = ()
        """Whose features are listed."""

    def tell_apart(self, several: bool) -> None:
        """Whether features are of several dictionaries, which are then named."""
        named = Column("in", 38, lambda row: (row.dictionary, "muted"), needs=100)
        self.columns = [
            Column("act", 7, lambda row: (number(row.activation), "number"), "right"),
            Column("of max", 8, _share, needs=50),
            Column("feature", 8, lambda row: (f"#{row.feature}", "strong"), "right"),
            *([named] if several else []),
            Column("label or top tokens", 0, _says),
        ]

    def key(self, row: Any) -> Any:
        """What a row is known by."""
        return (row.dictionary, row.feature)

    def named(self) -> Sequence[Named]:
        """The dictionaries."""
        return named("dictionary", *self.dictionaries)

    @property
    def feature(self) -> Fired | None:
        """The feature under the cursor."""
        row: Any = self.current
        return row

    def copied(self) -> tuple[str, str] | None:
        """The feature's id."""
        row = self.feature
        return None if row is None else (feature_id(row.dictionary, row.feature), "feature id")

    def sql(self) -> str | None:
        """The query that gives the features their names; what fires no table holds."""
        rows: Sequence[Any] = [self.row(at) for at in range(self.count)]
        wanted: dict[str, list[int]] = {}
        for row in rows:
            wanted.setdefault(row.dictionary, []).append(row.feature)
        return queries.named(wanted) if wanted else None
