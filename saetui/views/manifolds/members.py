"""The features of a cluster; each is a link to its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual.binding import Binding, BindingType

from saetui import queries_manifolds as queries
from saetui.links import feature_ids, short_names
from saetui.views.features.cells import called
from saetui.widgets.drawing import bar, number, share
from saetui.widgets.rows import Cell, Column, Rows

AT_MOST = 2_000
"""Members that are listed, the firmest first."""


class Member(NamedTuple):
    """A row of `saetui.queries_manifolds.members`."""

    dictionary: str
    feature: int
    membership: float | None
    x: float
    y: float
    density: float | None
    max_activation: float | None
    label: str | None
    top_tokens: list[str] | None


def _firm(row: Member) -> Cell:
    if row.membership is None:
        return "·"
    full, empty = bar(row.membership, 6)
    return (f"{number(row.membership, 2)} {full}{empty}", "number")


def _says(row: Member) -> Cell:
    return called(row.label, row.top_tokens, 8)


class Members(Rows):
    """One line a feature."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "feature", id="members.open", key_display="↵"),
        Binding("space", "tag", "mark", id="members.tag", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(self._columns(()), id="manifolds-members")
        self.add_class("pane")
        self.run = ""
        self.cluster = -1
        self.entitle("Members")

    def show_members(
        self, run: str, cluster: int, rows: Sequence[Member], many: int, among: Sequence[str]
    ) -> None:
        """Shows the members of another cluster, `many` in all; `among` are the dictionaries of the
        run.
        """
        same = (run, cluster) == (self.run, self.cluster)
        if not same:
            self.tagged.clear()
        self.run, self.cluster = run, cluster
        self.columns = self._columns(among)
        shown = f"{len(rows):,} of {many:,}" if len(rows) < many else f"{many:,}"
        self.empty = ["Its features are no longer here:", "their dictionary was removed."]
        self.entitle("Members", f"{shown} · the firmest first" if rows else "")
        self.show(len(rows), rows, cursor=None if same else 0)

    def clear(self, sentences: Sequence[str]) -> None:
        """Shows none, and says why."""
        self.run, self.cluster, self.empty = "", -1, list(sentences)
        self.entitle("Members")
        self.show(0, [])

    def _columns(self, among: Sequence[str]) -> list[Column]:
        short = short_names(among)
        wide = min(22, max(10, *map(len, short.values()))) if len(short) > 1 else 0
        found = [Column("feature", 8, lambda row: (str(row.feature), "strong"), "right")]
        if wide:
            found.append(
                Column("in", wide, lambda row: (short.get(row.dictionary, row.dictionary), "muted"))
            )
        return [
            *found,
            Column("member", 11, _firm, needs=44),
            Column("density", 8, lambda row: (share(row.density), "number"), "right", needs=58),
            Column("label or top tokens", 0, _says),
        ]

    def key(self, row: Any) -> Any:
        """What a row is tagged by."""
        return row.dictionary, row.feature

    def action_tag(self) -> None:
        """Marks the feature, or takes its mark away."""
        self.toggle_tag()

    def copied(self) -> tuple[str, str] | None:
        """Ids of the marked features, else of the one under the cursor."""
        row: Any = self.current
        return feature_ids(sorted(self.tagged) or ([self.key(row)] if row else []))

    def sql(self) -> str | None:
        """The query behind the list."""
        return queries.members(self.run, self.cluster) if self.run else None
