"""The causal edges of a feature: what ablating it changes, and whose ablation changes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from textual import work
from textual.binding import Binding, BindingType

from saetui import queries_circuits as queries
from saetui.circuits.text import interval, signed
from saetui.key_names import key
from saetui.links import feature_id, short_names
from saetui.views.base import told
from saetui.widgets.drawing import number
from saetui.widgets.rows import Cell, Column, Rows

if TYPE_CHECKING:
    from saetui.database import Database
    from saetui.workbench import Workbench

AT_MOST = 200
"""Edges of each direction that are listed."""


class Effect(NamedTuple):
    """A row of `saetui.queries_circuits.effects`, and which way it leads."""

    run: str
    source_dictionary: str
    source_feature: int
    target_dictionary: str | None
    target_feature: int | None
    target_component: str | None
    effect: float
    low: float | None
    high: float | None
    n: int
    null_effect: float | None
    q_value: float | None
    significant: bool | None
    method: str
    label: str | None
    into: bool
    """Whether the feature of the page is what changes."""

    @property
    def other(self) -> tuple[str, int] | None:
        """The feature at its other end; None for a head, an MLP or the metric."""
        if self.into:
            return self.source_dictionary, self.source_feature
        if self.target_dictionary is None or self.target_feature is None:
            return None
        return self.target_dictionary, self.target_feature

    @property
    def sign(self) -> str:
        """● for one that clears its nulls, ○ for one that does not."""
        return "●" if self.significant else "○"


def _around(row: Effect) -> Cell:
    return (interval(row.low, row.high), "muted")


def _chance(row: Effect) -> Cell:
    return (signed(row.null_effect, 2).lstrip("+"), "muted")


class Effects(Rows):
    """One line an edge; each to or from a feature is a link."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "go there", id="effects.open", key_display="↵"),
        Binding("s", "switch", "out, in or both", id="effects.switch"),
    ]

    WAYS = ("both", "out", "in")

    def __init__(self) -> None:
        super().__init__(
            [
                Column("", 1, lambda row: (row.sign, "good" if row.significant else "muted")),
                Column("", 3, lambda row: ("in" if row.into else "out", "muted")),
                Column("effect", 6, lambda row: (signed(row.effect, 2), "number"), "right"),
                Column("95%", 10, _around, needs=54),
                Column("chance", 6, _chance, "right"),
                Column("q", 6, lambda row: (number(row.q_value), "muted"), "right", needs=76),
                Column("feature, head or metric", 0, self._says),
            ],
            id="features-effects",
        )
        self.add_class("pane")
        self.dictionary = ""
        self.feature = 0
        self.way = "both"
        self.edges: Sequence[Effect] = ()
        self._short: dict[str, str] = {}
        self.entitle("Causal edges")

    @property
    def database(self) -> Database:
        """The workspace's tables."""
        return cast("Workbench", self.app).database

    @work(exclusive=True, group="effects")
    async def load(self, dictionary: str, feature: int) -> None:
        """Shows the edges of another feature."""
        with told(self):
            found = []
            for into in (False, True):
                sql = queries.effects(dictionary, feature, into=into, limit=AT_MOST)
                found += [Effect._make([*row, into]) for row in await self.database.rows(sql)]
            self.dictionary, self.feature, self.edges = dictionary, feature, found
            used = {other[0] for each in found if (other := each.other)}
            self._short = short_names(sorted({*used, dictionary}))
            self._list()

    def _list(self, *, same: bool = False) -> None:
        shown = [
            each for each in self.edges if self.way == "both" or each.into == (self.way == "in")
        ]
        real = sum(bool(each.significant) for each in shown)
        title = {"both": "Causal edges", "out": "What it changes", "in": "What changes it"}
        aside = f"{real} of {len(shown)} clear their nulls (●)" if shown else ""
        self.entitle(title[self.way], aside)
        self.empty = self._missing()
        self.show(len(shown), shown, cursor=None if same else 0)

    def _missing(self) -> list[str]:
        ablate = key(self, "features.ablate")
        return [
            "No causal edges were measured.",
            "",
            f"{ablate} ablates this feature and sees what changes.",
        ]

    def clear(self) -> None:
        """Shows no feature's."""
        self.dictionary, self.edges = "", ()
        self.empty = []
        self.show(0, [])
        self.entitle("Causal edges")

    def _says(self, row: Effect) -> Cell:
        other = row.other
        if other is None:
            return (row.target_component or "the metric", "strong")
        where = "" if other[0] == self.dictionary else f"{self._short.get(other[0], other[0])} "
        return f"{where}#{other[1]}  {row.label or ''}"

    def key(self, row: Any) -> Any:
        """What a row is tagged by."""
        return (row.into, row.other or row.target_component)

    def copied(self) -> tuple[str, str] | None:
        """The id of the other end."""
        row: Any = self.current
        if row is None:
            return None
        if row.other:
            return feature_id(*row.other), "feature id"
        return row.target_component or "the metric", "name"

    def sql(self) -> str | None:
        """The query behind the list: into the feature where that alone is shown."""
        if not self.dictionary:
            return None
        return queries.effects(self.dictionary, self.feature, into=self.way == "in")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only features lead anywhere."""
        row: Any = self.current
        if action == "open":
            return row is not None and row.other is not None
        if action == "switch":
            return bool(self.edges)
        return super().check_action(action, parameters)

    def action_switch(self) -> None:
        """From edges both ways to those out of it, to those into it."""
        self.way = self.WAYS[(self.WAYS.index(self.way) + 1) % len(self.WAYS)]
        self._list()

    def on_rows_moved(self) -> None:
        """What can be done may be another thing."""
        self.refresh_bindings()
