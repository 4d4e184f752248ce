"""A scatter of points to walk through: pan, zoom, a cross-hair and the point nearest to it.

Points come as arrays, with a kind each that gives them their colour; what is chosen or found by a
search gets a sign of its own, and the others dim. It knows nothing of the workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Blur, Click, Focus, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.strip import Strip

from saetui.text import inert
from saetui.widgets.cloud import (
    CHOSEN,
    DIM,
    HIT,
    PLAIN,
    Cloud,
    Frame,
    Name,
    bounds,
    draw,
    nearest,
    write_names,
)
from saetui.widgets.drawing import fit
from saetui.widgets.legend import Kind, legend
from saetui.widgets.pane import Pane
from saetui.widgets.sight import Sight

if TYPE_CHECKING:
    import numpy as np

    from saetui.widgets.cloud import Drawn

    Array = np.ndarray[Any, Any]

NAME_LOOK, CROSS_LOOK, POINT_LOOK = 30_000, 30_001, 30_002
"""Looks of what is written over the dots; those of dots are below (see `Drawn`)."""


ROOMY = 13
"""Lines of a pane from which on it shows notes."""


class Label(NamedTuple):
    """A name on the map."""

    x: float
    y: float
    text: str


class Scatter(Pane):
    """The points, above a legend and a line about the point under the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"scatter--series-{number}" for number in range(1, 7)),
        *(f"scatter--ramp-{number}" for number in range(2, 6)),
        *(f"scatter--{name}" for name in ("plain", "muted", "faint", "dim", "hit", "name")),
        *(f"scatter--{name}" for name in ("cross", "point", "legend", "about", "empty")),
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,left", "move(-1, 0)", "left", id="scatter.left", show=False),
        Binding("j,down", "move(0, 1)", "down", id="scatter.down", show=False),
        Binding("k,up", "move(0, -1)", "up", id="scatter.up", show=False),
        Binding("l,right", "move(1, 0)", "right", id="scatter.right", show=False),
        Binding("H,shift+left", "pan(-1, 0)", "pan left", id="scatter.pan_left", show=False),
        Binding("J,shift+down", "pan(0, 1)", "pan down", id="scatter.pan_down", show=False),
        Binding("K,shift+up", "pan(0, -1)", "pan up", id="scatter.pan_up", show=False),
        Binding("L,shift+right", "pan(1, 0)", "pan right", id="scatter.pan_right", show=False),
        Binding("plus,equals_sign", "zoom_by(1)", "closer", id="scatter.closer", key_display="+"),
        Binding("minus", "zoom_by(-1)", "farther", id="scatter.farther", key_display="-"),
        Binding("0,home", "whole", "all of it", id="scatter.whole", show=False),
        Binding("enter", "open", "open", id="scatter.open", key_display="↵"),
    ]

    @dataclass
    class Moved(Message):
        """Another point is nearest to the cross-hair; None: there are no points."""

        scatter: Scatter
        point: int | None

        @property
        def control(self) -> Scatter:
            """The scatter."""
            return self.scatter

    @dataclass
    class Opened(Message):
        """The user opened a point."""

        scatter: Scatter
        point: int

        @property
        def control(self) -> Scatter:
            """The scatter."""
            return self.scatter

    def __init__(self, *, id: str | None = None, square: bool = False) -> None:
        super().__init__(id=id)
        self.cloud: Cloud | None = None
        self.kinds: Sequence[Kind] = ()
        self.labels: Sequence[Label] = ()
        self.about = ""
        """What is said of the point under the cursor."""
        self.notes: Sequence[str] = ()
        """Lines above the legend, where there is room."""
        self.empty: Sequence[str] | Callable[[], Sequence[str]] = ()
        """Lines shown where there are no points."""
        self.point: int | None = None
        """Index of the point nearest to the cross-hair."""
        self.sight = Sight(Frame(0.0, 0.0, 1.0, 1.0), square)
        self.counts: list[int] = []
        """How many points there are of each kind."""
        self._strips: list[Strip] | None = None
        self._styles_of: dict[int, Style] = {}

    # Points

    def show_points(self, x: Array, y: Array, kind: Array, kinds: Sequence[Kind]) -> None:
        """Shows other points: `x`, `y` float32, finite; `kind` uint8, an index into `kinds`."""
        import numpy as np

        self.cloud = Cloud(x, y, kind, np.full(len(x), PLAIN, np.uint8))
        whole = bounds(x, y)
        self.sight = Sight(whole, self.sight.square, at=(whole.x, whole.y))
        self.point = None
        self.show_kinds(kind, kinds)
        self.look()

    def show_kinds(self, kind: Array, kinds: Sequence[Kind]) -> None:
        """Colours the same points by something else."""
        import numpy as np

        assert self.cloud is not None
        self.cloud = self.cloud._replace(kind=kind)
        self.kinds = kinds
        self.counts = np.bincount(kind, minlength=len(kinds)).tolist()
        self.redraw()

    def emphasize(
        self, chosen: Array | None = None, hits: Array | None = None, *, dim: bool = True
    ) -> None:
        """Lets points stand out by a sign of their own (boolean arrays): those chosen, those found.
        The others `dim`, or keep their colours.
        """
        import numpy as np

        assert self.cloud is not None
        some = dim and (chosen is not None or hits is not None)
        emphasis = np.full(len(self.cloud.x), DIM if some else PLAIN, np.uint8)
        if chosen is not None:
            emphasis[chosen] = CHOSEN
        if hits is not None:
            emphasis[hits] = HIT
        self.cloud = self.cloud._replace(emphasis=emphasis)
        self.redraw()

    def clear(self) -> None:
        """Shows no points."""
        self.cloud, self.point, self.about = None, None, ""
        self.redraw()

    # Moving

    @property
    def cells(self) -> tuple[int, int]:
        """Columns and lines of the drawing: some are left for notes, legend and `about`."""
        return max(1, self.size.width), max(1, self.size.height - 2 - len(self._noted))

    @property
    def _noted(self) -> Sequence[str]:
        """The notes that there is room for."""
        return self.notes if self.size.height > ROOMY else ()

    def action_move(self, across: int, down: int) -> None:
        """Moves the cross-hair."""
        self.sight.move(across, down, *self.cells)
        self.look()

    def action_pan(self, across: int, down: int) -> None:
        """Moves what is in sight."""
        self.sight.pan(across, down, *self.cells)
        self.look()

    def action_zoom_by(self, step: int) -> None:
        """Shows less, larger, or more, smaller."""
        self.sight.zoom_by(step)
        self.look()

    def action_whole(self) -> None:
        """Shows all points."""
        self.sight.show_whole()
        self.look()

    def action_open(self) -> None:
        """Opens the point under the cursor."""
        if self.point is not None:
            self.post_message(self.Opened(self, self.point))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing moves where there is no point."""
        if action in ("move", "pan", "zoom_by", "whole", "open"):
            return self.cloud is not None
        return super().check_action(action, parameters)

    def put_cursor(self, point: int) -> None:
        """Moves the cross-hair to a point; what is in sight follows when that is elsewhere."""
        if self.cloud is not None:
            x, y = float(self.cloud.x[point]), float(self.cloud.y[point])
            self.sight.put(x, y, *self.cells)
            self.point = point
            self.redraw()
            self.post_message(self.Moved(self, point))

    def look(self) -> None:
        """Finds the point nearest to the cross-hair, and draws."""
        before = self.point
        frame = self.sight.frame(*self.cells)
        self.point = nearest(self.cloud, *self.sight.at, frame) if self.cloud is not None else None
        self.redraw()
        if self.point != before:
            self.post_message(self.Moved(self, self.point))

    # The mouse

    def on_click(self, event: Click) -> None:
        """Moves the cross-hair there; a second click opens the point."""
        offset = event.get_content_offset(self)
        if offset is None or self.cloud is None or offset.y >= self.cells[1]:
            return
        if event.chain > 1:
            self.action_open()
            return
        self.sight.put_on_cell(offset.x, offset.y, *self.cells)
        self.look()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Zooms in."""
        if self.cloud is not None:
            event.stop()
            self.action_zoom_by(1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Zooms out."""
        if self.cloud is not None:
            event.stop()
            self.action_zoom_by(-1)

    # Drawing

    def redraw(self) -> None:
        """What is shown has changed."""
        self._strips = None
        self.refresh()

    def on_resize(self) -> None:
        """Draws anew."""
        self.redraw()

    def on_focus(self, event: Focus) -> None:
        """Shows the cross-hair."""
        self.redraw()

    def on_blur(self, event: Blur) -> None:
        """Hides the cross-hair."""
        self.redraw()

    def notify_style_update(self) -> None:
        """Forgets the styles of the theme before."""
        super().notify_style_update()
        self._styles_of.clear()
        self._strips = None

    def render_line(self, y: int) -> Strip:
        """One line; all are drawn at once when the first is asked for."""
        if self._strips is None:
            self._strips = self._draw()
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self._named("plain"))

    def _draw(self) -> list[Strip]:
        width = self.size.width
        if self.cloud is None or not len(self.cloud.x):
            style = self._named("empty")
            empty = self.empty() if callable(self.empty) else self.empty
            lines = ["", *(f"  {line}" for line in empty)]
            return [Strip([Segment(fit(line, width), style)]) for line in lines]
        frame, (_, rows) = self.sight.frame(*self.cells), self.cells
        lettered = all(kind.letter for kind in self.kinds)
        letters = "".join(kind.letter for kind in self.kinds) if lettered else ""
        drawn = draw(self.cloud, frame, width, rows, letters)
        self._write_over(drawn, frame)
        strips = [
            Strip([Segment(text, self._style(look)) for text, look in drawn.runs(row)], width)
            for row in range(rows)
        ]
        about = Strip([Segment(fit(f" {self.about}", width), self._named("about"))], width)
        style = self._named("legend")
        kinds = legend(self.kinds, self.counts, width, self._style_of, style)
        notes = [Strip([Segment(fit(f" {note}", width), style)], width) for note in self._noted]
        return [*strips, *notes, kinds, about]

    def _write_over(self, drawn: Drawn, frame: Frame) -> None:
        """The names, the cross-hair and the point nearest to it."""
        names = [Name(x, y, _single(text), NAME_LOOK) for x, y, text in self.labels]
        write_names(drawn, names, frame)
        if self.point is None or self.cloud is None or not self.has_focus:
            return
        column, row = frame.cell(*self.sight.at, *self.cells)
        drawn.write(row, column, "┼", CROSS_LOOK)
        x, y = float(self.cloud.x[self.point]), float(self.cloud.y[self.point])
        column, row = frame.cell(x, y, *self.cells)
        drawn.write(row, column, "◎", POINT_LOOK)

    def _style_of(self, kind: int) -> Style:
        """The style of the points of a kind."""
        return self._style(4 * kind + PLAIN)

    def _style(self, look: int) -> Style:
        """The style of a look (see `Drawn`)."""
        if look not in self._styles_of:
            self._styles_of[look] = self._make_style(look)
        return self._styles_of[look]

    def _make_style(self, look: int) -> Style:
        over = {-1: "plain", NAME_LOOK: "name", CROSS_LOOK: "cross", POINT_LOOK: "point"}
        if look in over:
            return self._named(over[look])
        kind, emphasis = divmod(look, 4)
        if emphasis in (DIM, HIT):
            return self._named("dim" if emphasis == DIM else "hit")
        style = self._named(self.kinds[kind].style)
        return style + Style(bold=True) if emphasis == CHOSEN else style

    def _named(self, name: str) -> Style:
        return self.get_component_rich_style(f"scatter--{name}")


def _single(text: str) -> str:
    """`text` without the characters that are not one cell wide."""
    return "".join(character for character in inert(text) if cell_len(character) == 1)
