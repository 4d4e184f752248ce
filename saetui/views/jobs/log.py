"""The end of a job's log, followed while it grows; searched with ``/``. Ids in it are links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.strip import Strip

from saetui.key_names import key
from saetui.links import Named
from saetui.mentions import mentioned, spans
from saetui.messages import Ask, Say
from saetui.typeahead import keep_keys
from saetui.widgets.drawing import fit
from saetui.widgets.rows import Column, Row, Rows

BAD = ("error", "traceback", "exception", "failed")


class Log(Rows):
    """One row a line. The cursor on the last line follows."""

    NONE = "It has written nothing yet."

    NO_SQL = "A log is a file, no table holds it: saetui jobs logs JOB --json prints it."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "go to what it names", id="log.open", key_display="↵"),
        Binding("slash", "search", "search", id="log.search", key_display="/"),
        Binding("n", "next(1)", "next match", id="log.next", show=False),
        Binding("N", "next(-1)", "previous match", id="log.previous", show=False),
    ]

    def __init__(self) -> None:
        super().__init__([Column("", 0, self._line)], id="jobs-log")
        self.add_class("pane")
        self.searched = ""
        self.known: Mapping[str, str] = {}
        """Ids that are links → what kind of thing each is."""
        self._lines: list[str] = []
        self.empty = [self.NONE]

    def _line(self, row: Row) -> tuple[str, str]:
        text = row[0]
        if self.searched and self.searched in text.lower():
            return (text, "accent")
        return (text, "bad" if any(word in text.lower() for word in BAD) else "muted")

    def show_lines(self, lines: Sequence[str], *, anew: bool) -> None:
        """Shows the lines there are now; `anew` when they are of another job."""
        follows = anew or self.cursor >= self.count - 1
        cursor = len(lines) - 1 if follows else None
        self.show(len(lines), [(line,) for line in lines], cursor=cursor)
        self._lines = [line.lower() for line in lines]
        self._tell()

    def _tell(self) -> None:
        """Says how long the log is, and on how many lines what was searched stands."""
        said = [f"{self.count:,} line{'s' * (self.count != 1)}"] if self.count else []
        if self.searched:
            both = f"{key(self, 'log.next')} {key(self, 'log.previous')}"
            found = sum(self.searched in line for line in self._lines)
            said.insert(0, f"{self.searched!r} on {found:,} · {both}")
        self.entitle("Log", " · ".join(said))

    def copied(self) -> tuple[str, str] | None:
        """The line."""
        return (str(self.current[0]), "log line") if self.current else None

    def named(self) -> Sequence[Named]:
        """The ids in the line."""
        return mentioned(str(self.current[0]), self.known) if self.current else ()

    def action_open(self) -> None:
        """Goes to what the line names."""
        self.action_named()

    def own_line(self, row: Any, cursor: bool, mark: str) -> Strip | None:
        """Ids stand out of their line."""
        width = self.size.width
        text = fit(str(row[0]), max(0, width - 3))
        found = list(spans(text, self.known))
        _, style = self._line(row)
        if not found or style != "muted":
            return None
        segments, at = [Segment(f"{mark} ", self._style("accent", cursor))], 0
        for start, end, _ in found:
            segments.append(Segment(text[at:start], self._style("muted", cursor)))
            segments.append(Segment(text[start:end], self._style("accent", cursor)))
            at = end
        segments.append(Segment(text[at:], self._style("muted", cursor)))
        return Strip(segments).adjust_cell_length(width, self._style("plain", cursor))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A line leads to what it names; matches are gone through once something was searched."""
        if action == "open":
            return bool(self.named())
        if action == "next":
            return bool(self.searched)
        return super().check_action(action, parameters)

    def action_search(self) -> None:
        """Asks for a text to look for."""
        keep_keys(self)
        self.post_message(Ask("search log", self._search, self.searched, "text"))

    async def _search(self, text: str) -> str | None:
        self.searched = text.strip().lower()
        self._tell()
        self.refresh()
        self.refresh_bindings()
        if self.searched:
            self.action_next(-1)
        return None

    def action_next(self, step: int) -> None:
        """Goes to the next line that holds the text, around the end."""
        for away in range(1, self.count + 1):
            at = (self.cursor + step * away) % self.count
            row = self.row(at)
            if row is not None and self.searched in row[0].lower():
                self.cursor = at
                return
        self.post_message(Say(f"The log does not hold {self.searched!r}."))
