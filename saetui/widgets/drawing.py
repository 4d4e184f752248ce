"""Text in cells: cropped, padded and aligned whatever it holds; numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment

from saetui.text import inert

if TYPE_CHECKING:
    from textual.strip import Strip

Align = Literal["left", "right"]

BLOCKS = " ▁▂▃▄▅▆▇█"
"""Bars of a character cell, from empty to full, growing upwards."""

NOT_MEASURED = "·"
"""Stands where a table holds null."""


def fit(text: str, width: int, align: Align = "left") -> str:
    """`text`, inert, in exactly `width` cells; an ellipsis ends what was cut."""
    if width <= 0:
        return ""
    text = inert(text[: 2 * width + 8])
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    padding = " " * (width - length)
    return padding + text if align == "right" else text + padding


def as_many(parts: Iterable[str], width: int, between: str = " · ") -> str:
    """As many of `parts`, from the first, as there is room for in `width` cells."""
    said = ""
    for part in parts:
        longer = f"{said}{between}{part}" if said else part
        if cell_len(longer) > width:
            break
        said = longer
    return said


def inert_strip(strip: Strip) -> Strip:
    """`strip`, its text inert, as wide as before: Textual draws what was typed as it is."""
    segments = [Segment(inert(text), style) for text, style, _ in strip]
    return type(strip)(segments).adjust_cell_length(strip.cell_length)


def number(value: float | None, digits: int = 3) -> str:
    """A number in few characters: ``0.0123``, ``12.3``, ``1.2e-05``; a dot for null."""
    if value is None or math.isnan(value):
        return NOT_MEASURED
    if value == 0:
        return "0"
    if abs(value) < 10**-digits or abs(value) >= 1e6:
        return f"{value:.1e}"
    whole = max(0, math.floor(math.log10(abs(value))))
    return f"{value:.{max(0, digits - 1 - whole)}f}" if abs(value) >= 1 else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """A share as a percentage: ``4.2%``, ``0.013%``; a dot for null."""
    if value is None or math.isnan(value):
        return NOT_MEASURED
    percent = 100 * value
    if percent == 0:
        return "0%"
    if percent >= 10:
        return f"{percent:.0f}%"
    digits = max(1, 1 - math.floor(math.log10(percent)))
    return f"{percent:.{digits}f}%" if digits <= 4 else f"{percent:.0e}%"


def count(value: int | None) -> str:
    """A count with thousands apart: ``49 152`` as ``49,152``; a dot for null."""
    return NOT_MEASURED if value is None else f"{value:,}"


def short_count(value: int | None) -> str:
    """A count in at most five characters: ``950``, ``4.6k``, ``135M``."""
    if value is None:
        return NOT_MEASURED
    for limit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= limit:
            scaled = value / limit
            return f"{scaled:.0f}{letter}" if scaled >= 100 else f"{scaled:.3g}{letter}"
    return str(value)


def duration(seconds: float | None) -> str:
    """A span of time in two units: ``42s``, ``3m 05s``, ``2h 10m``."""
    if seconds is None or seconds < 0:
        return NOT_MEASURED
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600:02d}h"


def bar(value: float, width: int, full: str = "━", empty: str = "─") -> tuple[str, str]:
    """The filled and the empty part of a bar that is `width` cells wide, for `value` in 0…1."""
    filled = round(min(1.0, max(0.0, value)) * width)
    return full * filled, empty * (width - filled)


def column_chart(values: list[float], height: int) -> list[str]:
    """`values` as columns of block characters, `height` lines, the top line first.

    A value above zero never vanishes: it gets at least the lowest block.
    """
    largest = max(values, default=0)
    if largest <= 0:
        return [" " * len(values)] * height
    eighths = [max(1, round(value / largest * height * 8)) if value > 0 else 0 for value in values]
    return [
        "".join(BLOCKS[min(8, max(0, filled - 8 * line))] for filled in eighths)
        for line in reversed(range(height))
    ]
