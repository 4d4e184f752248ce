"""For terminals and fonts that have no lines, blocks and braille: the same in ASCII, cell by cell.

What is drawn is changed on its way to the terminal, so that no widget needs to know. Letters of
other scripts stay: they are text, not drawing.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    "…": ".", "·": ".", "×": "x", "‖": "|", "–": "-", "—": "-", "•": "*", "›": ">", "‹": "<",
    "●": "*", "○": "o", "◆": "*", "◇": "o", "✓": "+", "✗": "x", "⋄": "?", "␣": "_", "␡": "?",
    "▲": "^", "▼": "v", "▶": ">", "◀": "<", "►": ">", "◄": "<", "▸": ">", "▾": "v", "⇄": "?",
    "←": "<", "→": ">", "↑": "^", "↓": "v", "↵": "/", "\ufffd": "?", "±": "~", "≈": "~",
    "«": "<", "»": ">", "↗": ">", "■": "#", "□": "o", "▪": "#", "▫": "o", "≤": "<", "≥": ">",
    "◎": "@", "✎": "~", "“": '"', "”": '"',
}  # fmt: skip


_BOX = {
    **dict.fromkeys("─┄┈╌╴╶╼╾", "-"),
    **dict.fromkeys("━┅┉╍═╸╺", "="),
    **dict.fromkeys("│┃┆┇┊┋╎╏║╵╷╹╻╽╿", "|"),
    "╱": "/",
    "╲": "\\",
    "╳": "x",
}
"""Lines; what is not here is a corner or a crossing."""


def _block(code: int) -> str:
    """A bar: fuller signs for fuller blocks."""
    if 0x2581 <= code <= 0x2588:
        return "..::||##"[code - 0x2581]
    if 0x2589 <= code <= 0x258F:
        return "|"
    return {
        0x2580: "'",
        0x2590: "|",
        0x2591: ".",
        0x2592: ":",
        0x2593: "#",
        0x2594: "'",
        0x2595: "|",
    }.get(code, "#")


def _braille(code: int) -> str:
    """Dots, by which half of the cell they are in."""
    upper, lower = code & 0b00011011, code & 0b11100100
    if not upper and not lower:
        return " "
    return ":" if upper and lower else "'" if upper else "."


TABLE = {
    **{ord(sign): stand_in for sign, stand_in in _SIGNS.items()},
    **{code: _BOX.get(chr(code), "+") for code in range(0x2500, 0x2580)},
    **{code: _block(code) for code in range(0x2580, 0x25A0)},
    **{code: _braille(code) for code in range(0x2800, 0x2900)},
    **dict.fromkeys(range(0x2400, 0x2421), "?"),
}
"""Code point → the ASCII character drawn for it; each is one cell wide, as before."""


class Ascii(LineFilter):
    """Draws lines, blocks, braille and signs in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments, as wide as they were."""
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(TABLE), segment.style, segment.control)
            for segment in segments
        ]
