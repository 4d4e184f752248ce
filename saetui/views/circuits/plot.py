"""Faithfulness over the size of circuits: every method in one plot, its legend with CMD and CPR."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.content import Content

from saetui.circuits.records import Circuit, Point
from saetui.circuits.text import score, short
from saetui.widgets.curve import Raster, raster
from saetui.widgets.drawing import fit, short_count

LETTERS = "abcdefghijkl"
"""Letters that tell curves apart without colour: in the curves, before their names."""

LOWEST, HIGHEST = -0.25, 1.25
"""What lies beyond is drawn at the edge: one method that fails badly would flatten all others."""

AXIS = 5
"""Cells left of the curves: the scale and its rule."""

ENTRY = 26
"""Cells of an entry of the legend."""

MEASURES = ("faithfulness", "completeness")


class Series(NamedTuple):
    """A curve and whose it is."""

    about: Circuit
    points: Sequence[Point]
    title: str
    """Its name in the legend."""


def plot(
    series: Sequence[Series], measure: str, size: int, width: int, height: int
) -> list[Content]:
    """Lines of the plot and its legend: the first of `series` with its interval, the
    `size` that is chosen between signs.
    """
    drawn = [each for each in series if each.points][: len(LETTERS)]
    if not drawn or width < AXIS + 12 or height < 4:
        return [Content.styled(fit("No scores on held-out prompts.", max(0, width)), "$muted")]
    columns = 2 if width >= 2 * ENTRY and (len(drawn) > 6 or height < 14) else 1
    legend = _legend(drawn, width, columns)[: max(0, height - 6)]
    tall = height - len(legend) - 2
    room = width - AXIS
    curves = [_points(each.points, measure) for each in drawn]
    last = max((p[0] for curve in curves for p in curve), default=1.0)
    guide = 1.0 if measure == "faithfulness" else 0.0
    dotted = [*_interval(drawn[0], measure), [(0.0, guide), (last, guide)]]
    letters = LETTERS[: len(drawn)] if len(drawn) > 1 else ""
    found = raster(curves, room, max(1, tall), letters, dotted)
    lines = [_row(found, at, len(drawn)) for at in range(len(found.lines))]
    sizes = sorted({point.n_nodes for each in drawn for point in each.points})
    lines += [_scale(sizes, size, found, room)]
    return [*lines, Content(""), *legend]


def _place(n_nodes: int) -> float:
    """Where a size stands: each doubling is as far."""
    return math.log2(1 + n_nodes)


def _clipped(value: float) -> float:
    return min(HIGHEST, max(LOWEST, value))


def _points(points: Sequence[Point], measure: str) -> list[tuple[float, float]]:
    return [(_place(point.n_nodes), _clipped(getattr(point, measure))) for point in points]


def _interval(first: Series, measure: str) -> list[list[tuple[float, float]]]:
    """The ends of the interval of a curve; none where it was not measured."""
    return [
        [
            (_place(point.n_nodes), _clipped(value))
            for point in first.points
            if (value := getattr(point, f"{measure}_{end}")) is not None
        ]
        for end in ("low", "high")
    ]


def _colour(at: int) -> str:
    return f"$series-{at % 6 + 1}"


def _row(found: Raster, at: int, many: int) -> Content:
    """A line of the plot, with the scale at its edges."""
    edge = found.high if at == 0 else found.low if at == len(found.lines) - 1 else None
    said = "" if edge is None else short(edge)
    parts = [(fit(said, AXIS - 1, "right"), "$faint"), ("│", "$rule")]
    for text, curve in found.lines[at]:
        # Beyond the curves lie the ends of the first one's interval, then the line at 1.
        style = "" if curve < 0 else _colour(curve) if curve < many else "$faint"
        parts.append((text, _colour(0) if many <= curve < many + 2 else style))
    return Content.assemble(*parts)


def _scale(sizes: Sequence[int], size: int, found: Raster, room: int) -> Content:
    """The sizes below the plot, as many as fit, the chosen one between signs."""
    span = found.last - found.first or 1.0
    parts: list[tuple[str, str]] = [(" " * AXIS, "")]
    used = 0
    places = {each: round((_place(each) - found.first) / span * (room - 1)) for each in sizes}
    own = f"‹{short_count(size)}›"
    here = min(max(0, places.get(size, -9) - len(own) // 2), room - len(own))
    for each in sizes:
        text = own if each == size else short_count(each)
        start = here if each == size else min(places[each], room - len(text))
        near = size in places and each < size and start + len(text) >= here
        if start < used or near:
            continue
        parts += [(" " * (start - used), ""), (text, "bold $accent" if each == size else "$faint")]
        used = start + len(text) + 1
        parts.append((" ", ""))
    return Content.assemble(*parts)


def _legend(drawn: Sequence[Series], width: int, columns: int) -> list[Content]:
    """Letters, methods and scores; the baselines stand together, under that name."""
    wide = min(ENTRY + 14, width // columns)
    head = Content.styled(fit("", wide - 11) + " CMD  CPR  ", "$faint")
    entries = [(_entry(each, at, wide), each.about.baseline) for at, each in enumerate(drawn)]
    found = [entry for entry, baseline in entries if not baseline]
    if len(found) < len(entries):
        found.append(Content.styled(fit("  baselines", wide), "$faint"))
        found += [entry for entry, baseline in entries if baseline]
    tall = -(-len(found) // columns)
    rows = [found[at::tall] for at in range(tall)]
    return [
        Content("").join([head] * min(columns, len(found))),
        *(Content("").join(row) for row in rows),
    ]


def _entry(each: Series, at: int, wide: int) -> Content:
    cmd, cpr = (fit(score(value), 4, "right") for value in (each.about.cmd, each.about.cpr))
    return Content.assemble(
        (f"{LETTERS[at]} ", f"bold {_colour(at)}"),
        (fit(each.title, wide - 13), "bold" if at == 0 else "$muted"),
        (f"{cmd} {cpr}  ", "bold" if at == 0 else "$muted"),
    )


def titles(circuits: Sequence[Circuit]) -> Callable[[Circuit], str]:
    """What tells `circuits` apart, in few words: method, and level, position or span, ablation,
    seed where those differ.
    """
    many = [
        name
        for name in ("task", "nodes", "where", "ablation", "seed")
        if len({getattr(each, name) for each in circuits}) > 1
    ]

    def title(each: Circuit) -> str:
        said = [each.method, *(str(getattr(each, name)) for name in many)]
        return " ".join(filter(None, said))

    return title
