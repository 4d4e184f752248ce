"""The two lines of the frame: views and status above, keys that apply now below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from saetui.links import to
from saetui.messages import Follow
from saetui.widgets.drawing import fit

if TYPE_CHECKING:
    from saetui.views import Entry


class TopBar(Widget):
    """Workspace, views, running jobs and device, in one line."""

    workspace: reactive[str] = reactive("")
    """Name of the workspace."""
    shown: reactive[str] = reactive("")
    """Name of the view that is shown."""
    status: reactive[str] = reactive("")
    """What is going on, from the most to the least important, two spaces between."""
    busy: reactive[bool] = reactive(False)
    """Whether jobs run."""
    job: str = ""
    """The job that `status` names; empty where it names none."""

    class Chosen(Message):
        """The user clicked a view."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, entries: Sequence[Entry], workspace: str) -> None:
        super().__init__()
        self.entries = entries
        self.set_reactive(TopBar.workspace, workspace)

    def render(self) -> Content:
        """The line."""
        width = self.size.width
        tabs = self._tabs()
        news = 12 if width >= 100 else 4  # what is kept for the status
        spare = max(0, width - len(tabs) - news)
        name = fit(self.workspace, min(24, spare, len(self.workspace)))
        left = Content.assemble(" ", (name, "bold $accent"), "  ", tabs) if name else tabs
        room = width - left.cell_length - 2
        parts: list[str] = []
        used = 0
        for part in self.status.split("  "):
            if self.busy and not parts and cell_len(part) + 2 > room:
                part = " ".join(part.split()[:2])  # how many run: ● 1
            if part and used + cell_len(part) + 2 <= room:
                parts.append(part)
                used += cell_len(part) + 2
        status = "  ".join(parts)
        gap = " " * max(1, width - left.cell_length - cell_len(status) - 1)
        style = "$foreground" if self.busy else "$muted"
        return Content.assemble(left, gap, (status, style))

    def _tabs(self) -> Content:
        # The terminal's own colours may be alike, or not wanted: reversed they never are.
        plain = self.app.current_theme.ansi or self.app.no_color
        shown = "bold reverse" if plain else "bold $primary on $here"
        spare = 2 if self.size.width >= 100 else 1
        whole = sum(len(entry.title) + 4 for entry in self.entries) <= self.size.width
        parts: list[Content] = []
        for entry in self.entries:
            if entry.name == self.shown:
                parts.append(Content.styled(f" {entry.key} {entry.title} ", shown))
            elif whole:
                key, title = f" {entry.key} ", f"{entry.title} "
                parts.append(Content.assemble((key, "$faint"), (title, "$muted")))
            else:  # its key alone
                parts.append(Content.styled(f"{entry.key} ", "$faint"))
        return Content(" " * (spare - 1)).join(parts)

    def on_click(self, event: Click) -> None:
        """Finds the view, or the job, under the pointer."""
        plain = self.render().plain
        if self.job and 0 <= plain.rfind(self.job) <= event.x < len(plain.rstrip()):
            self.post_message(Follow(to("job", self.job)))
        for entry in self.entries:
            start = plain.find(f" {entry.key} {entry.title} ")
            if start <= event.x < start + len(entry.title) + 4:
                self.post_message(self.Chosen(entry.name))


Hints = tuple[tuple[str, str], ...]
"""Keys, as shown, and what they do."""


class HintBar(Widget):
    """The keys that do something now."""

    hints: reactive[Hints] = reactive(())
    """The last ones stand at the right and never vanish."""

    def __init__(self, last: int = 2) -> None:
        super().__init__()
        self.last = last
        """How many hints stand at the right."""

    def render(self) -> Content:
        """The line: as many hints as there is room for."""
        width = self.size.width - 2
        first, last = self.hints[: -self.last], self.hints[-self.last :]
        right = Content("  ").join(hint(*each) for each in last)
        left = Content("")
        for each in first:
            longer = Content.assemble(left, "  " if left else "", hint(*each))
            if longer.cell_length + right.cell_length + 2 > width:
                break
            left = longer
        gap = " " * max(0, width - left.cell_length - right.cell_length)
        return Content.assemble(" ", left, gap, right)


def hint(key: str, says: str) -> Content:
    """A key and what it does."""
    return Content.assemble((key, "bold $primary"), " ", (says, "$muted"))
