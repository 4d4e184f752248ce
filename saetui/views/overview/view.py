"""Overview: what this workspace holds, what is going on in it, what could be done next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from typing_extensions import override

from saetui import machine, queries
from saetui.comparison import described
from saetui.database import Row
from saetui.key_names import key, run_job
from saetui.links import Link
from saetui.messages import Copy, Follow, Say
from saetui.pace import Pace
from saetui.session import Remembered
from saetui.submit import asked_in
from saetui.views.base import View
from saetui.views.comparing import compare
from saetui.views.jobs.table import STATES, job_row
from saetui.views.overview.gauge import Gauge
from saetui.views.overview.grid import ModelGrid
from saetui.views.overview.layout import Coverage, Dictionary, lay_out
from saetui.views.overview.steps import Known, State, Step, next_steps, worked_on
from saetui.widgets.drawing import bar, duration
from saetui.widgets.rows import Column, Rows

if TYPE_CHECKING:
    from jobs.state import JobState


LOOK_EVERY = 15.0
"""Seconds between looks at the disk and the devices."""


class Running(Rows):
    """The newest jobs, the live ones first."""

    def __init__(self) -> None:
        super().__init__(
            [
                Column("job", 14, lambda row: (row[0], "strong")),
                Column("state", 11, lambda row: STATES[row[2]]),
                Column("progress", 0, _progress),
            ],
            id="overview-jobs",
        )
        self.add_class("pane")

    def copied(self) -> tuple[str, str] | None:
        """The job's id."""
        return (str(self.current[0]), "job id") if self.current else None

    def sql(self) -> str:
        """All jobs."""
        return queries.jobs()


def _progress(row: Row) -> str:
    full, empty = bar(row[3], 12)
    if row[2] != "running":
        return row[4] or ""
    to_go = "" if row[6] is None else f"  {duration(row[6])} to go"
    return f"{full}{empty} {row[3]:>4.0%}{to_go}"


class Steps(Rows):
    """Commands that would make sense now."""

    NO_SQL = "No query is behind this step: it follows from the tables and jobs there are."

    def __init__(self) -> None:
        super().__init__(
            [
                Column("what", 28, lambda row: row[0], needs=60),
                Column("command", 0, lambda row: (row[1], "accent")),
            ],
            id="overview-steps",
        )
        self.add_class("pane")

    def key(self, row: Any) -> Any:
        """What a step is known by: its command."""
        return row[1]

    def copied(self) -> tuple[str, str] | None:
        """The command."""
        return (str(self.current[1]), "command") if self.current else None

    def sql(self) -> str | None:
        """The query of a step that is one."""
        asks = 'saetui sql "'
        command = str(self.current[1]) if self.current else ""
        return command.removeprefix(asks)[:-1] if command.startswith(asks) else None


