"""Curves in braille: eight dots a character, several curves over each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from saetui.widgets.drawing import number

Points = Sequence[tuple[float, float]]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of the dot at (row, column) of a braille character."""


LETTER_EVERY = 12
"""Columns between the letters of a curve, where curves are told apart by letters."""


DOTTED = 3
"""Dots across from one dot of a dotted curve to the next."""


class Raster(NamedTuple):
    """A drawn plot."""

    lines: list[list[tuple[str, int]]]
    """For each line, runs of characters with the index of their curve (-1: nothing drawn)."""
    low: float
    """Value at the lower edge."""
    high: float
    """Value at the upper edge."""
    first: float
    """Where the horizontal axis begins."""
    last: float
    """Where it ends."""
    ends: list[int]
    """The line in which each curve ends; -1 for one without points."""


def thin(points: Points, most: int) -> Points:
    """At most about `most` points: the least and the greatest of every stretch, and the last."""
    if len(points) <= most:
        return points
    stretch = math.ceil(2 * len(points) / most)
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        ends = sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])})
        kept.extend(ends)
    return [*kept, points[-1]]


def raster(
    curves: Sequence[Points],
    width: int,
    height: int,
    letters: str = "",
    dotted: Sequence[Points] = (),
) -> Raster:
    """Draws `curves` into `width` × `height` cells; a later one lies over an earlier one.

    Points that are not finite break a curve. `letters`, one for each curve, stand here and there in
    their curves, each in columns of its own, so that curves are told apart without colour. Below
    them lie those that are `dotted`: their indices go on where those of the curves end.
    """
    every = [*curves, *dotted]
    fine = [[p for p in curve if math.isfinite(p[0]) and math.isfinite(p[1])] for curve in every]
    everything = [point for curve in fine for point in curve]
    if not everything or width < 1 or height < 1:
        return Raster([[(" " * width, -1)]] * height, 0, 1, 0, 1, [-1] * len(curves))
    first, last = min(p[0] for p in everything), max(p[0] for p in everything)
    low, high = min(p[1] for p in everything), max(p[1] for p in everything)
    if high == low:
        around = max(0.5, abs(low) / 100)
        low, high = (low - around, high + around) if low else (0.0, 1.0)
    across, down = 2 * width - 1, 4 * height - 1
    bits = [[0] * width for _ in range(height)]
    owner = [[-1] * width for _ in range(height)]
    ends = [-1] * len(curves)
    order = [*range(len(curves), len(every)), *range(len(curves))]
    for curve_number in order:
        solid = curve_number < len(curves)
        places = [
            (round(across * _share(x, first, last)), down - round(down * _share(y, low, high)))
            for x, y in thin(fine[curve_number], 4 * width)
        ]
        for column, row in _line(places, 1 if solid else DOTTED):
            bits[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
            owner[row // 4][column // 2] = curve_number
        if solid and places:
            ends[curve_number] = places[-1][1] // 4
    drawn = [[chr(0x2800 + dots) if dots else " " for dots in line] for line in bits]
    for curve_number, letter in enumerate(letters):
        for row, column in _spots(owner, curve_number, len(letters)):
            drawn[row][column] = letter
    lines = [_runs(drawn[row], owner[row]) for row in range(height)]
    return Raster(lines, low, high, first, last, ends)


def _share(value: float, low: float, high: float) -> float:
    """Where `value` lies from `low` (0) to `high` (1), however far apart or close these are."""
    span = high / 2 - low / 2
    return min(1.0, max(0.0, (value / 2 - low / 2) / span)) if span > 0 else 0.0


def _line(places: list[tuple[int, int]], every: int) -> list[tuple[int, int]]:
    """Dots of a curve through `places`: those in `every`-th column."""
    found = places[:1]
    for before, at in itertools.pairwise(places):
        found += _between(before, at)
    return [dot for dot in found if dot[0] % every == 0]


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Dots of a straight line."""
    (x0, y0), (x1, y1) = start, end
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [
        (x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps))
        for step in range(steps + 1)
    ]


def _spots(owner: list[list[int]], curve: int, many: int) -> list[tuple[int, int]]:
    """Where the letter of a curve stands: in every `LETTER_EVERY`-th column that is its turn."""
    width = len(owner[0])
    turn = LETTER_EVERY * curve // many
    spots = []
    for start in range(turn, width, LETTER_EVERY):
        columns = range(start, min(start + LETTER_EVERY // 2, width))
        cells = ((row, column) for column in columns for row in range(len(owner)))
        spots += [(row, column) for row, column in cells if owner[row][column] == curve][:1]
    return spots


def _runs(drawn: list[str], owner: list[int]) -> list[tuple[str, int]]:
    runs: list[tuple[str, int]] = []
    for character, curve in zip(drawn, owner, strict=True):
        if runs and runs[-1][1] == curve:
            runs[-1] = (runs[-1][0] + character, curve)
        else:
            runs.append((character, curve))
    return runs


def axis_labels(low: float, high: float) -> tuple[str, str]:
    """How the edges of the plot are written, in few cells."""
    return _label(low), _label(high)


def _label(value: float) -> str:
    said = number(value)
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e") if "e" in said else said
