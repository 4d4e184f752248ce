"""Where a feature fires most: its top activations, each in its document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.strip import Strip

from saetui import queries
from saetui.widgets.drawing import fit, number
from saetui.widgets.rows import Column, Rows
from saetui.widgets.tokens import Context, context_line, theme_shades

ALIGNED = 0.46
"""Where in the line the peak stands."""


class Activation(NamedTuple):
    """A row of `saetui.queries.contexts`."""

    rank: int
    doc: int
    pos: int
    activation: float
    quantile: float | None
    corpus: str
    first: int
    pieces: list[str] | None
    positions: list[int] | None
    activations: list[float] | None
    text: str = ""
    """All of the document, where `pieces` are not known."""

    @property
    def context(self) -> Context:
        """The tokens around the peak. Without them in the table, the whole text is one piece."""
        if not self.pieces:
            return Context([self.text], -1, {})
        fired = zip(self.positions or [], self.activations or [], strict=True)
        strengths = {
            pos - self.first: float(activation)
            for pos, activation in fired
            if 0 <= pos - self.first < len(self.pieces)
        }
        return Context(self.pieces, self.pos - self.first, strengths)

    @property
    def place(self) -> str:
        """Document and position."""
        return f"{self.doc}:{self.pos}"

    @property
    def drawn(self) -> str:
        """Its rank among the strongest, or the quantile it was drawn from."""
        return (
            f"#{self.rank + 1}" if self.quantile is None else f"q{round(100 * self.quantile):02d}"
        )


class Contexts(Rows):
    """One line an activation, the peaks beneath each other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "document", id="contexts.open", key_display="↵"),
    ]

    def __init__(self) -> None:
        super().__init__(
            [
                Column("rank", 4, lambda row: (row.drawn, "muted"), "right"),
                Column("act", 6, lambda row: (number(row.activation), "number"), "right"),
                Column("doc:pos", 11, lambda row: (row.place, "muted"), "right", needs=90),
                Column("context", 0, lambda row: ""),
            ],
            id="features-contexts",
        )
        self.add_class("pane")
        self.dictionary = ""
        self.feature = 0
        self.strongest = 0.0

    def show_feature(
        self, dictionary: str, feature: int, rows: Sequence[Activation], strongest: float
    ) -> None:
        """Shows the activations of another feature."""
        same = (dictionary, feature) == (self.dictionary, self.feature)
        self.dictionary, self.feature, self.strongest = dictionary, feature, strongest
        tops = sum(row.quantile is None for row in rows)
        aside = (
            f"{tops} strongest"
            if tops == len(rows)
            else (f"{tops} strongest, {len(rows) - tops} from lower quantiles")
        )
        self.entitle("Activations", aside if rows else "")
        self.show(len(rows), rows, cursor=None if same else 0)

    def key(self, row: Any) -> Any:
        """What a row is tagged by."""
        return row.rank

    def copied(self) -> tuple[str, str] | None:
        """The text of the context."""
        row: Any = self.current
        return None if row is None else ("".join(row.context.pieces), "text")

    def sql(self) -> str | None:
        """The query behind the list."""
        if not self.dictionary:
            return None
        return queries.contexts(self.dictionary, self.feature, text=False)

    def own_line(self, row: Any, cursor: bool, mark: str) -> Strip | None:
        """The columns of a list, the last of which is the context."""
        plain = self._style("plain", cursor)
        widths = self._widths(self.size.width)
        segments = [Segment(mark + " ", self._style("accent", cursor))]
        for column, cells in widths[:-1]:
            shown = column.show(row)
            text, name = shown if isinstance(shown, tuple) else (shown, "plain")
            segments.append(Segment(fit(text, cells, column.align), self._style(name, cursor)))
            segments.append(Segment("  ", plain))
        segments += self._shaded(row, widths[-1][1], plain)
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def _shaded(self, row: Activation, width: int, plain: Style) -> list[Segment]:
        shades = theme_shades(self.app.theme_variables)
        return context_line(row.context, width, self.strongest, shades, plain, ALIGNED)