class OverviewView(View):
    """The first view."""

    NAME = "overview"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "compare", "compare", id="overview.compare"),
    ]

    @override
    def compose(self) -> ComposeResult:
        yield ModelGrid(id="overview-grid")
        with Vertical(classes="split", id="overview-side"):
            yield Running()
            yield Steps()
            yield Gauge()

    def on_mount(self) -> None:
        """Names the panes; what is in them comes later."""
        self._here = asyncio.Event()
        """Set once the tables are read."""
        self.set_interval(LOOK_EVERY, self._look_again)
        self._found: list[Dictionary] = []
        self._known: dict[str, Coverage] = {}
        self._worked_on: dict[str, set[str]] = {}
        self._pace = Pace()
        self.query_one(ModelGrid).entitle("Dictionaries")
        self.query_one(Running).entitle("Jobs")
        self.query_one(Steps).entitle("Next")
        for pane in (self.query_one(ModelGrid), self.query_one(Steps)):
            pane.empty = ["Reading the tables …"]

    @property
    @override
    def here(self) -> Link:
        cell = self.query_one(ModelGrid).current
        return Link(self.NAME, cell.dictionary if cell else "")

    @override
    def go(self, target: str) -> None:
        grid = self.query_one(ModelGrid)
        if not grid.go(target) and self._here.is_set():
            self.post_message(Say(f"{target} has no dictionary in this workspace."))
        self.show_pane(grid)

    @override
    def remembered(self) -> dict[str, Any]:
        here = self.query_one(ModelGrid).current
        return super().remembered() | {"dictionary": here.dictionary if here else ""}

    @override
    def remember(self, was: Remembered) -> None:
        super().remember(was)
        self.query_one(ModelGrid).wanted = was.text("dictionary")

    @override
    def entered(self) -> None:
        self.load()
        self.look()

    @override
    async def settled(self) -> None:
        await self._here.wait()

    @property
    @override
    def job_at_hand(self) -> tuple[str, dict[str, str]]:
        """Profiling the dictionary under the cursor, where nobody has."""
        cell = self.query_one(ModelGrid).current
        if cell is None or cell.dictionary in self._known:
            return "", {}
        return "profile", {"dictionaries": cell.dictionary}

    def _look_again(self) -> None:
        if self.display:
            self.look()

    @work(exclusive=True, group="machine")
    async def look(self) -> None:
        """Looks at the disk and the devices."""
        with suppress(OSError):
            found = await self.database.work(lambda: machine.look(self.workbench.root))
            if panes := self.query(Gauge):
                panes.first().show(found)

    @work(exclusive=True, group="pace")
    async def _keep_pace(self) -> None:
        """Judges anew how long the running jobs will take."""
        jobs, workspace = self.workbench.jobs, self.database.workspace
        changed = await self.database.work(lambda: self._pace.read(workspace(), jobs))
        if changed and self.query(Running):
            self._list(self.workbench.jobs)

    @override
    def tables_changed(self) -> None:
        self.load()

    @work(exclusive=True, group="overview")
    async def load(self) -> None:
        """Reads the dictionaries and what is known of them."""
        grid = self.query_one(ModelGrid)
        found: list[Row] = []
        models: list[Row] = []
        profiled: list[Row] = []
        done: list[Row] = []
        with self.told():
            found, models, profiled, done = await asyncio.gather(
                self.database.rows(queries.dictionaries()),
                self.database.rows(queries.models()),
                self.database.rows(queries.coverage()),
                self.database.rows(queries.worked_on()),
            )
        self._here.set()
        self._worked_on = worked_on((kind, name) for kind, name in done)
        self._found = [Dictionary(*row) for row in found]
        self._known = {row[0]: Coverage(*row[1:]) for row in profiled}
        grid.empty = [
            "No dictionaries yet.",
            "",
            f"{run_job(self)} runs a job that trains some; {key(self, 'app.jobs')} shows the jobs.",
        ]
        grid.show(lay_out(self._found, models), self._known)
        self._suggest()

    @override
    def jobs_changed(self, jobs: Sequence[JobState]) -> None:
        self._list(jobs)
        self._keep_pace()
        self._suggest()

    def _list(self, jobs: Sequence[JobState]) -> None:
        """Lists the jobs: those that run, those that wait in their order, then the others."""
        waiting = [job for job in reversed(jobs) if job.state == "queued"]
        order = [job for job in jobs if job.state == "running"] + waiting
        order += [job for job in jobs if not job.live]
        rows = self.query_one(Running)
        rows.empty = ["No job has run here.", "", f"{run_job(self)} runs one."]
        to_go = self._pace.to_go
        rows.show_again([job_row(job, to_go.get(job.job)) for job in order])
        running = sum(job.live for job in jobs)
        rows.entitle("Jobs", f"{running} live of {len(jobs)}" if jobs else "")

    def _suggest(self) -> None:
        """Suggests, once both the tables and the jobs are known."""
        if not self._here.is_set() or not self.workbench.looked:
            return
        labelled = sum(known.labels for known in self._known.values())
        names = [Known(*(getattr(row, name) for name in Known._fields)) for row in self._found]
        state = State(names, self._known, labelled, self._worked_on)
        found = next_steps(state, self.workbench.jobs)
        rows: list[tuple[Any, ...]] = [(step.says, step.command) for step in found]
        steps = self.query_one(Steps)
        steps.empty = ["Nothing to suggest while the first jobs run."]
        steps.show_again(rows)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Compares where there is something to compare."""
        if action == "compare":
            return self.is_mounted and len(self._found) > 1
        return super().check_action(action, parameters)

    @work(exclusive=True, group="choose")
    async def action_compare(self) -> None:
        """Puts dictionaries side by side: the marked ones, else all at the hook of the one under
        the cursor, else all of its model.
        """
        with self.told():
            await compare(self, self._to_compare())

    def _to_compare(self) -> list[dict[str, Any]]:
        grid = self.query_one(ModelGrid)
        here = grid.current or self._found[0]
        marked = [row for row in self._found if row.dictionary in grid.marked]
        beside = [row for row in self._found if (row.model, row.hook) == (here.model, here.hook)]
        model = [row for row in self._found if row.model == here.model]
        found = next((rows for rows in (marked, beside, model) if len(rows) > 1), self._found)
        known = {name: about._asdict() for name, about in self._known.items()}
        return [described(row._asdict(), known.get(row.dictionary)) for row in found]

    def on_model_grid_opened(self, event: ModelGrid.Opened) -> None:
        """Opens the features of a dictionary."""
        self.post_message(Follow(Link("features", event.dictionary)))

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Opens a job, or does a step."""
        if isinstance(event.rows, Running):
            self.post_message(Follow(Link("jobs", str(event.row[0]))))
        else:
            self._take(Step(str(event.row[0]), str(event.row[1])))

    def _take(self, step: Step) -> None:
        """A job is asked for, and can still be changed; other commands are copied."""
        words = step.command.split(" ", 2)
        if words[1] == "run":
            self.workbench.ask_for_job(*asked_in(words[2]))
        elif words[1] == "jobs":
            self.post_message(Follow(Link("jobs", step.command.rpartition(" ")[2])))
        elif words[1] == "sql":
            self.post_message(Follow(Link("sql", words[2].strip('"'))))
        elif words[1] == "circuit":
            self.post_message(Follow(Link("circuits")))
        elif words[1] == "dictionaries":
            self.action_compare()
        elif words[1] == "features":
            self.post_message(Follow(Link("features", words[2].split(" ")[0])))
        else:
            self.post_message(Copy(step.command, "command"))
