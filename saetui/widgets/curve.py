"""Curves in braille: eight dots a character, several curves over each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from saetui.widgets.drawing import number

Points = Sequence[tuple[float, float]]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of the dot at (row, column) of a braille character."""


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


def raster(curves: Sequence[Points], width: int, height: int) -> Raster:
    """Draws `curves` into `width` × `height` cells; a later one lies over an earlier one.

    Points that are not finite break a curve.
    """
    fine = [[p for p in curve if math.isfinite(p[0]) and math.isfinite(p[1])] for curve in curves]
    everything = [point for curve in fine for point in curve]
    if not everything or width < 1 or height < 1:
        return Raster([[(" " * width, -1)]] * height, 0, 1, 0, 1, [-1] * len(curves))
    first, last = min(p[0] for p in everything), max(p[0] for p in everything)
    low, high = min(p[1] for p in everything), max(p[1] for p in everything)
    if high == low:
        around = max(0.5, abs(low) / 100)
        low, high = (low - around, high + around) if low else (0.0, 1.0)
    across, down = 2 * width - 1, 4 * height - 1
    x_scale = across / (last - first) if last > first else 0
    y_scale = down / (high - low)
    bits = [[0] * width for _ in range(height)]
    owner = [[-1] * width for _ in range(height)]
    ends = []
    for curve_number, curve in enumerate(fine):
        before: tuple[int, int] | None = None
        for x, y in thin(curve, 4 * width):
            at = (round((x - first) * x_scale), down - round((y - low) * y_scale))
            for column, row in _between(before or at, at):
                bits[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
                owner[row // 4][column // 2] = curve_number
            before = at
        ends.append(before[1] // 4 if before else -1)
    lines = [_runs(bits[row], owner[row]) for row in range(height)]
    return Raster(lines, low, high, first, last, ends)


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Dots of a straight line."""
    (x0, y0), (x1, y1) = start, end
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [
        (x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps))
        for step in range(steps + 1)
    ]


def _runs(bits: list[int], owner: list[int]) -> list[tuple[str, int]]:
    runs: list[tuple[str, int]] = []
    for dots, curve in zip(bits, owner, strict=True):
        character = chr(0x2800 + dots) if dots else " "
        if runs and runs[-1][1] == curve:
            runs[-1] = (runs[-1][0] + character, curve)
        else:
            runs.append((character, curve))
    return runs


def axis_labels(low: float, high: float) -> tuple[str, str]:
    """How the edges of the plot are written."""
    return number(low), number(high)
