"""Manifolds: clusters of features, their map, the page of one, and how features split."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from typing_extensions import override

from saetui import queries_manifolds as queries
from saetui.key_names import run_job
from saetui.links import Link, feature_id, parse_feature
from saetui.messages import Ask, Follow, Say
from saetui.screens.choose import Choose
from saetui.session import Remembered
from saetui.typeahead import keep_keys, wait_for
from saetui.views.manifolds import empty
from saetui.views.manifolds.fires import Fires
from saetui.views.manifolds.listing import Cluster, ClusterList, Run
from saetui.views.manifolds.map import Map
from saetui.views.manifolds.members import Members
from saetui.views.manifolds.page import ClusterPage
from saetui.views.manifolds.plane import Plane
from saetui.views.manifolds.splits import Splits
from saetui.views.manifolds.summary import Summary
from saetui.views.settling import once_settled
from saetui.widgets.rows import Rows
from saetui.widgets.scatter import Scatter
from store.errors import SaetuiError

if TYPE_CHECKING:
    from jobs.state import JobState


class ManifoldsView(ClusterPage):
    """The list and the map, and the cluster under the list's cursor."""

    NAME = "manifolds"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "choose", "run", id="manifolds.run"),
        Binding("f", "find", "go to", id="manifolds.find"),
        Binding("n", "step(1)", "next cluster", id="manifolds.next", show=False),
        Binding("N", "step(-1)", "previous cluster", id="manifolds.previous", show=False),
    ]

    @override
    def compose(self) -> ComposeResult:
        self.listed, self.map, self.splits = ClusterList(), Map(), Splits()
        self.summary, self.members, self.fires = Summary(), Members(), Fires()
        self.plane = Plane()
        self.runs: list[Run] = []
        self._was: tuple[str, int | None] = ("", None)
        self._source: object = None
        with Vertical(classes="split", id="manifolds-left"):
            yield self.listed
            yield self.splits
        with Vertical(classes="split", id="manifolds-right"):
            with Horizontal(classes="split", id="manifolds-top"):
                yield self.map
                yield self.plane
            with Horizontal(classes="split", id="manifolds-page"):
                yield self.summary
                with Vertical(classes="split", id="manifolds-side"):
                    yield self.members
                    yield self.fires

    def on_mount(self) -> None:
        """Names the panes; what is in them comes later."""
        self.summary.say("")

    @property
    @override
    def panes(self) -> list[Widget]:
        """In the order in which one reads a cluster, not in that of the screen."""
        order = [self.listed, self.map, self.summary, self.members, self.fires]
        flat = self.has_class("-flat")
        return [*order, *([] if flat else [self.plane]), self.splits]

    # Places

    @property
    @override
    def here(self) -> Link:
        run, row = self.listed.run, self.listed.cluster
        listed = (run.run, row.cluster) if run and row and self._here.is_set() else None
        here = listed or self.shown
        return Link(self.NAME, self._target or (feature_id(*here) if here else ""))

    @override
    def load_listed(self) -> None:
        if self.listed.run is not None and self.listed.cluster is not None:
            self.load(self.listed.run, self.listed.cluster)

    @override
    @work(exclusive=True, group="run")
    async def open(self, target: str) -> None:
        """Shows ``<run>#<cluster>``, or the cluster of ``<dictionary>#<feature>``."""
        with self.told():
            await self._open(target)
        self._arrived()

    async def _open(self, target: str) -> None:
        before, cluster = parse_feature(target) or (target, 0)
        if before not in [run.run for run in self.runs]:
            await self._read_runs()
        if before in [run.run for run in self.runs]:
            await self._show(before, cluster)
        elif not await self._open_feature(before, cluster):
            run = run_job(self)
            self.post_message(Say(f"No run of cluster holds {target}; {run} runs one."))
            await self._show(self.listed.run.run if self.listed.run else "", None)

    async def _open_feature(self, dictionary: str, feature: int) -> bool:
        rows = await self.database.rows(queries.of_feature(dictionary, feature))
        known = [run.run for run in self.runs]
        found = [(run, cluster) for run, cluster, *_ in rows if run in known]
        if not found:
            return False
        here = self.listed.run.run if self.listed.run else ""
        run, cluster = next((each for each in found if each[0] == here), found[0])
        await self._show(run, cluster if cluster >= 0 else None)
        if self.map.find(dictionary, feature):
            self.show_pane(self.map)
        if cluster < 0:
            self.post_message(Say(f"#{feature} is in no cluster of {run}: it is on the map."))
        return True

    @override
    def remembered(self) -> dict[str, Any]:
        run, cluster = self.shown or self._was
        here = {"run": run, "cluster": cluster}
        return super().remembered() | self.listed.remembered() | self.map.remembered() | here

    @override
    def remember(self, was: Remembered) -> None:
        super().remember(was)
        self.listed.remember(was)
        self.map.remember(was)
        self._was = was.text("run"), was.whole("cluster")

    @property
    @override
    def job_at_hand(self) -> tuple[str, dict[str, str]]:
        run = self.listed.run
        values = {"dictionaries": ",".join(run.dictionaries)} if run else {}
        if self.pane is self.splits:
            return "split", {}
        return "cluster", values

    # What is shown

    @override
    def entered(self) -> None:
        if self.listed.run is None:
            self.read_anew()

    @override
    def tables_changed(self) -> None:
        self.read_anew()

    def read_anew(self) -> None:
        """Tables changed: shows what they say now, where they are about clusters; at first what the
        last session did, else the newest run.
        """
        self._here.clear()
        self._read_anew()

    @work(exclusive=True, group="run")
    async def _read_anew(self) -> None:
        with self.told():
            source = await self.database.work(self._sources)
            if source != self._source or self._target:
                await self._read_runs()
                run, cluster = self.shown or self.awaited.key or self._was
                self.stay()
                self.shown = None
                if self._target:
                    await self._open(self._target)
                else:
                    await self._show(run, cluster)
                self._source = source
        self._arrived()

    def _sources(self) -> object:
        live = self.database.workspace().catalog().live
        tables = ("clusters", "cluster_summary", "cluster_geometry", "split_summary")
        return [(run.folder, run.parts) for table in tables for run in live(table)]

    async def _read_runs(self) -> None:
        rows = await self.database.rows(queries.runs())
        self.runs = [Run(*row) for row in rows]
        self.splits.load()

    async def _show(self, name: str, cluster: int | None) -> None:
        """Shows a run, the newest where there is none of that name, and one of its clusters."""
        if not self.runs:
            self._say_empty()
            return
        run = next((run for run in self.runs if run.run == name), self.runs[0])
        same = self.listed.run == run and self.map.points is not None and self.shown is not None
        if not same:
            await self._show_map(run)
        if cluster is None and self.listed.run == run and self.listed.cluster:
            cluster = self.listed.cluster.cluster
        await self.listed.show_run(run, cluster)

    async def _show_map(self, run: Run) -> None:
        rows = await self.database.rows(queries.clusters(run.run))
        await self.map.show_run(run.run, [Cluster(*row) for row in rows])
        ((planes,),) = await self.database.rows(queries.how_many_planes(run.run))
        self.set_class(not planes, "-flat")
        if not planes and self.pane is self.plane:
            self.show_pane(self.listed)

    @override
    def jobs_changed(self, jobs: Sequence[JobState]) -> None:
        super().jobs_changed(jobs)
        if self.map.cloud is None:
            self.map.redraw()

    def _say_empty(self) -> None:
        self.listed.run = None
        self.listed.empty = self.map.empty = partial(empty.no_clusters, self)
        self.listed.show(0, [])
        self.listed.name_it()
        self.map.clear()
        self.set_class(True, "-flat")

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Another cluster is under the cursor."""
        if event.rows is not self.listed:
            return
        row, run = self.listed.cluster, self.listed.run
        if row is not None and run is not None:
            if self.map.chosen != row.cluster:
                self.map.choose(row.cluster, move=not self.map.has_focus)
            self.load(run, row)
        elif not self.listed.count:
            self.map.choose(None, move=False)
            makes = f"{run_job(self)} runs the job that finds clusters."
            self.clear("A cluster's page appears here.", *([] if self.listed.search else [makes]))

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Goes from the list to the page; from members and children to their features."""
        row: Any = event.row
        if self.coming and event.rows is self.members:
            self._open_again(event.rows)  # what the user means is what the cursor of the list is on
        elif event.rows is self.listed:
            narrow = self.screen.has_class("-narrow")  # one pane is shown at a time
            self.show_pane(self.summary if narrow else self.members)
            wait_for(self, self.settled)
        elif event.rows is self.members:
            self.follow_feature(row.dictionary, row.feature)
        elif event.rows is self.splits and row.feature is not None:
            self.follow_feature(*row.feature)

    @once_settled
    def _open_again(self, rows: Rows) -> None:
        rows.action_open()

    def on_scatter_opened(self, event: Scatter.Opened) -> None:
        """Goes from a feature of the map to its page; of the plane, see `ClusterPage`."""
        if event.scatter is self.map and self.map.feature is not None:
            self.follow_feature(*self.map.feature)

    @once_settled
    @work(exclusive=True, group="chosen")
    async def on_map_chosen(self) -> None:
        """The cluster of the feature under the map's cursor becomes the one of the page."""
        if self.map.points is None or self.map.point is None or self.listed.run is None:
            return
        cluster = int(self.map.points.cluster[self.map.point])
        if cluster < 0:
            self.post_message(Say("This feature is in no cluster."))
            return
        with self.told():
            await self.listed.show_run(self.listed.run, cluster)

    # Keys

    def action_step(self, step: int) -> None:
        """Goes to the next cluster of the list, from any pane."""
        self.listed.cursor += step

    def action_find(self) -> None:
        """Asks for a cluster or a feature."""
        keep_keys(self)
        hint = "number of a cluster, or dictionary#feature"
        self.post_message(Ask("go to cluster", self._found, hint=hint))

    async def _found(self, text: str) -> str | None:
        await self.settled()
        run = self.listed.run
        found = parse_feature(text, run.run if run else "")
        if found is None or run is None:
            return "A cluster is a number; a feature is dictionary#number."
        known = [each.run for each in self.runs]
        try:
            if found[0] not in known:
                rows = await self.database.rows(queries.of_feature(*found))
                where = [cluster for name, cluster, *_ in rows if name in known]
            else:
                rows = await self.database.rows(queries.cluster(*found))
                where = rows
        except SaetuiError as error:
            return str(error)
        if not where:
            return f"{found[0]} has no {found[1]} here."
        self.post_message(Follow(Link(self.NAME, feature_id(*found))))
        return None

    @once_settled
    def action_choose(self) -> None:
        """Offers the runs."""
        keep_keys(self)
        self._choose()

    @work(exclusive=True, group="choose")
    async def _choose(self) -> None:
        current = self.listed.run.run if self.listed.run else ""
        names = [(run.run, run.says) for run in self.runs]
        chosen = await self.app.push_screen_wait(Choose("Run", names, current))
        if chosen and chosen != current:
            self.post_message(Follow(Link(self.NAME, chosen)))
