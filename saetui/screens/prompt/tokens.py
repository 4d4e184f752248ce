"""The tokens of a prompt, shaded by one feature, with a cursor that goes from token to token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from saetui.links import Link, Named
from saetui.widgets.pane import Pane
from saetui.widgets.tokens import Context, laid_out, shaded, theme_shades

EMPTY = "⋄"
"""Stands for a token without a text of its own, e.g. the first byte of a character."""

CURSOR = Style(reverse=True, bold=True)


class PromptTokens(Pane, ScrollView):
    """The text as the model reads it."""

    NO_SQL = "A prompt is in no table: saetui prompt DICT TEXT --json prints what fires on it."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "step(1)", "next token", id="prompt.next", show=False),
        Binding("left,h", "step(-1)", "token before", id="prompt.before", show=False),
        Binding("j,down", "line(1)", "line below", id="prompt.down", show=False),
        Binding("k,up", "line(-1)", "line above", id="prompt.up", show=False),
        Binding("g,home", "end(0)", "first token", id="prompt.first", show=False),
        Binding("G,end", "end(1)", "last token", id="prompt.last", show=False),
    ]

    cursor: reactive[int] = reactive(0, init=False)
    """Index of the token under the cursor."""

    @dataclass
    class Moved(Message):
        """Another token is under the cursor."""

        token: int

    def __init__(self) -> None:
        super().__init__(id="prompt-tokens", classes="pane")
        self.context = Context([], -1, {})
        self.strongest = 0.0
        self.feature = ""
        """The id of the feature that shades them."""
        self.missing = ""
        """What to say where there are no tokens."""
        self._lines: list[list[tuple[int, str]]] = []

    @property
    def pieces(self) -> list[str]:
        """The text of each token."""
        return list(self.context.pieces)

    def show(self, pieces: list[str]) -> None:
        """Shows another prompt, with the cursor on its last token."""
        self.context = Context(pieces, -1, {})
        self._lay_out()
        self.set_reactive(PromptTokens.cursor, max(0, len(pieces) - 1))
        self._reveal()
        self.refresh_bindings()

    def named(self) -> Sequence[Named]:
        """The feature that shades them."""
        shades = Named(self.feature, "shades the tokens", Link("features", self.feature))
        return [shades] if self.feature else ()

    def shade(self, feature: str, strengths: dict[int, float], strongest: float) -> None:
        """Shades the tokens by a feature, by its id; its strongest is marked."""
        self.feature = feature
        peak = max(strengths, key=lambda token: strengths[token]) if strengths else -1
        self.context = Context(self.context.pieces, peak, strengths)
        self.strongest = strongest
        self.refresh()

    def say(self, sentence: str) -> None:
        """Shows no tokens, and why."""
        self.missing = sentence
        self.show([])
        self.refresh()

    def copied(self) -> tuple[str, str] | None:
        """The prompt."""
        return ("".join(self.context.pieces), "prompt") if self.context.pieces else None

    # Moving

    def validate_cursor(self, cursor: int) -> int:
        """Keeps the cursor on a token."""
        return max(0, min(cursor, len(self.context.pieces) - 1))

    def watch_cursor(self) -> None:
        """Tells."""
        self._reveal()
        self.refresh()
        self.post_message(self.Moved(self.cursor))

    def action_step(self, step: int) -> None:
        """Goes to the next token."""
        self.cursor += step

    def action_end(self, end: int) -> None:
        """Goes to the first token, or the last."""
        self.cursor = end * len(self.context.pieces)

    def action_line(self, step: int) -> None:
        """Goes to the token below."""
        row, x = self._place(self.cursor)
        if 0 <= row + step < len(self._lines):
            found = self._at(x, row + step)
            self.cursor = self.cursor if found is None else found

    def on_click(self, event: Click) -> None:
        """Goes to the token clicked."""
        if (offset := event.get_content_offset(self)) is not None:
            found = self._at(offset.x - 1, offset.y + int(self.scroll_offset.y))
            self.cursor = self.cursor if found is None else found

    def _place(self, token: int) -> tuple[int, int]:
        """Line and cell where a token begins."""
        for row, line in enumerate(self._lines):
            x = 0
            for number, text in line:
                if number == token:
                    return row, x
                x += cell_len(text)
        return 0, 0

    def _at(self, x: int, row: int) -> int | None:
        """The token at a cell of a line; the last of the line beyond its end."""
        line = self._lines[row] if 0 <= row < len(self._lines) else []
        found = None
        for number, text in line:
            found = number
            x -= cell_len(text)
            if x < 0:
                break
        return found

    def _reveal(self) -> None:
        row, _ = self._place(self.cursor)
        top, height = int(self.scroll_offset.y), max(1, self.size.height)
        target = min(max(top, row - height + 1), row)
        if target != top:
            self.scroll_to(y=target, animate=False, force=True, immediate=True)

    # Drawing

    def on_resize(self, event: Resize) -> None:
        """Wraps anew."""
        self._lay_out()
        self._reveal()

    def _lay_out(self) -> None:
        pieces = [piece or EMPTY for piece in self.context.pieces]
        self._lines = laid_out(pieces, max(8, self.size.width - 2)) if pieces else []
        self.virtual_size = Size(self.size.width, len(self._lines))
        self.styles.height = max(1, len(self._lines)) + 2
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line."""
        row, plain = y + int(self.scroll_offset.y), self.rich_style
        shades = theme_shades(self.app.theme_variables)
        segments = [Segment(" ", plain)]
        if not self._lines and y == 0:
            segments.append(Segment(self.missing, plain))
        for number, text in self._lines[row] if row < len(self._lines) else ():
            style = plain + CURSOR if number == self.cursor else None
            parts = shaded(text, number, self.context, self.strongest, shades, plain)
            segments += [Segment(text, style)] if style else parts
        return Strip(segments).adjust_cell_length(self.size.width, plain)
