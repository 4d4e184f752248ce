"""A job in detail: what was asked, how it goes or why it broke, and its live curves."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from saetui import queries
from saetui.key_names import key, run_job
from saetui.links import Named, named
from saetui.text import inert
from saetui.views.jobs.follow import Followed
from saetui.views.jobs.overlay import Curves as Series
from saetui.views.jobs.overlay import overlay
from saetui.views.jobs.plots import names, plots, title
from saetui.views.jobs.table import STATES
from saetui.widgets.drawing import duration, fit
from saetui.widgets.pane import Pane

if TYPE_CHECKING:
    from jobs.state import JobState


class Curves(Pane):
    """The middle pane of the view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "choose(1)", "one curve, larger", id="curves.next", key_display="→"),
        Binding("left", "choose(-1)", "curve before", id="curves.previous", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="jobs-curves", classes="pane")
        self.job: JobState | None = None
        self.command = ""
        self.said: list[str] = []
        self.curves: Series = {}
        self.chosen: str | None = None
        """The number that has all the room; None for all of them."""
        self.together = 0
        """Jobs whose curves are shown."""
        self.others: list[str] = []
        """Those of them that are not the one of the pane."""
        self.measured: list[str] = []
        """What the curves are of: of a training, its dictionaries."""

    def show_job(self, job: JobState | None, command: str, followed: Sequence[Followed]) -> None:
        """Shows a job as it is now; the curves of all that are `followed`."""
        self.job, self.command = job, command
        self.said = next((f.said for f in followed if job and f.job == job.job), [])
        self.curves = overlay(followed)
        self.together = len(followed)
        self.others = [each.job for each in followed if job is None or each.job != job.job]
        series = [name for each in followed for some in each.curves.values() for name in some]
        self.measured = list(dict.fromkeys(series))
        self._tell()
        self.refresh()
        self.refresh_bindings()

    def _tell(self) -> None:
        several = f" · {self.together} jobs together" if self.together > 1 else ""
        aside = [self.job.host or ""] if self.job else []
        if self.curves:
            which = title(self.chosen) if self.chosen else "all"
            aside.insert(
                0, " ".join((key(self, "curves.previous"), which, key(self, "curves.next")))
            )
        self.entitle(
            (self.job.job if self.job else "Job") + several, " · ".join(filter(None, aside))
        )

    def copied(self) -> tuple[str, str] | None:
        """The command that asks for the same."""
        return (self.command, "command") if self.command else None

    def named(self) -> Sequence[Named]:
        """What the legend and the command name: the jobs, models and dictionaries."""
        spec = self.job.spec if self.job else {}
        asked = spec.get("dictionaries") or spec.get("dictionary") or ()
        names = [asked] if isinstance(asked, str) else list(asked)
        return [
            *named("job", *self.others),
            *named("dictionary", *(name for name in [*self.measured, *names] if "/" in name)),
            *named("model", str(spec.get("model") or "")),
        ]

    def sql(self) -> str | None:
        """The job as a row of ``jobs``."""
        return queries.job(self.job.job) if self.job else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be chosen where there is no curve."""
        if action == "choose":
            return bool(self.curves)
        return super().check_action(action, parameters)

    def action_choose(self, step: int) -> None:
        """Goes from all numbers to the first, from each to the next, from the last to all."""
        order = [None, *names(self.curves)]
        at = order.index(self.chosen) if self.chosen in order else 0
        self.chosen = order[(at + step) % len(order)]
        self._tell()
        self.refresh()

    def render(self) -> Content:
        """All of it."""
        width, height = self.size.width - 2, self.size.height
        if self.job is None:
            run = run_job(self)
            return Content.styled(f"\n No job is chosen: {run} runs one.", "$muted")
        lines = self._head(self.job, width)
        drawn = plots(self.curves, self.chosen, width, height - len(lines))
        if not drawn and height - len(lines) > 2:
            drawn = [Content.styled(line, "$muted") for line in self._why_no_curves(self.job)]
        lines += drawn
        return Content("\n").join(Content.assemble(" ", line) for line in lines[:height])

    @staticmethod
    def _why_no_curves(job: JobState) -> list[str]:
        if job.live:
            return ["No curves yet: they appear as soon as the job measures something."]
        return ["This job drew no curves; the log below tells what it did."]

    def _head(self, job: JobState, width: int) -> list[Content]:
        text, _ = STATES[job.state]
        facts = [text, f"{job.progress:.0%}"]
        if job.seconds is not None:
            facts.append(duration(job.seconds))
        if job.attempt > 1:
            facts.append(f"attempt {job.attempt}")
        if job.message and job.state != "failed":
            facts.append(job.message)
        lines = [Content.styled(fit(" · ".join(facts), width), "bold")]
        if job.state == "failed" and job.error:
            lines += [Content.styled(line, "$error") for line in _wrap(f"✗ {job.error}", width)]
        lines.append(Content.styled(fit(self.command, width), "$muted"))
        lines += [Content(fit(f"› {said}", width)) for said in self.said[-2:]]
        return [*lines, Content("")]


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(inert(text), max(8, width))[:4]
