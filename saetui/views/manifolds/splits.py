"""How features split: pairs of dictionaries with their verdicts, parents, and their children."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from rich.segment import Segment
from textual import work
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.strip import Strip

from saetui import queries_splits as queries
from saetui.key_names import key
from saetui.links import Named, feature_id, named, short_names, to
from saetui.text import inert
from saetui.typeahead import keys_wait
from saetui.views.base import told
from saetui.views.features.cells import tokens
from saetui.views.manifolds import empty
from saetui.widgets.drawing import fit, number, share
from saetui.widgets.rows import Cell, Column, Rows

if TYPE_CHECKING:
    from saetui.database import Database
    from saetui.workbench import Workbench

AT_MOST = 2_000
"""Parents of a pair that are listed, those with most children first."""


class Pair(NamedTuple):
    """A row of `saetui.queries_splits.pairs`."""

    run: str
    parent_dictionary: str
    child_dictionary: str
    verdict: str
    """A sentence made from this pair's figures."""
    n_pairs: int | None
    """Pairs of the run."""
    together: str | None
    """The verdict on all of them."""
    odds_low: float | None = None
    """Of this pair's children against strangers, the interval of the odds ratio."""
    odds_high: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others."""
        return self.run, self.parent_dictionary, self.child_dictionary


class Parent(NamedTuple):
    """A row of `saetui.queries_splits.parents`."""

    dictionary: str
    feature: int
    child_dictionary: str
    children: int
    covered: float | None
    """Share of its tokens on which some child fires."""
    absorbed: float | None
    same_manifold: float | None
    """Share of its children that are in its cluster, of those where both are in one."""
    in_a_cluster: int
    label: str | None
    top_tokens: list[str] | None


class Child(NamedTuple):
    """A row of `saetui.queries_splits.children`."""

    dictionary: str
    feature: int
    cosine: float
    implication: float
    coverage: float
    family_coverage: float
    absorbed: float | None
    same_manifold: bool | None
    null_same_manifold: float | None
    rival_same_manifold: float | None
    label: str | None
    top_tokens: list[str] | None


class Line(NamedTuple):
    """A line of the tree."""

    pair: Pair
    depth: int
    """0 for a pair, 1 for a parent or what is said of the pair, 2 for a child."""
    says: str
    """Its name, or the whole line where it has no figures."""
    figures: tuple[str, ...] = ()
    feature: tuple[str, int] | None = None
    """Dictionary and number of the feature it is about."""
    open: bool | None = None
    """Whether what is below it is shown; None where there is nothing below."""
    strong: bool = False


def _title(row: Line) -> str:
    sign = "" if row.open is None else "▾ " if row.open else "▸ "
    return "  " * row.depth + sign + row.says


def _name(row: Line) -> Cell:
    return (_title(row), "strong" if row.strong else "muted")


def _figure(at: int) -> Any:
    return lambda row: (row.figures[at] if at < len(row.figures) else "", "number")


class Splits(Rows):
    """The tree from narrow dictionaries to wide ones."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "unfold", "open or close", id="splits.unfold"),
        Binding("right,l", "unfold(True)", "open", id="splits.open", show=False),
        Binding("left,h", "unfold(False)", "close", id="splits.close", show=False),
        Binding("enter", "open", "feature", id="splits.follow", key_display="↵"),
    ]

    def __init__(self) -> None:
        super().__init__(
            [
                Column("feature", 0, _name),
                Column("cosine", 6, _figure(0), "right"),
                Column("covers", 7, _figure(1), "right"),
                Column("implies", 7, _figure(2), "right", needs=64),
                Column("absorbs", 7, _figure(4), "right", needs=74),
                Column("manifold", 11, _figure(3)),
            ],
            id="manifolds-splits",
        )
        self.add_class("pane")
        self.pairs: list[Pair] = []
        self._open: set[tuple[str, str, str]] = set()
        self._unfolded: dict[tuple[tuple[str, str, str], int], Sequence[Child]] = {}
        """Children of the parents that are open."""
        self._parents: dict[tuple[str, str, str], Sequence[Parent]] = {}
        self.entitle("Splits")

    @property
    def database(self) -> Database:
        """The workspace's tables."""
        return cast("Workbench", self.app).database

    @property
    def line(self) -> Line | None:
        """The line under the cursor."""
        row: Any = self.current
        return row

    def key(self, row: Any) -> Any:
        """What a line is known by."""
        return (row.pair.key, row.depth, row.feature or (row.depth and row.says))

    def copied(self) -> tuple[str, str] | None:
        """The id of the feature, else the verdict."""
        if self.line is None:
            return None
        if self.line.feature:
            return feature_id(*self.line.feature), "feature id"
        return self.line.pair.verdict, "verdict"

    def named(self) -> Sequence[Named]:
        """The job and the dictionaries of the pair that the line is part of."""
        if self.line is None:
            return ()
        pair = self.line.pair
        made = Named(pair.run, "the job that made it", to("job", pair.run))
        return [made, *named("dictionary", pair.parent_dictionary, pair.child_dictionary)]

    def sql(self) -> str | None:
        """The query behind the tree: of the pair that the line is part of."""
        if self.line is None:
            return queries.pairs()
        run, *pair = self.line.pair.key
        return queries.parents(run, (pair[0], pair[1]))

    # What is shown

    @work(exclusive=True, group="splits")
    async def load(self) -> None:
        """Reads the pairs; the first is open."""
        with told(self):
            rows = await self.database.rows(queries.pairs())
            first = not self.pairs
            self.pairs = [Pair(*row) for row in rows]
            self.empty = partial(empty.no_splits, self)
            known = {pair.key for pair in self.pairs}
            self._open &= known
            self._parents.clear()
            self._unfolded = {key: v for key, v in self._unfolded.items() if key[0] in known}
            if first and self.pairs:
                self._open = {self.pairs[0].key}
            for pair in self.pairs:
                if pair.key in self._open:
                    await self._read_parents(pair)
            self._list()

    async def _read_parents(self, pair: Pair) -> None:
        if pair.key not in self._parents:
            names = (pair.parent_dictionary, pair.child_dictionary)
            sql = queries.parents(pair.run, names, limit=AT_MOST)
            self._parents[pair.key] = [Parent(*row) for row in await self.database.rows(sql)]

    def _list(self) -> None:
        lines = []
        for before, pair in zip([None, *self.pairs], self.pairs, strict=False):
            if (before is None or before.run != pair.run) and (pair.n_pairs or 0) > 1:
                lines.append(Line(pair, 0, f"{pair.run}: all {pair.n_pairs} pairs", strong=True))
                lines += self._said(pair, pair.together or "")
            lines += self._of_pair(pair)
        runs = len({pair.run for pair in self.pairs})
        self.entitle(
            "Splits", f"{len(self.pairs)} pairs in {runs} runs" if len(self.pairs) > 1 else ""
        )
        self.show_again(lines)

    def _said(self, pair: Pair, verdict: str) -> list[Line]:
        """A verdict in as many lines as it takes."""
        width = max(20, self.size.width - 6)
        return [Line(pair, 1, text) for text in textwrap.wrap(inert(verdict), width)]

    def _of_pair(self, pair: Pair) -> list[Line]:
        short = short_names([pair.parent_dictionary, pair.child_dictionary])
        title = f"{short[pair.parent_dictionary]} → {short[pair.child_dictionary]}"
        if (pair.n_pairs or 0) < 2:  # no line above names the run
            title = f"{pair.run}: {title}"
        is_open = pair.key in self._open
        said = "" if is_open else f"  {_interval(pair)}"
        lines = [Line(pair, 0, title + said, open=is_open, strong=True)]
        if is_open:
            lines += self._said(pair, pair.verdict)
            parents = self._parents.get(pair.key, ())
            for parent in parents:
                lines += self._of_parent(pair, parent)
            if len(parents) >= AT_MOST:
                copies = key(self, "pane.copy_sql")
                lines.append(
                    Line(pair, 1, f"the first {AT_MOST:,}; {copies} copies the whole query")
                )
        return lines

    def _of_parent(self, pair: Pair, parent: Parent) -> list[Line]:
        below = self._unfolded.get((pair.key, parent.feature))
        named = parent.label or tokens((parent.top_tokens or [])[:4])
        known = parent.in_a_cluster
        same = f"{round((parent.same_manifold or 0) * known)} of {known}" if known else "·"
        figures = (f"→ {parent.children}", share(parent.covered), "", same, "")
        lines = [
            Line(
                pair,
                1,
                f"#{parent.feature}  {named}",
                figures,
                (pair.parent_dictionary, parent.feature),
                below is not None,
                bool(parent.label),
            )
        ]
        return lines + [_child(pair, child) for child in below or ()]

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Something is opened where there is something."""
        if action in ("open", "unfold"):
            return self.line is not None
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """Goes to the feature; from a verdict to what it is about."""
        if self.line is not None and self.line.feature is None:
            self.action_named()
        else:
            super().action_open()

    @work(group="unfold")
    async def action_unfold(self, to: bool | None = None) -> None:
        """Shows or hides what is below the line; closing a child closes its parent."""
        line = self.line
        if line is None:
            return
        if line.open is None or (to is False and not line.open):
            line = self._above(to)
        if line is None or line.open is None or line.open is to:
            return
        with keys_wait(self), told(self):
            await self._turn(line)
            self._list()
            self._show_below()

    def _show_below(self) -> None:
        """Scrolls so far that what was opened is seen, or as much of it as there is room for."""
        depth, last = (self.line.depth if self.line else 0), self.cursor
        while last + 1 < self.count and cast("Line", self.row(last + 1)).depth > depth:
            last += 1
        room = max(1, self.size.height - 1)
        target = min(self.cursor, last + 1 - room)
        if target > self.scroll_offset.y:
            self.scroll_to(y=target, animate=False, force=True, immediate=True)

    def _above(self, to: bool | None) -> Line | None:
        """The line that the one under the cursor is below, which the cursor goes to when that is
        closed.
        """
        if to:
            return None
        at = self.cursor
        here: Any = self.row(at)
        while at > 0:
            at -= 1
            line: Any = self.row(at)
            if line.depth < here.depth:
                self.cursor = at
                return cast("Line", line)
        return None

    async def _turn(self, line: Line) -> None:
        pair = line.pair
        if line.depth == 0:
            self._open ^= {pair.key}
            if pair.key in self._open:
                await self._read_parents(pair)
        elif line.feature is not None:
            key = (pair.key, line.feature[1])
            if self._unfolded.pop(key, None) is None:
                sql = queries.children(pair.run, *line.feature, [pair.child_dictionary])
                self._unfolded[key] = [Child(*row) for row in await self.database.rows(sql)]

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """What can be done may be another thing."""
        self.refresh_bindings()

    def on_resize(self, event: Resize) -> None:
        """Wraps the verdicts anew."""
        if self.pairs:
            self._list()

    def own_line(self, row: Any, cursor: bool, mark: str) -> Strip | None:
        """A line without figures has all the room."""
        if row.figures:
            return None
        name = "strong" if row.strong else "muted"
        return Strip(
            [
                Segment(mark + " ", self._style("accent", cursor)),
                Segment(fit(_title(row), self.size.width - 2), self._style(name, cursor)),
            ]
        )


def _interval(pair: Pair) -> str:
    """What a closed pair says: its verdict has the rest."""
    low, high = pair.odds_low, pair.odds_high
    known = low is not None and high is not None
    return f"odds {number(low, 2)} to {number(high, 2)}" if known else "no answer"


def _child(pair: Pair, child: Child) -> Line:
    same = child.same_manifold
    manifold = "·" if same is None else "same" if same else "other"
    if child.null_same_manifold is not None:
        manifold += f" ({share(child.null_same_manifold)})"
    return Line(
        pair,
        2,
        f"#{child.feature}  {child.label or tokens((child.top_tokens or [])[:4])}",
        (
            *(number(child.cosine, 2), share(child.coverage), share(child.implication)),
            *(manifold, share(child.absorbed)),
        ),
        (child.dictionary, child.feature),
        None,
        bool(child.label),
    )
