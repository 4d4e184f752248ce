"""The circuit as a picture: tokens at the left, the metric at the right, edges as wide as they are
strong.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from saetui.circuits.exports import Exported
from saetui.circuits.exports.layout import Drawn, lay_out
from saetui.circuits.graph import graph_of
from saetui.circuits.names import names
from saetui.circuits.records import METRIC, Circuit, Node, kind_of, where_of
from saetui.circuits.text import interval, score, short, signed
from saetui.text import inert
from saetui.widgets.drawing import count, duration

WIDE, TALL = 184, 40
"""A node's box."""
ACROSS, DOWN = 118, 12
"""Between columns, and between the boxes of one."""
EDGE = 36
"""Around it all."""
HEAD = 96
"""Above the columns: what circuit it is, and what it scores."""
FOOT = 44

STYLE = """
.circuit { font-family: "Inter", "Helvetica Neue", Helvetica, Arial, sans-serif; }
.circuit .ground { fill: #fbfaf7; }
.circuit .box { fill: #ffffff; stroke: #c9c5ba; stroke-width: 1; }
.circuit .box.error { fill: #f6f4ef; stroke-dasharray: 3 3; }
.circuit .box.end { fill: #fdf1dd; stroke: #e0a04a; }
.circuit .box.down { stroke: #a8610d; stroke-dasharray: 6 3; }
.circuit .title { font-size: 20px; font-weight: 650; fill: #22262e; }
.circuit .aside { font-size: 12.5px; fill: #5d6576; }
.circuit .column { font-size: 11.5px; fill: #5d6576; font-weight: 600; letter-spacing: .02em; }
.circuit .name { font-size: 12px; font-weight: 650; fill: #22262e; }
.circuit .label { font-size: 11px; fill: #5d6576; }
.circuit .value { font-size: 11px; fill: #5d6576; font-variant-numeric: tabular-nums; }
.circuit .bar { fill: #2f5fc4; }
.circuit .bar.down { fill: #a8610d; }
.circuit .track { fill: #ebe8e0; }
.circuit .edge { fill: none; stroke: #2f5fc4; stroke-linecap: round; }
.circuit .edge.down { stroke: #a8610d; stroke-dasharray: 7 6; stroke-linecap: butt; }
"""


class Place(NamedTuple):
    """The upper left corner of a box."""

    x: float
    y: float


