"""How a cluster's features fire on a document: its tokens, and a line of bars for each feature."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from saetui.links import short_names
from saetui.text import inert
from saetui.typeahead import wait_for
from saetui.widgets.drawing import BLOCKS, fit, number
from saetui.widgets.pane import Pane

WIDEST = 18
"""Cells of a token at most."""


class Place(NamedTuple):
    """A row of `saetui.queries_manifolds.cluster_documents`."""

    corpus: str
    doc: int
    members: int
    pos: int
    activation: float


class Firing(NamedTuple):
    """A row of `saetui.queries_manifolds.cluster_on_document`."""

    dictionary: str
    feature: int
    positions: list[int]
    activations: list[float]
    strongest: float


class Fires(Pane):
    """One document at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "document(1)", "next document", id="fires.next", key_display="j"),
        Binding("k,up", "document(-1)", "document before", id="fires.previous", show=False),
        Binding("h,left", "token(-1)", "to the left", id="fires.left", show=False),
        Binding("l,right", "token(1)", "to the right", id="fires.right", show=False),
        Binding("enter", "open", "document", id="fires.open", key_display="↵"),
    ]

    class Wanted(Message):
        """The user wants another document."""

    class Opened(Message):
        """The user wants to read the whole document."""

    def __init__(self) -> None:
        super().__init__(id="manifolds-fires", classes="pane")
        self.places: Sequence[Place] = ()
        """Documents, those of most members first."""
        self.at = 0
        """Which of them is shown."""
        self.pieces: Sequence[str] = ()
        self.firings: Sequence[Firing] = ()
        self.pos = 0
        """The token in the middle."""
        self.empty = ""
        self._asked = ""
        self.here = asyncio.Event()
        """Whether what fires on the document is known."""
        self.entitle("On a document")

    @property
    def place(self) -> Place | None:
        """The document that is shown."""
        return self.places[self.at] if self.at < len(self.places) else None

    def show_places(self, places: Sequence[Place], empty: str) -> None:
        """Another cluster with its documents; what is in the first comes later."""
        self.places, self.at, self.empty = places, 0, empty
        self.pieces, self.firings, self._asked = (), (), ""
        self._tell()

    def show_document(self, pieces: Sequence[str], firings: Sequence[Firing], sql: str) -> None:
        """Shows a document; `sql` asked for what fires on it."""
        self.pieces, self.firings, self._asked = pieces, firings, sql
        self.pos = self.place.pos if self.place else 0
        self.here.set()
        self._tell()

    def _tell(self) -> None:
        aside = ""
        if self.place is not None:
            aside = f"{self.at + 1} of {len(self.places)} · {len(self.firings)} members fire"
        where = f"On document {self.place.doc}" if self.place else "On a document"
        self.entitle(where, aside)
        self.refresh()
        self.refresh_bindings()

    def strengths(self) -> dict[int, float]:
        """Position → the strongest activation of any member there."""
        found: dict[int, float] = {}
        for firing in self.firings:
            for pos, activation in zip(firing.positions, firing.activations, strict=True):
                found[pos] = max(found.get(pos, 0.0), float(activation))
        return found

    def copied(self) -> tuple[str, str] | None:
        """The text."""
        return ("".join(self.pieces), "text") if self.pieces else None

    def sql(self) -> str | None:
        """The query behind the bars."""
        return self._asked or None

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing moves where there is no document."""
        if action in ("document", "token", "open"):
            return self.place is not None
        return super().check_action(action, parameters)

    def action_document(self, step: int) -> None:
        """Goes to the next document."""
        self.at = (self.at + step) % max(1, len(self.places))
        self.here.clear()
        self.post_message(self.Wanted())
        wait_for(self, self.here.wait)

    def action_token(self, step: int) -> None:
        """Moves along the text."""
        self.pos = max(0, min(len(self.pieces) - 1, self.pos + step))
        self.refresh()

    def action_open(self) -> None:
        """Opens the whole document."""
        if self.pieces:
            self.post_message(self.Opened())

    # Drawing

    def render(self) -> Content:
        """The tokens, and below them a line for each feature that fires."""
        width, height = self.size.width - 1, self.size.height
        if self.place is None or not self.pieces:
            return Content.styled(f"\n {self.empty}", "$muted")
        strongest = max((firing.strongest for firing in self.firings), default=1.0) or 1.0
        names = self._names()
        gutter = min(max(map(len, names.values()), default=0) + 8, max(8, width // 3))
        spans = _spans(self.pieces, self.pos, width - gutter)
        seen = {at for at, _ in spans}
        order = sorted(self.firings, key=lambda firing: -_strongest(firing, seen))
        lines = [Content.assemble((" " * (gutter + 1), ""), *_text(self.pieces, spans, self.pos))]
        for firing in order[: max(1, height - 2)]:
            name = names[firing.dictionary, firing.feature]
            head = fit(name, gutter - 7) + fit(number(firing.strongest, 2), 6, "right") + " "
            bars = _bars(firing, spans, strongest)
            lines.append(Content.assemble((" " + head, "$muted"), (bars, "$heat")))
        if (rest := len(self.firings) - max(1, height - 2)) > 0:
            lines.append(Content.styled(f" and {rest} more", "$faint"))
        return Content("\n").join(lines[:height])

    def _names(self) -> dict[tuple[str, int], str]:
        among = sorted({firing.dictionary for firing in self.firings})
        short = short_names(among) if len(among) > 1 else {}
        return {
            (one.dictionary, one.feature): f"#{one.feature} {short.get(one.dictionary, '')}".strip()
            for one in self.firings
        }


def _strongest(firing: Firing, seen: set[int]) -> float:
    """The strongest activation on tokens that are `seen`."""
    pairs = zip(firing.positions, firing.activations, strict=True)
    return max((activation for pos, activation in pairs if pos in seen), default=0.0)


def _word(piece: str) -> str:
    return inert(piece.replace("\n", "↵").lstrip(" ")) or "␣"


def _width(piece: str) -> int:
    return min(WIDEST, max(1, cell_len(_word(piece))))


def _spans(pieces: Sequence[str], middle: int, room: int) -> list[tuple[int, int]]:
    """Tokens around the one in the `middle` that fit into `room` cells, a space after each: index
    and width.
    """
    first = last = middle
    used = _width(pieces[middle]) + 1
    while True:
        grown = False
        if first > 0 and used + _width(pieces[first - 1]) + 1 <= room:
            first -= 1
            used += _width(pieces[first]) + 1
            grown = True
        if last + 1 < len(pieces) and used + _width(pieces[last + 1]) + 1 <= room:
            last += 1
            used += _width(pieces[last]) + 1
            grown = True
        if not grown:
            return [(at, _width(pieces[at])) for at in range(first, last + 1)]


def _text(
    pieces: Sequence[str], spans: Sequence[tuple[int, int]], middle: int
) -> list[tuple[str, str]]:
    parts = []
    for at, width in spans:
        style = "bold underline" if at == middle else ""
        parts += [(fit(_word(pieces[at]), width), style), (" ", "")]
    return parts


def _bars(firing: Firing, spans: Sequence[tuple[int, int]], strongest: float) -> str:
    """A bar below each token, as tall as the feature fires there."""
    found = dict(zip(firing.positions, firing.activations, strict=True))
    parts = []
    for at, width in spans:
        level = found.get(at, 0.0) / strongest
        block = BLOCKS[max(1, min(8, round(8 * level)))] if level > 0 else "·" if width else ""
        parts.append((block * width if level > 0 else block.ljust(width)) + " ")
    return "".join(parts)
