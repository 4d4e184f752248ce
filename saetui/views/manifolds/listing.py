"""The list of clusters of one run: sorted, filtered, each beside what chance would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from textual import work
from textual.binding import Binding, BindingType
from typing_extensions import override

from saetui import queries_manifolds as queries
from saetui.links import Named, named, to
from saetui.session import Remembered
from saetui.views.base import told
from saetui.views.features.cells import tokens
from saetui.views.manifolds import empty
from saetui.widgets.drawing import count, number
from saetui.widgets.ordered import OrderedRows
from saetui.widgets.rows import Cell, Column

if TYPE_CHECKING:
    from saetui.database import Database
    from saetui.workbench import Workbench

HINT = "words · significant · insignificant · labelled · size>10 · q<0.01 · cohesion>0.4"
"""What a filter may say."""

TITLES = {
    "size": "size",
    "cohesion": "cohesion",
    "q": "q",
    "stability": "stable",
    "label": "label or tokens",
    "cluster": "no.",
}
"""Sort → the column that it sorts by, where that is one of the list's."""


class Run(NamedTuple):
    """A row of `saetui.queries_manifolds.runs`."""

    run: str
    dictionaries: list[str]
    method: str
    similarity: str
    n_features: int
    n_clusters: int
    n_clustered: int
    n_significant: int
    null_clusters: float | None
    fdr: float
    silhouette: float | None
    seed: int
    seconds: float
    created_at: Any
    n_planes: int | None
    n_irreducible: int | None
    n_alike: int | None
    null_alike: float | None
    random_alike: float | None

    @property
    def named(self) -> list[Named]:
        """The job that made it, and what it groups."""
        made = Named(self.run, "the job that made it", to("job", self.run))
        return [made, *named("dictionary", *self.dictionaries)]

    @property
    def says(self) -> str:
        """What it did and found, in a few words."""
        found = f"{count(self.n_clusters)} clusters, {count(self.n_significant)} significant"
        return f"{self.method} by {self.similarity}: {found}"


class Cluster(NamedTuple):
    """A row of `saetui.queries_manifolds.clusters`."""

    cluster: int
    label: str | None
    n_features: int
    cohesion: float
    null_cohesion: float
    random_cohesion: float | None
    q_value: float | None
    significant: bool | None
    separation: float | None
    stability: float | None
    intrinsic_dimension: float | None
    activation_share: float | None
    fvu_share: float | None
    tokens: list[str]

    @property
    def sign(self) -> str:
        """● for a significant one, ○ for one that chance would give too."""
        return "●" if self.significant else "○"

    @property
    def chance(self) -> float:
        """The greater of its two nulls."""
        return max(self.null_cohesion, self.random_cohesion or 0.0)

    @property
    def name(self) -> str:
        """Its label, else its first tokens."""
        return self.label or tokens(self.tokens[:3])


def _number(row: Cluster) -> Cell:
    return (f"{row.sign} {row.cluster}", "strong" if row.significant else "muted")


def _q(value: float | None) -> str:
    return f"{value:.0e}" if value is not None and 0 < value < 0.001 else number(value)


def _says(row: Cluster) -> Cell:
    if not row.significant:
        return (f"not significant · {row.name}", "muted")
    return (row.label, "strong") if row.label else (tokens(row.tokens), "muted")


COLUMNS = (
    Column("no.", 6, _number, "right"),
    Column("size", 5, lambda row: (count(row.n_features), "number"), "right", needs=26),
    Column("cohesion", 9, lambda row: (number(row.cohesion, 2), "number"), "right", needs=36),
    Column("chance", 6, lambda row: (number(row.chance, 2), "muted"), "right", needs=42),
    Column("q", 5, lambda row: (_q(row.q_value), "number"), "right", needs=46),
    Column("stable", 7, lambda row: (number(row.stability, 2), "number"), "right", needs=66),
    Column("label or tokens", 0, _says),
)