def write(exported: Exported) -> str:
    """The picture as a file of its own."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + picture(exported)


def picture(exported: Exported, *, inside: bool = False) -> str:
    """The picture; `inside` a page it has neither style nor ground nor head of its own."""
    whole = exported.whole
    drawn = lay_out(whole, exported.size)
    most = max(len(column.nodes) for column in drawn.columns)
    head, foot = (40, 8) if inside else (HEAD + 32, FOOT)
    width = 2 * EDGE + len(drawn.columns) * (WIDE + ACROSS) - ACROSS
    width = max(width, 0 if inside else 760)
    height = head + most * (TALL + DOWN) + foot
    places = _places(drawn, head, most)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="circuit" role="img" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>{_text(whole.about.circuit)}</title>",
    ]
    if not inside:
        parts.append(f"<style>{STYLE}</style>")
        parts.append(f'<rect class="ground" width="{width}" height="{height}"/>')
        parts += _head(exported, len(drawn.edges))
        parts += _foot(height)
    parts += _edges(drawn, places)
    parts += _boxes(exported, drawn, places, head)
    return "\n".join([*parts, "</svg>", ""])


def _text(text: str, most: int = 400) -> str:
    """Text from data, made harmless; what is longer than `most` ends in an ellipsis."""
    said = inert(text)
    return escape(said if len(said) <= most else said[: most - 1] + "…")


def _places(drawn: Drawn, head: int, most: int) -> dict[str, Place]:
    places = {}
    for at, column in enumerate(drawn.columns):
        spare = (most - len(column.nodes)) * (TALL + DOWN) / 2
        for row, name in enumerate(column.nodes):
            y = head + spare + row * (TALL + DOWN)
            places[name] = Place(EDGE + at * (WIDE + ACROSS), y)
    return places


def _head(exported: Exported, n_edges: int) -> list[str]:
    about = exported.whole.about
    return [
        f'<text class="title" x="{EDGE}" y="44">{_text(about.circuit, 80)}</text>',
        f'<text class="aside" x="{EDGE}" y="66">{_text(_asked(about), 160)}</text>',
        f'<text class="aside" x="{EDGE}" y="85">{_text(_scored(exported, n_edges), 160)}</text>',
    ]


def _asked(about: Circuit) -> str:
    return (
        f"{_end(about.task)} · {_end(about.model)} · {about.method} on {about.chosen_from} · "
        f"{about.ablation} ablation · {about.metric}"
    )


def _end(name: str, most: int = 40) -> str:
    """A name; of one that is a long path its end, which tells more than where it begins."""
    return name if len(name) <= most else "…" + name[1 - most :]


def _scored(exported: Exported, n_edges: int) -> str:
    about, point = exported.whole.about, exported.whole.point(exported.size)
    measured = graph_of(exported.whole).measured
    among = f" (measured among the first {measured})" if measured < exported.size else ""
    parts = [f"{exported.size} of {count(about.n_nodes)} nodes", f"{n_edges} edges{among}"]
    if point is not None:
        around = interval(point.faithfulness_low, point.faithfulness_high)
        parts.append(f"faithfulness {short(point.faithfulness)}" + (around and f" ({around})"))
        parts.append(f"completeness {short(point.completeness)}")
    parts += [f"CMD {score(about.cmd)}", f"CPR {score(about.cpr)}"]
    return " · ".join([*parts, f"{count(about.passes)} passes", duration(about.seconds)])


def _foot(height: int) -> list[str]:
    y = height - 20
    return [
        f'<path class="edge" d="M{EDGE} {y - 4} h34" stroke-width="3"/>',
        f'<text class="aside" x="{EDGE + 42}" y="{y}">holds the metric up</text>',
        f'<path class="edge down" d="M{EDGE + 178} {y - 4} h34" stroke-width="3"/>',
        f'<text class="aside" x="{EDGE + 220}" y="{y}">pushes it down</text>',
        f'<text class="aside" x="{EDGE + 330}" y="{y}">wider: a stronger direct effect</text>',
    ]


def _edges(drawn: Drawn, places: dict[str, Place]) -> list[str]:
    most = max((abs(edge.effect) for edge in drawn.edges), default=1.0) or 1.0
    stands = {name: at for at, column in enumerate(drawn.columns) for name in column.nodes}
    gaps = [_gaps([places[name].y for name in column.nodes]) for column in drawn.columns]
    parts = ['<g class="edges">']
    for edge in drawn.edges:
        passed = gaps[stands[edge.source] + 1 : stands[edge.target]]
        path = _path(places[edge.source], places[edge.target], passed)
        strength = abs(edge.effect) / most
        down = " down" if edge.effect < 0 else ""
        parts.append(
            f'<path class="edge{down}" d="{path}" stroke-width="{0.8 + 5.2 * strength:.2f}" '
            f'stroke-opacity="{0.22 + 0.5 * strength:.2f}"/>'
        )
    return [*parts, "</g>"]


def _gaps(tops: list[float]) -> list[float]:
    """Where an edge passes a column: above, between and below its boxes."""
    return [min(tops) - DOWN / 2, *(top + TALL + DOWN / 2 for top in tops)]


def _path(start: Place, end: Place, passed: list[list[float]]) -> str:
    """A curve from box to box, through the gaps of the columns that it passes."""
    x, y = start.x + WIDE, start.y + TALL / 2
    last = end.y + TALL / 2
    path = f"M{x:.1f} {y:.1f}"
    for at, gaps in enumerate(passed):
        wanted = y + (last - y) / (len(passed) + 1 - at)
        gap = min(gaps, key=lambda each: abs(each - wanted))
        path += f" {_bend(x, y, x + ACROSS, gap)} h{WIDE}"
        x, y = x + ACROSS + WIDE, gap
    return f"{path} {_bend(x, y, end.x, last)}"


def _bend(x0: float, y0: float, x1: float, y1: float) -> str:
    bend = max(40.0, abs(x1 - x0) * 0.5)
    return f"C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"


def _boxes(exported: Exported, drawn: Drawn, places: dict[str, Place], head: int) -> list[str]:
    called = names(exported.whole)
    largest = max((abs(node.effect) for node in drawn.nodes.values()), default=1.0) or 1.0
    parts = []
    for at, column in enumerate(drawn.columns):
        x = EDGE + at * (WIDE + ACROSS)
        title = _text(column.title, 30)
        parts.append(f'<text class="column" x="{x}" y="{head - 16}">{title}</text>')
        for name in column.nodes:
            own = _within(called.get(name, name), column.title, name)
            parts += _box(exported, name, own, places[name], drawn.nodes.get(name), largest)
    return parts


def _within(called: str, title: str, name: str) -> str:
    """A node's name below its column's title, which need not be said again."""
    if kind_of(name) == "head":
        return called.partition(".")[2]
    return called.removeprefix(title).strip() or called


def _box(
    exported: Exported, name: str, called: str, place: Place, node: Node | None, largest: float
) -> list[str]:
    x, y = place
    kind = "end" if name == METRIC else "error" if kind_of(name) == "error" else ""
    down = " down" if node is not None and node.effect < 0 else ""
    rect = f'<rect class="box {kind}{down}" x="{x}" y="{y}" width="{WIDE}" height="{TALL}" rx="7"/>'
    if node is None:
        metric = exported.whole.about.metric
        at = where_of(name)
        tokens = "tokens" if at is None else f"token {at}" if at.isdecimal() else f"tokens of {at}"
        said = metric if name == METRIC else tokens
        middle = y + TALL / 2 + 4
        text = f'<text class="name" x="{x + 12}" y="{middle}">{_text(said, 24)}</text>'
        return ["<g>", rect, text, "</g>"]
    value = signed(node.effect, 2)
    room = WIDE - 24
    bar = max(2.0, room * abs(node.effect) / largest) if node.effect else 0.0
    label = _text(node.label or "", 30)
    line = f'x="{x + 12}" y="{y + 34}" height="2.5" rx="1.2"'
    says = [node.node, node.label or "", f"effect {value} {interval(node.low, node.high)}"]
    return [
        "<g>",
        f"<title>{_text(chr(10).join(filter(None, says)).replace(chr(10), ' · '))}</title>",
        rect,
        f'<text class="name" x="{x + 12}" y="{y + 16}">{_text(called, 24)}</text>',
        f'<text class="value" x="{x + WIDE - 12}" y="{y + 16}" text-anchor="end">{value}</text>',
        f'<text class="label" x="{x + 12}" y="{y + 29}">{label}</text>',
        f'<rect class="track" {line} width="{room}"/>',
        f'<rect class="bar{down}" {line} width="{bar:.1f}"/>',
        "</g>",
    ]
