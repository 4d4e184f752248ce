"""A job in detail: what was asked, how it goes or why it broke, and its live curves."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content

from saetui import queries
from saetui.text import inert
from saetui.views.jobs.follow import Followed
from saetui.views.jobs.table import STATES
from saetui.widgets.curve import Points, axis_labels, raster
from saetui.widgets.drawing import count, duration, fit, number, short_count
from saetui.widgets.pane import Pane

if TYPE_CHECKING:
    from jobs.state import JobState

TITLES = {
    "loss": "loss",
    "fvu": "FVU",
    "l0": "L0",
    "dead_fraction": "dead",
    "tokens_per_second": "tokens/s",
    "learning_rate": "learning rate",
}
"""Numbers in the order in which they are plotted, and their names."""

NARROWEST = 26
"""Cells of the narrowest plot."""

GAP = 3

MARKS = "abcdef"
"""Letters that tell curves apart without colour: before their names and their newest values."""


class Curves(Pane):
    """The middle pane of the view."""

    def __init__(self) -> None:
        super().__init__(id="jobs-curves", classes="pane")
        self.job: JobState | None = None
        self.command = ""
        self.followed: Followed | None = None

    def show_job(self, job: JobState | None, command: str, followed: Followed | None) -> None:
        """Shows a job as it is now."""
        self.job, self.command, self.followed = job, command, followed
        self.entitle(job.job if job else "Job", job.host or "" if job else "")
        self.refresh()

    def copied(self) -> tuple[str, str] | None:
        """The command that asks for the same."""
        return (self.command, "command") if self.command else None

    def sql(self) -> str | None:
        """The job as a row of ``jobs``."""
        return queries.job(self.job.job) if self.job else None

    def render(self) -> Content:
        """All of it."""
        width, height = self.size.width - 2, self.size.height
        if self.job is None:
            return Content.styled("\n No job is chosen.", "$muted")
        lines = self._head(self.job, width)
        curves = self.followed.curves if self.followed else {}
        lines += _plots(curves, width, height - len(lines))
        return Content("\n").join(Content.assemble(" ", line) for line in lines[:height])

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
        if self.followed and self.followed.said:
            lines += [Content(fit(f"› {said}", width)) for said in self.followed.said[-2:]]
        return [*lines, Content("")]


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(inert(text), max(8, width))[:4]


def _plots(curves: Mapping[str, Mapping[str, Points]], width: int, height: int) -> list[Content]:
    """Small plots beside each other, and a legend when there are several curves."""
    names = [name for name in TITLES if name in curves]
    names += sorted(set(curves) - set(TITLES))
    if not names or height < 4:
        return []
    series = list(dict.fromkeys(key for name in names for key in curves[name]))
    legend = _legend(series, width) if len(series) > 1 else []
    across = max(1, min(len(names), 4, (width + GAP) // (NARROWEST + GAP)))
    down = 1 if height - len(legend) < 16 else min(2, -(-len(names) // across))
    cells = (width - GAP * (across - 1)) // across
    tall = (height - len(legend)) // down
    lines: list[Content] = []
    for start in range(0, across * down, across):
        row = names[start : start + across]
        plots = [_plot(name, curves[name], series, cells, tall) for name in row]
        lines += [Content(" " * GAP).join(parts) for parts in zip(*plots, strict=True)]
    return [*legend, *lines]


def _colour(number_: int) -> str:
    return f"$series-{number_ % 6 + 1}"


def _legend(series: list[str], width: int) -> list[Content]:
    return [
        Content.assemble(
            (MARKS[at % len(MARKS)] + " ", f"bold {_colour(at)}"), (fit(name, width - 2), "$muted")
        )
        for at, name in enumerate(series[:6])
    ]


def _plot(
    name: str, curves: Mapping[str, Points], series: list[str], width: int, height: int
) -> list[Content]:
    """One plot: title with the newest values, the curves, the scale of the steps."""
    order = [key for key in series if key in curves]
    margin = min(len(order), 3) + 1 if len(series) > 1 else 0
    drawn = raster([curves[key] for key in order], width - 7 - margin, max(1, height - 3))
    title = Content.assemble((TITLES.get(name, inert(name)), "bold"), " ")
    for key in order[:3]:
        at = series.index(key)
        mark = f"{MARKS[at % len(MARKS)]} " if len(series) > 1 else ""
        longer = Content.assemble(title, (f" {mark}{_now(curves[key])}", _colour(at)))
        if longer.cell_length <= width:
            title = longer
    low, high = axis_labels(drawn.low, drawn.high)
    lines = [_padded(title, width)]
    for row, runs in enumerate(drawn.lines):
        edge = high if row == 0 else low if row == len(drawn.lines) - 1 else ""
        parts = [(fit(edge, 6, "right"), "$faint"), ("│", "$rule")]
        parts += [(text, _colour(series.index(order[at])) if at >= 0 else "") for text, at in runs]
        if margin:  # each curve's letter stands where it ends
            ending = [
                series.index(key) for key, end in zip(order, drawn.ends, strict=True) if end == row
            ]
            parts.append((" ", ""))
            parts += [(MARKS[at % len(MARKS)], _colour(at)) for at in ending[: margin - 1]]
        lines.append(_padded(Content.assemble(*parts), width))
    first, last = short_count(int(drawn.first)), f"step {count(int(drawn.last))}"
    scale = fit(first, width - 7 - margin - len(last)) + last
    lines.append(_padded(Content.styled(" " * 7 + scale, "$faint"), width))
    lines.append(Content(" " * width))
    return lines[: max(1, height)]


def _now(points: Points) -> str:
    return number(points[-1][1]) if points else ""


def _padded(content: Content, width: int) -> Content:
    return content.pad_right(max(0, width - content.cell_length))
