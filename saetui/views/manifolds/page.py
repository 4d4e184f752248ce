"""The page of a cluster: reads what its panes show, side by side."""

from __future__ import annotations

import asyncio

from textual import work

from saetui import queries_manifolds as queries
from saetui.links import Link, feature_id
from saetui.messages import Follow
from saetui.views.manifolds.fires import Fires, Firing, Place
from saetui.views.manifolds.listing import Cluster, ClusterList, Run
from saetui.views.manifolds.members import AT_MOST, Member, Members
from saetui.views.manifolds.plane import Plane, Token
from saetui.views.manifolds.summary import Geometry, Summary
from saetui.views.paged import Paged
from saetui.widgets.scatter import Scatter


class ClusterPage(Paged):
    """The panes about one cluster; `load` shows another."""

    listed: ClusterList
    summary: Summary
    members: Members
    fires: Fires
    plane: Plane

    shown: tuple[str, int] | None = None
    """Run and number of the cluster that is shown."""

    def load(self, run: Run, cluster: Cluster) -> None:
        """Shows a cluster, once it is read; the one that is shown stays, whatever was to come."""
        key = (run.run, cluster.cluster)
        if key == self.awaited.key:
            return
        if key == self.shown:
            self.stay()
            return
        self._load(run, cluster, self.awaited.begin(key))

    @work(exclusive=True, group="page")
    async def _load(self, run: Run, cluster: Cluster, settle: float) -> None:
        await asyncio.sleep(settle)
        key = name, number = run.run, cluster.cluster
        ask = self.database.rows
        with self.told():
            try:
                members, planes, places = await asyncio.gather(
                    ask(queries.members(name, number, AT_MOST)),
                    ask(_planes(name, number)),
                    ask(queries.cluster_documents(name, number)),
                )
            finally:
                self.awaited.end(key)
            self.shown = key
            geometry = [Geometry(*row) for row in planes]
            self.summary.show_cluster(run, cluster, geometry)
            found = [Member(*row) for row in members]
            self.members.show_members(name, number, found, cluster.n_features, run.dictionaries)
            self.plane.show_planes(name, number, geometry)
            empty = "" if places else "Its features fire in no document that is kept."
            self.fires.show_places([Place(*row) for row in places], empty)
            self.on_fires_wanted()
            self.on_plane_wanted()

    def clear(self, *sentences: str) -> None:
        """Shows no cluster, and says why."""
        self.stay()
        self.shown = None
        self.summary.say(" ".join(sentences))
        self.members.clear(sentences)
        self.fires.show_places([], "\n ".join(sentences))
        self.plane.show_planes("", -1, [])

    # What its panes ask for

    @work(exclusive=True, group="document")
    async def on_fires_wanted(self) -> None:
        """Another document."""
        with self.told():
            if self.summary.run is not None:
                await self._read_document(self.summary.run)

    async def _read_document(self, run: Run) -> None:
        place, shown = self.fires.place, self.shown
        if place is None or shown is None:
            return
        sql = queries.cluster_on_document(*shown, run.dictionaries, place.corpus, place.doc)
        rows, firings = await asyncio.gather(
            self.database.rows(queries.document(place.corpus, place.doc)), self.database.rows(sql)
        )
        if rows and self.fires.place == place:
            pieces, text = rows[0]
            self.fires.show_document(pieces or [text], [Firing(*row) for row in firings], sql)

    @work(exclusive=True, group="plane")
    async def on_plane_wanted(self) -> None:
        """Another plane."""
        with self.told():
            await self._read_plane()

    async def _read_plane(self) -> None:
        if sql := self.plane.sql():
            rows = await self.database.rows(sql)
            self.plane.show_tokens([Token(*row) for row in rows])

    async def on_fires_opened(self) -> None:
        """The whole document, shaded by the strongest of the cluster's features."""
        if (place := self.fires.place) is not None:
            self.read(place.corpus, place.doc, place.pos, self.fires.strengths())

    def on_scatter_opened(self, event: Scatter.Opened) -> None:
        """Goes from a token to its document."""
        if event.scatter is self.plane and (row := self.plane.token) is not None:
            self.read(row.corpus, row.doc, row.pos, {})

    @work(exclusive=True, group="read")
    async def read(self, corpus: str, doc: int, pos: int, strengths: dict[int, float]) -> None:
        """Shows a whole document."""
        from saetui.screens.document import read_document

        with self.told():
            await read_document(self.workbench, corpus, doc, pos, strengths)

    def follow_feature(self, dictionary: str, feature: int) -> None:
        """Goes to the page of a feature."""
        self.post_message(Follow(Link("features", feature_id(dictionary, feature))))


def _planes(run: str, cluster: int) -> str:
    columns = ", ".join(Geometry._fields)
    return f"SELECT {columns} FROM ({queries.geometry(run, cluster)}) ORDER BY plane"
