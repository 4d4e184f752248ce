"""Text as the model reads it: tokens shaded by how strongly a feature fires on them.

The peak is bold and underlined besides, and stands in the same column of every line, so that it is
seen without colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from saetui.text import inert

LEVELS = 8
"""Shades between not firing and the strongest."""


@dataclass(frozen=True)
class Context:
    """A stretch of a document around a peak."""

    pieces: Sequence[str]
    """Text of the tokens."""
    peak: int
    """Index of the strongest token in `pieces`; -1 where there is none."""
    strengths: Mapping[int, float]
    """Index in `pieces` → activation, where the feature fires."""


class Shades:
    """Styles from faint to full, made from a theme's colours."""

    def __init__(self, background: Color, heat: Color, foreground: Color) -> None:
        self._styles: list[Style] = []
        if heat.ansi is not None:  # the terminal's own colours cannot be mixed
            faint, full = (
                Style(color=heat.rich_color),
                Style(color="black", bgcolor=heat.rich_color),
            )
            self._styles = [faint if level <= LEVELS // 2 else full for level in range(LEVELS + 1)]
            return
        for level in range(LEVELS + 1):
            behind = background.blend(heat, 0.10 + 0.90 * level / LEVELS)
            front = behind.get_contrast_text(0.95) if level > LEVELS // 2 else foreground
            front = behind.blend(front, front.a).with_alpha(1)
            self._styles.append(Style(color=_rich(front), bgcolor=_rich(behind)))

    def of(self, strength: float, strongest: float) -> Style:
        """The shade of an activation, given the strongest there is."""
        share = strength / strongest if strongest > 0 else 0
        return self._styles[max(0, min(LEVELS, round(share * LEVELS)))]


def theme_shades(colours: Mapping[str, str]) -> Shades:
    """The shades of a theme, given the app's `theme_variables`; made once for each theme."""
    return _shades(colours["background"], colours["heat"], colours["foreground"])


@lru_cache(maxsize=8)
def _shades(background: str, heat: str, foreground: str) -> Shades:
    return Shades(Color.parse(background), Color.parse(heat), Color.parse(foreground))


def _rich(color: Color) -> RichColor:
    return RichColor.from_rgb(color.r, color.g, color.b)


def context_line(
    context: Context, width: int, strongest: float, shades: Shades, plain: Style, aligned: float
) -> list[Segment]:
    """One line of `width` cells with the peak at `aligned` (a share of the width)."""
    pieces = [inert(piece) for piece in context.pieces]
    column = int(width * aligned)
    before, at = column, context.peak
    first = at
    while first > 0 and before > 0:
        first -= 1
        before -= cell_len(pieces[first])
    segments: list[Segment] = []
    if before > 0:
        segments.append(Segment(" " * before, plain))
    used = max(0, before)
    for number in range(max(0, first), len(pieces)):
        text = pieces[number]
        if number == first and before < 0:  # the first piece is cut at its left
            text = _tail(text, cell_len(text) + before)
        room = width - used
        if room <= 0:
            break
        if _exceeds(text, room):
            text = _head(text, room)
        segments += shaded(text, number, context, strongest, shades, plain)
        used += cell_len(text)
    return segments


def laid_out(pieces: Sequence[str], width: int) -> list[list[tuple[int, str]]]:
    """Pieces in lines of at most `width` cells, each part with the index of its piece; a line
    break of the text is kept.
    """
    lines: list[list[tuple[int, str]]] = [[]]
    used = 0
    for number, piece in enumerate(pieces):
        text = inert(piece)
        if used and _exceeds(text, width - used):
            lines.append([])
            used = 0
        while _exceeds(text, width):
            head = _head(text, width).rstrip(" ") or text[:1]
            lines[-1].append((number, head))
            lines.append([])
            text = text[len(head) :]
        lines[-1].append((number, text))
        used += cell_len(text)
        if "\n" in piece:
            lines.append([])
            used = 0
    return lines


def wrapped(
    context: Context, width: int, strongest: float, shades: Shades, plain: Style
) -> list[list[Segment]]:
    """All of a context, in lines of at most `width` cells (see `laid_out`)."""
    return [
        [
            segment
            for number, text in line
            for segment in shaded(text, number, context, strongest, shades, plain)
        ]
        for line in laid_out(context.pieces, width)
    ]


def shaded(
    text: str, number: int, context: Context, strongest: float, shades: Shades, plain: Style
) -> list[Segment]:
    """A part of the piece at `number`, as strongly shaded as the feature fires there."""
    strength = context.strengths.get(number)
    if strength is None and number != context.peak:
        return [Segment(text, plain)]
    style = plain + shades.of(strength or 0.0, strongest)
    if number != context.peak:
        return [Segment(text, style)]
    # The space before a word belongs to its token, but is not underlined.
    word = text.lstrip(" ")
    space = text[: len(text) - len(word)]
    peak = style + Style(bold=True, underline=True)
    return [Segment(space, style), Segment(word, peak)] if space else [Segment(word, peak)]


# A piece may have a hundred thousand characters, of which a line shows a hundred: to measure all of
# it for each line would take minutes.


def _ahead(text: str, width: int) -> str:
    """The characters of `text` that decide what is in its first `width` cells; all, where those
    that were looked at have no width.
    """
    first = text[: 2 * width + 8]
    return first if cell_len(first) > width else text


def _exceeds(text: str, width: int) -> bool:
    """Whether `text` takes more than `width` cells."""
    return cell_len(_ahead(text, width)) > width


def _head(text: str, width: int) -> str:
    """The first `width` cells of `text`."""
    return set_cell_size(_ahead(text, width), width)


def _tail(text: str, width: int) -> str:
    """The last `width` cells of `text`."""
    text = text[-(2 * width + 8) :]
    while text and cell_len(text) > width:
        text = text[1:]
    return " " * (width - cell_len(text)) + text