class ClusterList(OrderedRows):
    """The clusters of one run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="clusters.filter", key_display="/"),
        Binding("s", "sort", "sort", id="clusters.sort"),
        Binding("S", "reverse", "reverse", id="clusters.reverse", show=False),
    ]

    SORTS = queries.SORTS
    HINT = HINT
    sort = "size"

    def __init__(self) -> None:
        super().__init__(COLUMNS, id="manifolds-clusters")
        self.add_class("pane")
        self.run: Run | None = None
        """The run whose clusters are listed."""
        self.entitle("Clusters")

    @property
    def database(self) -> Database:
        """The workspace's tables."""
        return cast("Workbench", self.app).database

    @property
    def cluster(self) -> Cluster | None:
        """The cluster under the cursor."""
        row: Any = self.current
        return row

    def copied(self) -> tuple[str, str] | None:
        """The cluster's id."""
        if self.run is None or self.cluster is None:
            return None
        return f"{self.run.run}#{self.cluster.cluster}", "cluster id"

    def named(self) -> Sequence[Named]:
        """The run."""
        return self.run.named if self.run else ()

    def sql(self) -> str | None:
        """The query behind the list."""
        if self.run is None:
            return None
        return queries.clusters(
            self.run.run, sort=self.sort, reverse=self.reverse, search=self.search
        )

    def remembered(self) -> dict[str, Any]:
        """What the next session should know of the list."""
        return {"sort": self.sort, "reverse": self.reverse, "search": self.search}

    def remember(self, was: Remembered) -> None:
        """Lists as the last session did."""
        if was.text("sort") in queries.SORTS:
            self.sort, self.reverse = was.text("sort"), was.flag("reverse")
        self.search = was.text("search")

    # What is listed

    async def show_run(self, run: Run, on: int | None) -> None:
        """Lists the clusters of `run`, the cursor on the cluster `on`; a filter that hides it is
        lifted.
        """
        if self.run is not None and self.run.run != run.run:
            self.search = ""
        self.run = run
        rows = await self._rows()
        place = _place(rows, on)
        if on is not None and place is None and self.search:
            self.search = ""
            rows = await self._rows()
            place = _place(rows, on)
        self._list(rows, place or 0)

    @override
    def relist(self) -> None:
        """The cursor stays on its cluster where that is still listed."""
        if self.run is not None:
            self.here.clear()
            self._relist()

    @work(exclusive=True, group="list")
    async def _relist(self) -> None:
        with told(self):
            rows = await self._rows()
            on = self.cluster.cluster if self.cluster else None
            self._list(rows, _place(rows, on) or 0)
        self.here.set()

    async def _rows(self) -> list[Cluster]:
        """The rows, of the run, in the order and by the filter that hold when they are here."""
        while asked := self.sql():
            rows = await self.database.rows(asked)
            if asked == self.sql():
                return [Cluster(*row) for row in rows]
        return []

    def _list(self, rows: Sequence[Cluster], place: int) -> None:
        self.empty = (
            empty.none_found(self)
            if self.search
            else ["This run found no cluster:", "its features are no nearer than by chance."]
        )
        self.show(len(rows), rows, cursor=place)
        self.name_it()

    def name_it(self) -> None:
        """Says what is listed, and how much of it is significant."""
        if self.run is None:
            self.entitle("Clusters")
            return
        ups = queries.SORTS[self.sort].descending == self.reverse
        self.sorted_by = (TITLES[self.sort], ups) if self.sort in TITLES else None
        many, run = self.count, self.run
        whole = many == run.n_clusters
        aside = f"{many:,}" if whole else f"{many:,} of {run.n_clusters:,}"
        aside += f" · {run.n_significant:,} significant (● q ≤ {run.fdr:g})"
        if self.search:
            aside += f" · {self.search}"
        elif self.sort not in TITLES:
            aside += f" · by {self.sort}"
        elif run.null_clusters is not None:
            aside += f" · {number(run.null_clusters)} by chance"
        self.entitle(f"{run.run} · {run.method} by {run.similarity}", aside)


def _place(rows: Sequence[Cluster], cluster: int | None) -> int | None:
    return next((at for at, row in enumerate(rows) if row.cluster == cluster), None)
