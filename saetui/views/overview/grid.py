"""The model as a grid, layers × sites: a cell for every dictionary, with its quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

from saetui import queries
from saetui.links import Named, named
from saetui.views.overview.layout import TALL, Coverage, Dictionary, Line
from saetui.views.overview.words import about, coverage, quality
from saetui.widgets.drawing import as_many, fit
from saetui.widgets.pane import Pane

MARGIN = 6
"""Cells for the layer."""


class ModelGrid(Pane, ScrollView):
    """The grid, with a cursor that goes from dictionary to dictionary."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"grid--{name}"
        for name in ("model", "sites", "layer", "name", "quality", "cursor", "mark", "empty")
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "down", id="grid.down", show=False),
        Binding("k,up", "move(-1)", "up", id="grid.up", show=False),
        Binding("right", "across(1)", "right", id="grid.right", show=False),
        Binding("left", "across(-1)", "left", id="grid.left", show=False),
        Binding("g,home", "end(0)", "first", id="grid.top", show=False),
        Binding("G,end", "end(-1)", "last", id="grid.bottom", show=False),
        Binding("pagedown", "move(4)", "page down", id="grid.page_down", show=False),
        Binding("pageup", "move(-4)", "page up", id="grid.page_up", show=False),
        Binding("space", "mark", "mark, to compare", id="grid.mark", key_display="space"),
        Binding("enter", "open", "its features", id="grid.open", key_display="↵"),
    ]

    place: reactive[tuple[int, int]] = reactive((0, 0), init=False)
    """Line and site of the cell under the cursor."""

    @dataclass
    class Opened(Message):
        """The user opened a dictionary."""

        dictionary: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self.lines: list[Line] = []
        self.known: dict[str, Coverage] = {}
        self.empty: list[str] = []
        self._tops: list[int] = []
        self.marked: set[str] = set()
        """Dictionaries that are to be compared."""
        self.wanted = ""
        """The dictionary that the cursor begins on, or the model whose first one it does, where
        that is there.
        """

    def show(self, lines: list[Line], known: Mapping[str, Coverage]) -> None:
        """Shows other lines, with what is `known` of profiled dictionaries; the cursor stays on its
        dictionary where that is still there.
        """
        before = self.current.dictionary if self.current else self.wanted
        self.known = dict(known)
        self.lines = lines
        self._tops = []
        top = 0
        for line in lines:
            self._tops.append(top)
            top += line.height
        self.virtual_size = Size(self.size.width, top)
        places = self._places()
        if places:
            self.place = (self._places_of(before) or places)[0]
        self._tell()
        self.refresh_bindings()
        self.refresh()

    def _places(self) -> list[tuple[int, int]]:
        return [
            (line, site)
            for line, found in enumerate(self.lines)
            for site, cell in enumerate(found.cells)
            if cell is not None
        ]

    def _places_of(self, target: str) -> list[tuple[int, int]]:
        """Where a dictionary stands, or all of a model."""
        places = self._places()
        found = [place for place in places if self._at(place).dictionary == target]
        return found or [place for place in places if self._at(place).model == target]

    def go(self, target: str) -> bool:
        """Puts the cursor on a dictionary, or on the first of a model; whether it is there."""
        self.wanted = target
        if places := self._places_of(target):
            self.place = places[0]
        return bool(places)

    def _at(self, place: tuple[int, int]) -> Dictionary:
        cell = self.lines[place[0]].cells[place[1]]
        assert cell is not None
        return cell

    @property
    def current(self) -> Dictionary | None:
        """The dictionary under the cursor."""
        line, site = self.place
        if line < len(self.lines) and site < len(self.lines[line].cells):
            return self.lines[line].cells[site]
        return None

    def copied(self) -> tuple[str, str] | None:
        """The dictionary's id."""
        return (self.current.dictionary, "dictionary id") if self.current else None

    def named(self) -> Sequence[Named]:
        """The dictionary that the title names."""
        return named("dictionary", self.current.dictionary) if self.current else ()

    def sql(self) -> str | None:
        """The query behind the grid."""
        return queries.dictionaries()

    # Moving

    def watch_place(self) -> None:
        """Brings the cursor in sight, and tells more about its dictionary."""
        line = self.place[0]
        if line < len(self._tops):
            top = self._tops[line]
            bottom = top + TALL
            y, height = int(self.scroll_offset.y), self.size.height
            target = min(max(y, bottom - height), top)
            first = self._places()[0][0] if self._places() else 0
            self.scroll_to(y=0 if line == first else target, animate=False, immediate=True)
        self._tell()
        self.refresh()

    def _tell(self) -> None:
        if (cell := self.current) is None:
            self.entitle("Dictionaries")
            return
        name, *facts = about(cell, self.known.get(cell.dictionary))
        if self.marked:
            facts.insert(0, f"{len(self.marked)} marked")
        room = self.size.width - 4
        if len(name) + 15 <= room:
            name = f"Dictionaries · {name}"
        self.entitle(fit(name, min(room, cell_len(name))), as_many(facts, room))

    def action_move(self, step: int) -> None:
        """Goes to the nearest dictionary some lines further."""
        lines = sorted({line for line, _ in self._places()})
        if not lines:
            return
        at = lines.index(self.place[0]) + step
        line = lines[max(0, min(at, len(lines) - 1))]
        sites = [site for found, site in self._places() if found == line]
        self.place = (line, min(sites, key=lambda site: abs(site - self.place[1])))

    def action_across(self, step: int) -> None:
        """Goes to the next dictionary in the line."""
        sites = [site for line, site in self._places() if line == self.place[0]]
        if sites:
            at = sites.index(self.place[1]) + step
            self.place = (self.place[0], sites[max(0, min(at, len(sites) - 1))])

    def action_end(self, which: int) -> None:
        """Goes to the first or the last dictionary."""
        if places := self._places():
            self.place = places[which]

    def action_mark(self) -> None:
        """Marks the dictionary under the cursor, or takes its mark away, and goes on."""
        if self.current is not None:
            self.marked ^= {self.current.dictionary}
            places = self._places()
            self.place = places[min(places.index(self.place) + 1, len(places) - 1)]
            self._tell()
            self.refresh()

    def action_open(self) -> None:
        """Opens the features of the dictionary under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self.current.dictionary))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be opened where there is nothing."""
        if action in ("open", "mark"):
            return self.current is not None
        return super().check_action(action, parameters)

    def on_click(self, event: Click) -> None:
        """Goes to the cell clicked; opens it the second time."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        y = offset.y + int(self.scroll_offset.y)
        for line, site in self._places():
            if not self._tops[line] <= y < self._tops[line] + TALL - 1:
                continue
            left = MARGIN + site * self._cell_width(len(self.lines[line].cells))
            if left <= offset.x < left + self._cell_width(len(self.lines[line].cells)):
                if self.place == (line, site) and event.chain > 1:
                    self.action_open()
                self.place = (line, site)

    def on_resize(self, event: Resize) -> None:
        """Fits the width."""
        self.virtual_size = Size(self.size.width, self.virtual_size.height)
        self.watch_place()

    # Drawing

    def _cell_width(self, sites: int) -> int:
        return max(14, min(30, (self.size.width - MARGIN) // max(1, sites)))

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        y += int(self.scroll_offset.y)
        plain = self.rich_style
        if not self.lines:
            text = self.empty[y - 1] if 0 <= y - 1 < len(self.empty) else ""
            style = self.get_component_rich_style("grid--empty")
            return Strip([Segment(fit("  " + text, width), style)])
        at = max((i for i, top in enumerate(self._tops) if top <= y), default=0)
        line, part = self.lines[at], y - self._tops[at]
        if part >= line.height:
            return Strip.blank(width, plain)
        segments = self._segments(at, line, part)
        return Strip(segments).adjust_cell_length(width, plain).simplify()

    def _segments(self, at: int, line: Line, part: int) -> list[Segment]:
        style = self.get_component_rich_style
        if line.kind == "model":
            return [Segment(" " + fit(line.text, self.size.width - 2), style("grid--model"))]
        if line.kind == "sites":
            sites = line.text.split("\0")
            cell = self._cell_width(len(sites))
            names = "".join(fit(" " + site, cell) for site in sites)
            return [Segment(" " * MARGIN + names, style("grid--sites"))] if part == 1 else []
        if line.kind == "skip":
            return [Segment(f" {line.text}", style("grid--empty"))] if part == 0 else []
        layer = line.text if part == 0 else ""
        segments = [Segment(fit(f" {layer}", MARGIN), style("grid--layer"))]
        for site, cell_ in enumerate(line.cells):
            segments += self._cell(cell_, part, len(line.cells), (at, site) == self.place)
        return segments

    def _cell(self, cell: Dictionary | None, part: int, sites: int, under: bool) -> list[Segment]:
        width = self._cell_width(sites)
        if cell is None or part == 3:
            text = " ·" if cell is None and part == 0 else ""
            return [Segment(fit(text, width), self.get_component_rich_style("grid--empty"))]
        style = self.get_component_rich_style("grid--name" if part == 0 else "grid--quality")
        known = self.known.get(cell.dictionary)
        text = (cell.short, quality(cell, width - 2), coverage(cell, known, width - 2))[part]
        if part == 2:
            style = self.get_component_rich_style("grid--sites")
        mark = self.get_component_rich_style("grid--mark")
        if under:
            behind = Style(bgcolor=self.get_component_rich_style("grid--cursor").bgcolor)
            style, mark = style + behind, mark + behind
        sign = "●" if part == 0 and cell.dictionary in self.marked else "▌" if under else " "
        segments = [Segment(sign, mark)]
        segments.append(Segment(fit(text, width - 2), style))
        return [*segments, Segment(" ", self.rich_style)]
