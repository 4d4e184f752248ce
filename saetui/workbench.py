"""The workbench: a frame of two lines, and one of the views between them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.worker import WorkerFailed
from typing_extensions import override

from saetui import memory
from saetui.config import Config
from saetui.crash import crash_report
from saetui.links import to
from saetui.messages import Ask, Confirm, Copy, Follow, Say
from saetui.offers import Offers
from saetui.places import Places
from saetui.readonly import writes
from saetui.session import Remembered
from saetui.status import ended, endings, named, status
from saetui.text import inert
from saetui.typeahead import keys_wait
from saetui.views import entries
from saetui.watch import JobsWatch
from saetui.widgets.bars import HintBar, TopBar
from store.errors import SaetuiError

if TYPE_CHECKING:
    from saetui.views.base import View

LOOK_EVERY = 0.5
"""Seconds between looks at the jobs."""

REFRESH_EVERY = 2.0
"""Seconds between looks for new tables."""


class Workbench(Places, Offers):
    """The application: its frame, what is new in the workspace, what panes ask for."""

    TITLE = "saetui"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run_job", "run a job", id="app.run_job"),
        Binding("W", "job", "the job that runs", id="app.job", show=False),
        Binding("question_mark", "keys", "keys", id="app.keys", key_display="?"),
        Binding("q", "leave", "quit", id="app.quit"),
    ]

    def __init__(
        self,
        root: Path,
        *,
        view: str = "",
        remembered: Remembered | None = None,
        config: Config | None = None,
        readonly: bool = False,
    ) -> None:
        """Opens on `view`, else on the one that was `remembered`, else on the first.

        Raises AskedWrongly for a theme or a key of `config` that there is not.
        """
        super().__init__(root, view=view, remembered=remembered, config=config, readonly=readonly)
        self._watch = JobsWatch()

    # The frame

    @override
    def compose(self) -> ComposeResult:
        yield TopBar(entries(), self.root.name)
        with Container(id="views"):
            yield self.load(self.first)
        yield HintBar()

    def on_mount(self) -> None:
        """Paints first; only then looks at the jobs and the tables."""
        self.keep_keys(at_most=None)
        self.turn_to(self.first)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        memory.set_apart()
        self.remind(self.view)
        self.view.entered()
        for said in self.complaints.values():
            self.tell(said, "warning")
        self.set_interval(LOOK_EVERY, self.look)
        self.set_interval(REFRESH_EVERY, self.refresh_tables)
        self.set_interval(REFRESH_EVERY, self.keep_session)
        self.look()
        self.wait_for(self.view.settled)
        self.call_later(self.hand_over)

    # News

    @work(exclusive=True, group="look")
    async def look(self) -> None:
        """Looks at the jobs; tells the view that is shown when something has changed."""
        try:
            jobs = await self.database.work(lambda: self._watch.look(self.database.workspace()))
        except (OSError, SaetuiError):  # the folder is out of reach; it may come back
            return
        if not self.standing:
            return
        bar = self.top_bar
        bar.workspace = self.database.workspace().name
        changed = jobs != self.jobs or not self.looked
        if over := ended(self.jobs, jobs):
            self.gather("endings", over, endings)
        self.jobs, self.looked = jobs, True
        if changed or any(job.live for job in jobs):
            bar.busy = any(job.state == "running" for job in jobs)
            bar.status, bar.job = status(jobs), named(jobs)
            self.view.jobs_changed(jobs)

    @work(group="refresh")  # one that is cancelled could not pass on what it found
    async def refresh_tables(self) -> None:
        """Looks for tables that came or went; tells every view."""
        with suppress(SaetuiError):  # a part vanished between two looks; the next look tells
            if await self.database.refresh() and self.standing:
                for child in self.ground.query("#views > *"):
                    cast("View", child).tables_changed()

    def seconds_since(self, begun: float) -> float:
        """Seconds since `begun` (`time.perf_counter`), for showing them."""
        return perf_counter() - begun

    # What panes ask for

    def on_copy(self, event: Copy) -> None:
        """Puts text on the clipboard of the user's terminal (OSC 52)."""
        self.copy_to_clipboard(event.text)
        self.tell(f"copied: {event.what}")

    def on_say(self, event: Say) -> None:
        """Shows a sentence for a while."""
        self.tell(event.sentence, event.severity)

    async def on_ask(self, event: Ask) -> None:
        """Opens the line at the foot."""
        from saetui.widgets.lines import Prompt

        await self._replace_foot(Prompt(event, self._asker()))

    async def on_confirm(self, event: Confirm) -> None:
        """Asks for a yes at the foot."""
        from saetui.widgets.lines import Question

        await self._replace_foot(Question(event, self._asker()))

    def _asker(self) -> Widget:
        return self.view.pane

    async def _replace_foot(self, line: Widget) -> None:
        screen = self.ground
        await screen.query("Prompt, Question").remove()
        await screen.mount(line)

    # Keys of the frame

    @writes
    @work(group="settle")
    async def action_run_job(self) -> None:
        """Opens the form for a job, beginning with what the view has at hand."""
        with keys_wait(self):
            await self.view.settled()
            self.ask_for_job(*self.view.job_at_hand)

    @writes
    def ask_for_job(self, kind: str, values: Mapping[str, str]) -> None:
        """Opens the form for a job of `kind`, beginning with `values`."""
        self.keep_keys()
        self._ask_for_job(kind, values)

    @work(exclusive=True, group="choose")
    async def _ask_for_job(self, kind: str, values: Mapping[str, str]) -> None:
        from saetui import submit
        from saetui.screens.form import Form

        workspace = self.database.workspace
        try:
            kinds = await self.database.work(lambda: submit.kinds(workspace))
            known = await self.database.work(lambda: workspace().dictionaries())
        except (OSError, SaetuiError) as error:
            self.post_message(Say(str(error), "error"))
            return
        if said := await self.push_screen_wait(Form(kinds, kind, values, known)):
            self.post_message(Say(said))
            self.look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A job is gone to where the top bar names one."""
        if action == "job":
            return self.standing and bool(self.top_bar.job)
        return super().check_action(action, parameters)

    def action_job(self) -> None:
        """Goes to the job in the top bar."""
        self.post_message(Follow(to("job", self.top_bar.job)))

    async def action_keys(self) -> None:
        """Shows what every key does here."""
        from saetui.screens.keys import Keys

        await self.push_screen(Keys(self.screen, self))

    def action_leave(self) -> None:
        """Quits, saying that jobs go on."""
        live = [job.job for job in self.jobs if job.live]
        said = None
        if live:
            many = "job goes" if len(live) == 1 else "jobs go"
            said = f"{len(live)} {many} on: {', '.join(map(inert, live[:5]))}. "
            said += f"`saetui {inert(str(self.root))}` shows {'it' if len(live) == 1 else 'them'}."
        self.exit(message=Text(said) if said else None)

    @override
    def _fatal_error(self) -> None:
        """What nobody foresaw: one sentence for the user, the traceback in a file."""
        error = self._exception
        if isinstance(error, WorkerFailed):
            error = cast("Exception", error.error)
        place = crash_report(error)
        what = f"{type(error).__name__}: {error}".splitlines()[0] if error else "unknown error"
        sentence = f"saetui stopped: {inert(what)}. Jobs go on. The traceback is in {place}."
        self._exit_renderables.append(Text(sentence))
        self._close_messages_no_wait()

    async def on_unmount(self) -> None:
        """Lets go of the tables."""
        self.database.close()
        memory.take_back()
