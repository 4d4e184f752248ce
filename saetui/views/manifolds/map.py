"""The map of a run: every feature a dot; the chosen cluster and what is found stand out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message

from saetui import queries
from saetui import queries_manifolds as manifolds
from saetui.filtering import ask_as_typed
from saetui.links import Named, feature_id, named, short_names
from saetui.session import Remembered
from saetui.views.base import told
from saetui.views.features.cells import tokens
from saetui.views.features.listing import HINT
from saetui.views.manifolds import colours
from saetui.views.manifolds.listing import Cluster
from saetui.views.manifolds.points import Points, read_hits, read_points, read_trait
from saetui.widgets.scatter import Label, Scatter

if TYPE_CHECKING:
    from saetui.database import Database
    from saetui.workbench import Workbench

COLOURINGS = ("cluster", "density", "label", "layer", "dictionary")
"""What the map can be coloured by, in the order that ``o`` goes through."""

NAMED = 60
"""Clusters that are named on the map at most."""

LONGEST = 20
"""Characters of a name on the map."""

SETTLE = 0.1
"""Seconds the cursor must rest before its feature's tokens are asked for."""


class Map(Scatter):
    """The features of one run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "its cluster", id="map.choose"),
        Binding("slash", "search", "highlight", id="map.search", key_display="/"),
        Binding("o", "colour", "colour by", id="map.colour"),
        Binding("i", "single", "one kind alone", id="map.single", show=False),
        Binding("enter", "open", "feature", id="map.open", key_display="↵"),
    ]

    def __init__(self) -> None:
        super().__init__(id="manifolds-map")
        self.add_class("pane")
        self.points: Points | None = None
        self.clusters: dict[int, Cluster] = {}
        """Clusters of the run by their number."""
        self.chosen: int | None = None
        """The cluster that stands out."""
        self.colouring = "cluster"
        self.search = ""
        self.alone: int | None = None
        """The kind that stands out alone."""
        self._hits: Any = None
        self._traits: dict[str, Any] = {}
        self._middles: dict[int, int | None] = {}
        """Cluster → the point in its middle, as far as it was looked for."""
        self._recalled = ""
        self.entitle("Map")

    @property
    def database(self) -> Database:
        """The workspace's tables."""
        return cast("Workbench", self.app).database

    @property
    def feature(self) -> tuple[str, int] | None:
        """Dictionary and number of the feature under the cursor."""
        if self.points is None or self.point is None:
            return None
        return self.points.feature_at(self.point)

    def copied(self) -> tuple[str, str] | None:
        """The feature's id."""
        return (feature_id(*self.feature), "feature id") if self.feature else None

    def named(self) -> Sequence[Named]:
        """The dictionaries, which the legend may name."""
        return named("dictionary", *self.points.dictionaries) if self.points else ()

    def sql(self) -> str | None:
        """The query behind the map."""
        return manifolds.points(self.points.run) if self.points else None

    def remembered(self) -> dict[str, Any]:
        """What the next session should know of the map."""
        return {"sight": self.sight.said() if self.points else "", "colouring": self.colouring}

    def remember(self, was: Remembered) -> None:
        """Shows what the last session did, once there are points."""
        if was.text("colouring") in COLOURINGS:
            self.colouring = was.text("colouring")
        self._recalled = was.text("sight")[:200]

    # What is shown

    async def show_run(self, run: str, clusters: Sequence[Cluster]) -> None:
        """Reads and shows the map of a run with all its `clusters`."""
        points = await self.database.ask(partial(read_points, run=run))
        anew = self.points is None or self.points.run != run
        sight = self.sight.said()
        self.points, self.clusters = points, {row.cluster: row for row in clusters}
        self._traits = {}  # what is still being read is of the run before
        self.cloud = self.point = None
        self._middles.clear()
        self._hits, self.alone = None, None
        if not len(points):
            self.clear()
            self.points = None
            return
        kind, kinds = await self._coloured()
        self.chosen = self.chosen if not anew else None
        self.show_points(points.x, points.y, kind, kinds)
        self.sight.recall(self._recalled if anew else sight)
        self._recalled = ""
        self.look()
        self._name_clusters()
        if self.search:
            self.highlight()
        self._stand_out()

    def choose(self, cluster: int | None, *, move: bool) -> None:
        """Lets a cluster stand out; the cursor moves to its middle when told to `move`."""
        self.chosen = cluster
        if self.points is None:
            return
        self._name_clusters()
        self._stand_out()
        middle = self._middle(cluster) if cluster is not None and move else None
        if middle is not None:
            self.put_cursor(middle)

    def find(self, dictionary: str, feature: int) -> bool:
        """Puts the cursor on a feature; whether it is on the map."""
        point = self.points.find(dictionary, feature) if self.points else None
        if point is not None:
            self.put_cursor(point)
        return point is not None

    def _stand_out(self) -> None:
        if self.points is None or self.cloud is None:
            return
        chosen = None if self.chosen is None else self.points.cluster == self.chosen
        if self.alone is not None:
            chosen = self.cloud.kind == self.alone
        dim = self.alone is not None or self._hits is not None
        self.emphasize(chosen, self._hits, dim=dim)
        self.name_it()

    def _name_clusters(self) -> None:
        """Names the chosen cluster, then the significant ones, the largest first."""
        assert self.points is not None
        rows = sorted(self.clusters.values(), key=lambda row: -row.n_features)
        rows = [row for row in rows if row.significant][:NAMED]
        if self.chosen in self.clusters:
            rows.insert(0, self.clusters[self.chosen])
        self.labels = []
        for row in dict.fromkeys(row.cluster for row in rows):
            if (middle := self._middle(row)) is not None:
                x, y = float(self.points.x[middle]), float(self.points.y[middle])
                self.labels.append(Label(x, y, _name(self.clusters[row])))

    def _middle(self, cluster: int) -> int | None:
        """The point in a cluster's middle: for a large map it takes a look at every point."""
        if cluster not in self._middles:
            assert self.points is not None
            self._middles[cluster] = self.points.middle(cluster)
        return self._middles[cluster]

    def name_it(self) -> None:
        """Says what the map is coloured by, and what stands out."""
        aside = []
        if self.points is not None:
            aside.append(f"{len(self.points):,} features")
        if self._hits is not None:
            aside.append(f"◆ {int(self._hits.sum()):,} found: {self.search}")
        if self.alone is not None:
            aside.append(f"● {self.kinds[self.alone].title} alone")
        elif self.chosen is not None:
            aside.append(f"● cluster {self.chosen}")
        if self.sight.zoom > 1:
            aside.append(f"{self.sight.zoom:.3g}×")
        self.entitle(f"Map · by {self.colouring}", " · ".join(aside))

    def look(self) -> None:
        """Tells the zoom too."""
        super().look()
        self.name_it()

    # Colours

    async def _coloured(self) -> colours.Coloured:
        """The kinds of the present colouring; its traits are read when it is first asked for."""
        assert self.points is not None
        match self.colouring:
            case "density":
                return colours.by_density(await self._trait("density"))
            case "label":
                return colours.by_label(await self._trait("label IS NOT NULL"))
            case "layer":
                rows = await self.database.rows("SELECT dictionary, layer FROM dictionaries")
                return colours.by_layer(self.points, dict(rows))
            case "dictionary":
                return colours.by_dictionary(self.points)
        significant = {row.cluster: bool(row.significant) for row in self.clusters.values()}
        return colours.by_cluster(self.points, significant)

    async def _trait(self, sql: str) -> Any:
        assert self.points is not None
        traits = self._traits
        if sql not in traits:
            ask = partial(read_trait, run=self.points.run, sql=sql)
            traits[sql] = await self.database.ask(ask)
        return traits[sql]

    @work(exclusive=True, group="colour")
    async def action_colour(self) -> None:
        """Colours by the next of `COLOURINGS`."""
        if self.points is None:
            return
        at = COLOURINGS.index(self.colouring)
        self.colouring = COLOURINGS[(at + 1) % len(COLOURINGS)]
        with told(self):
            points, (kind, kinds) = self.points, await self._coloured()
            if points is self.points:  # else those of another run are shown, or about to be
                self.alone = None
                self.show_kinds(kind, kinds)
                self._stand_out()

    def action_single(self) -> None:
        """Lets one kind of the legend stand out alone; after the last one, none."""
        if self.cloud is None:
            return
        some = [at for at, many in enumerate(self.counts) if many]
        order = [None, *some]
        at = order.index(self.alone) if self.alone in order else 0
        self.alone = order[(at + 1) % len(order)]
        self._stand_out()

    # Search

    def action_search(self) -> None:
        """Asks what to highlight, doing so as it is typed."""
        hint = HINT.removesuffix(" · marked")
        ask_as_typed(self, "highlight", hint, lambda: self.search, self._search_for)

    def _search_for(self, search: str) -> None:
        self.search = search
        self.highlight()

    @work(exclusive=True, group="highlight")
    async def highlight(self) -> None:
        """Finds the features that are searched for."""
        if self.points is None:
            return
        hits = None
        with told(self):
            if self.search.strip():
                ask = partial(read_hits, run=self.points.run, search=self.search)
                hits = await self.database.ask(ask)
            if hits is None or len(hits) == len(self.points):
                self._hits = hits
                self._stand_out()

    # The point under the cursor

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be done to a map without points."""
        if action in ("choose", "search", "colour", "single"):
            return self.points is not None
        return super().check_action(action, parameters)

    def on_scatter_moved(self, event: Scatter.Moved) -> None:
        """Another feature is under the cursor."""
        self.tell()

    @work(exclusive=True, group="about")
    async def tell(self) -> None:
        """Says what the feature under the cursor is."""
        if self.points is None or self.point is None or self.feature is None:
            return
        dictionary, feature = self.feature
        cluster = int(self.points.cluster[self.point])
        short = short_names(self.points.dictionaries)[dictionary]
        head = f"◎ #{feature}" if len(self.points.dictionaries) < 2 else f"◎ {short} #{feature}"
        row = self.clusters.get(cluster)
        tail = f"cluster {row.sign} {cluster}  {row.name}" if row else "in no cluster"
        self._about(f"{head} · {tail}")
        await asyncio.sleep(SETTLE)
        with told(self):
            rows = await self.database.rows(queries.named({dictionary: [feature]}))
            if rows:
                _, _, label, found, *_ = rows[0]
                self._about(f"{head} · {label or tokens((found or [])[:6])} · {tail}")

    def _about(self, text: str) -> None:
        self.about = text
        self.redraw()

    def action_choose(self) -> None:
        """Chooses the cluster of the feature under the cursor."""
        if self.point is not None:
            self.post_message(self.Chosen())

    class Chosen(Message):
        """The user chose the cluster of the feature under the cursor."""


def _name(row: Cluster) -> str:
    said = f"{row.cluster} {row.label}" if row.label else str(row.cluster)
    return said if len(said) <= LONGEST else said[: LONGEST - 1].rstrip() + "…"
