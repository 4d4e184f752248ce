"""Jobs: all of them, and the one under the cursor with its curves, its log and its lineage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from typing_extensions import override

from saetui import queries
from saetui.key_names import key, run_job
from saetui.links import Link
from saetui.messages import Confirm, Follow, Say
from saetui.pace import Pace
from saetui.readonly import writes
from saetui.session import Remembered
from saetui.submit import values_of
from saetui.typeahead import keep_keys
from saetui.views.jobs.curves import Curves
from saetui.views.jobs.follow import Followed
from saetui.views.jobs.kin import Kin
from saetui.views.jobs.log import Log
from saetui.views.jobs.made import MadeActions
from saetui.views.jobs.table import JobsTable, job_row
from saetui.widgets.rows import Rows
from store.errors import SaetuiError

if TYPE_CHECKING:
    from jobs.lineage import Lineage
    from jobs.state import JobState

TOGETHER = 8
"""Jobs whose curves are drawn together at most."""


class JobsView(MadeActions):
    """The table, and below it the job under its cursor."""

    NAME = "jobs"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "cancel", "cancel", id="jobs.cancel"),
        Binding("u", "resume", "resume", id="jobs.resume"),
        Binding("t", "retry", "start over", id="jobs.retry"),
        Binding("e", "again", "run again, changed", id="jobs.again"),
        Binding("D", "remove", "remove", id="jobs.remove"),
    ]

    @override
    def compose(self) -> ComposeResult:
        self.table = JobsTable()
        yield self.table
        with Vertical(classes="split", id="jobs-page"):
            yield Curves()
            with Horizontal(classes="split", id="jobs-foot"):
                yield Log()
                yield Kin()

    def on_mount(self) -> None:
        """Names the panes; what is in them comes later."""
        self._wanted = self._was = ""
        self._followed: dict[str, Followed] = {}
        self._command = ("", "")
        self._traced = ("", "")
        self._ids: dict[str, str] = {}
        self._pace = Pace()
        self.table.entitle("Jobs")
        self.query_one(Curves).entitle("Job")
        self.query_one(Log).entitle("Log")
        self.query_one(Kin).entitle("Lineage")

    @override
    def entered(self) -> None:
        if not self._ids:
            self._learn_ids()

    # Places

    @property
    @override
    def here(self) -> Link:
        return Link(self.NAME, self.job.job if self.job else "")

    @override
    def go(self, target: str) -> None:
        self._wanted = target
        if self.workbench.looked and target not in [job.job for job in self.workbench.jobs]:
            self._find_maker(target)
        self.jobs_changed(self.workbench.jobs)

    @work(exclusive=True, group="open")
    async def _find_maker(self, run: str) -> None:
        """Goes to the job that published the run of that name."""
        maker = await self.database.work(partial(_maker, self.database.workspace, run))
        if maker in [job.job for job in self.workbench.jobs]:
            self._wanted = maker
            self.jobs_changed(self.workbench.jobs)
            return
        gone = f"{run} was made by {maker}, which" if maker else run
        self.post_message(Say(f"{gone} is not among the jobs."))

    @override
    def remembered(self) -> dict[str, Any]:
        return super().remembered() | {"job": self.here.target}

    @override
    def remember(self, was: Remembered) -> None:
        super().remember(was)
        self._was = was.text("job")

    @property
    def job(self) -> JobState | None:
        """The job under the cursor."""
        row = self.table.current
        name = row[0] if row else ""
        return next((job for job in self.workbench.jobs if job.job == name), None)

    # News

    @override
    def jobs_changed(self, jobs: Sequence[JobState]) -> None:
        table = self.table
        table.empty = [
            "No job has run here.",
            "",
            f"{run_job(self)} runs one: train_sae, profile, …",
        ]
        names = [job.job for job in jobs]
        before = self._wanted or (table.current[0] if table.current else self._was)
        self._was = ""
        at = names.index(before) if before in names else None
        if self._wanted in names:
            self._wanted = ""
        table.tagged &= set(names)
        self._show_table(jobs, at)
        self._tell_ids(jobs)
        self._keep_pace()

    def _show_table(self, jobs: Sequence[JobState], at: int | None) -> None:
        table = self.table
        to_go = self._pace.to_go
        rows = [job_row(job, to_go.get(job.job)) for job in jobs]
        if at is None:
            table.show_again(rows)
        else:
            table.show(len(rows), rows, cursor=at)
        self._count()

    def _count(self) -> None:
        """Says how many jobs there are, live and marked."""
        table, jobs = self.table, self.workbench.jobs
        said = [f"{sum(job.live for job in jobs)} live of {len(jobs)}"] if jobs else []
        if table.tagged:
            said.insert(0, f"{len(table.tagged)} marked")
        table.entitle("Jobs", " · ".join(said))

    @work(exclusive=True, group="pace")
    async def _keep_pace(self) -> None:
        """Judges anew how long the running jobs will take."""
        jobs = self.workbench.jobs
        if any(job.state == "running" for job in jobs) or self._pace.to_go:
            workspace = self.database.workspace
            changed = await self.database.work(lambda: self._pace.read(workspace(), jobs))
            if changed and self.query(JobsTable):
                self._show_table(self.workbench.jobs, None)

    @override
    def tables_changed(self) -> None:
        self._trace()
        self._learn_ids()

    @work(exclusive=True, group="ids")
    async def _learn_ids(self) -> None:
        """Finds out which words in a log are ids."""
        with suppress(SaetuiError):  # tables are missing; the view that shows them tells
            found = await self.database.rows(queries.ids())
            self._ids = {name: kind for kind, name in found}
            self._tell_ids(self.workbench.jobs)

    def _tell_ids(self, jobs: Sequence[JobState]) -> None:
        if logs := self.query(Log):
            logs.first().known = {**self._ids, **{job.job: "job" for job in jobs}}
            logs.first().refresh()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Another job, or the same with news."""
        if isinstance(event.rows, JobsTable) and event.rows.is_attached:
            self._count()
            self.follow()
            self.refresh_bindings()

    @work(exclusive=True, group="follow")
    async def follow(self) -> None:
        """Reads on what the job under the cursor, and those that are marked, write."""
        job = self.job
        if not self.query(Kin):
            return  # the app is closing
        if job is None:
            none = [f"No job is chosen: {run_job(self)} runs one."]
            self.query_one(Log).empty = self.query_one(Kin).empty = none
            self.query_one(Curves).show_job(None, "", [])
            self.query_one(Log).show_lines([], anew=True)
            self.query_one(Kin).show_lineage(None)
            return
        self.query_one(Log).empty, self.query_one(Kin).empty = [Log.NONE], [*Kin.NONE]
        anew = self._command[0] != job.job
        names = [job.job, *sorted(self.table.tagged - {job.job})][:TOGETHER]
        followed = [self._followed.get(name) or Followed(name) for name in names]
        workspace = self.database.workspace
        read = partial(_read_on, workspace, followed)
        news = await self.database.work(read)
        if not self.query(Kin):
            return  # the app is closing
        self._followed = {each.job: each for each in followed}
        if anew:
            self._command = (job.job, shell_command(job.spec))
            self.query_one(Log).show_lines(followed[0].log, anew=True)
        elif news[0]:
            self.query_one(Log).show_lines(followed[0].log, anew=False)
        self.query_one(Curves).show_job(job, self._command[1], followed)
        if anew or self._traced != (job.job, job.state):
            self._traced = (job.job, job.state)
            self._trace()

    @work(exclusive=True, group="lineage")
    async def _trace(self) -> None:
        """Finds out what the job read and made."""
        if (job := self.job) is None:
            return
        workspace = self.database.workspace
        with suppress(SaetuiError):  # the job was removed
            found = await self.database.work(partial(_lineage, workspace, job.job))
            if panes := self.query(Kin):
                panes.first().show_lineage(found)

    # Keys

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Goes from the table to the curves."""
        if isinstance(event.rows, JobsTable):
            self.show_pane(self.query_one(Curves))
        elif isinstance(event.rows, Kin) and (link := event.rows.link()):
            self.post_message(Follow(link))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offers what can be done with a job in its state."""
        offered = {
            "cancel": ("queued", "running", "lost"),
            "resume": ("failed", "cancelled", "lost"),
            "retry": ("failed", "cancelled", "lost"),
            "remove": ("done", "failed", "cancelled", "lost"),
            "made": ("done",),
            "again": ("queued", "running", "done", "failed", "cancelled", "lost"),
        }
        if action in offered:
            return self.is_mounted and self.job is not None and self.job.state in offered[action]
        return super().check_action(action, parameters)

    @writes
    def action_cancel(self) -> None:
        """Cancels the job, once confirmed."""
        resume = key(self, "jobs.resume")
        said = f"{{job}} stops at its next checkpoint; {resume} lets it go on from there."
        self._confirm(said, "cancel it", "cancel")

    @writes
    def action_resume(self) -> None:
        """Lets the job go on from its checkpoint."""
        self._confirm("{job} goes on from its last checkpoint.", "resume it", "resume")

    @writes
    def action_retry(self) -> None:
        """Starts the job over, once confirmed."""
        said = "{job} starts over; its checkpoint is thrown away."
        self._confirm(said, "start it over", "retry")

    @writes
    def action_again(self) -> None:
        """Opens the form with what this job was asked, to be changed."""
        if self.job is not None:
            keep_keys(self)
            self._clone(self.job)

    @work(exclusive=True, group="clone")
    async def _clone(self, job: JobState) -> None:
        with self.told():
            asked = partial(values_of, self.database.workspace, job.spec)
            self.workbench.ask_for_job(*await self.database.work(asked))

    @writes
    def action_remove(self) -> None:
        """Removes the job, once confirmed."""
        said = "{job} vanishes with its log and its checkpoint; what it made stays."
        self._confirm(said, "remove it", "remove")

    def _confirm(self, sentence: str, verb: str, do: str) -> None:
        if self.job is not None:
            done = partial(self._do, do, self.job.job)
            self.post_message(Confirm(sentence.format(job=self.job.job), verb, done))

    async def _do(self, do: str, job: str) -> None:
        with self.told():
            await self.database.work(partial(_act, do, self.database.workspace, job))
        self.workbench.look()

    @override
    def specs_at_hand(self) -> list[dict[str, Any]]:
        marked = self.table.tagged
        others = [job for job in self.workbench.jobs if job.job in marked and job != self.job]
        return [job.spec for job in [*([self.job] if self.job else []), *others]]


def _read_on(workspace: Callable[[], Any], followed: Sequence[Followed]) -> list[bool]:
    return [job.read(workspace()) for job in followed]


def _lineage(workspace: Callable[[], Any], job: str) -> Lineage:
    from jobs.lineage import lineage

    return lineage(workspace(), job)


def _maker(workspace: Callable[[], Any], run: str) -> str:
    """The job that published rows under the name `run`; empty where none did."""
    entries = workspace().catalog().entries()
    found = [entry.manifest.get("job") for entry in entries if entry.manifest.get("run") == run]
    return str(found[0] or "") if found else ""


def _act(do: str, workspace: Callable[[], Any], job: str) -> None:
    import jobs.queue

    getattr(jobs.queue, do)(workspace(), job)


def shell_command(spec: dict[str, Any]) -> str:
    """The command that asks for `spec`; empty for one that this version does not know."""
    from jobs import parse

    try:
        return parse.shell_command(spec)
    except (SaetuiError, KeyError):
        return ""
