"""A chart of cost against size, both in logarithms, as SVG: one line a way, its name at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 860, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 230, 34, 44
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")
_LINE = 13
"""Height of a line of names."""


def chart(
    title: str, across: str, up: str, lines: Mapping[str, Points], dashed: Sequence[str] = ()
) -> str:
    """The whole SVG; `lines` have points above zero, `across` and `up` name the axes."""
    x_of = _scale([x for points in lines.values() for x, _ in points], _LEFT, WIDTH - _RIGHT)
    y_of = _scale([y for points in lines.values() for _, y in points], HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="18" font-size="13" fill="#222222">{escape(title)}</text>',
        *_grid(x_of, y_of, lines, across, up),
    ]
    ends = _apart({name: y_of(points[-1][1]) for name, points in lines.items() if points})
    for number, (name, points) in enumerate(lines.items()):
        if points:
            places = [(x_of(x), y_of(y)) for x, y in points]
            colour = _COLOURS[number % len(_COLOURS)]
            parts += _way(name, places, colour, name in dashed, ends[name])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _scale(values: Sequence[float], begin: float, end: float):  # type: ignore[no-untyped-def]
    low, high = math.log10(min(values)), math.log10(max(values))
    room = max(high - low, 0.3)
    return lambda value: begin + (end - begin) * (math.log10(value) - low) / room


def _grid(  # type: ignore[no-untyped-def]
    x_of, y_of, lines: Mapping[str, Points], across: str, up: str
) -> list[str]:
    every = [point for points in lines.values() for point in points]
    parts = []
    for x in sorted({x for x, _ in every}):
        at = f"{x_of(x):.1f}"
        parts.append(
            f'<path d="M{at} {_TOP}V{HEIGHT - _BOTTOM}" stroke="#dddddd"/>'
            f'<text x="{at}" y="{HEIGHT - _BOTTOM + 15}" text-anchor="middle" '
            f'fill="#444444">{x:,.0f}</text>'
        )
    low, high = (least(y for _, y in every) for least in (min, max))
    for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        at = f"{y_of(10.0**power):.1f}"
        parts.append(
            f'<path d="M{_LEFT} {at}H{WIDTH - _RIGHT}" stroke="#dddddd"/>'
            f'<text x="{_LEFT - 6}" y="{at}" dy="4" text-anchor="end" '
            f'fill="#444444">{10.0**power:,g}</text>'
        )
    parts.append(
        f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle" '
        f'fill="#444444">{escape(across)}</text>'
        f'<text x="14" y="{_TOP - 4}" fill="#444444">{escape(up)}</text>'
    )
    return parts


def _apart(ends: Mapping[str, float]) -> dict[str, float]:
    """Heights of the names, none over another, in the order of the ends of their lines."""
    placed: dict[str, float] = {}
    last = -math.inf
    for name, y in sorted(ends.items(), key=lambda item: item[1]):
        last = placed[name] = max(y, last + _LINE)
    over = max(0.0, last - (HEIGHT - _BOTTOM))
    return {name: y - over for name, y in placed.items()}


def _way(
    name: str, places: Sequence[tuple[float, float]], colour: str, dashed: bool, end: float
) -> list[str]:
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    x, y = places[-1]
    right = WIDTH - _RIGHT + 14
    return [
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>',
        *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places),
        f'<path d="M{x + 4:.1f} {y:.1f}L{right - 3} {end:.1f}" stroke="{colour}" '
        'stroke-width="0.6" opacity="0.6"/>',
        f'<text x="{right}" y="{end:.1f}" dy="4" fill="{colour}">{escape(name)}</text>',
    ]
