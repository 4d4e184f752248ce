"""Text in cells: cropped, padded and aligned whatever it holds; numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment

from saetui.numbers import NOT_MEASURED as NOT_MEASURED
from saetui.numbers import count as count
from saetui.numbers import duration as duration
from saetui.numbers import number as number
from saetui.numbers import share as share
from saetui.numbers import short_count as short_count
from saetui.text import inert

if TYPE_CHECKING:
    from textual.strip import Strip

Align = Literal["left", "right"]

BLOCKS = " ▁▂▃▄▅▆▇█"
"""Bars of a character cell, from empty to full, growing upwards."""


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
