"""Text that came from data, made safe to show.

Tokens, documents, labels, file and model names are data: a terminal must draw them, never obey
them. `inert` replaces every character that moves the cursor, starts an escape sequence, reorders
or hides text by one visible stand-in, so that lengths and positions stay as they were.

It does not escape Rich or Textual markup: show its result as ``Text``/``Content``, or with
``markup=False``.
"""

from __future__ import annotations

import unicodedata

NEWLINE = "↵"
"""Stands for a line break: LF, NEL, line and paragraph separators."""
TAB = "→"
REORDERS = "⇄"
"""Stands for a bidirectional control, which would show text in another order than it has."""
INVISIBLE = "⋄"
"""Stands for a character of no width: joiners, soft hyphens, variation selectors, tags, fillers."""
UNPRINTABLE = "\ufffd"
"""Stands for a C1 control or half of a surrogate pair."""

_LINE_BREAKS = frozenset((0x0A, 0x85, 0x2028, 0x2029))
_BIDI = frozenset((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
# No width, though Unicode does not call them format characters.
_FILLERS = frozenset(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0),
        *range(0xFE00, 0xFE10),
        *range(0xE0000, 0xE1000),
    )
)
# Format characters that are drawn (Arabic and Syriac number and verse signs).
_DRAWN = frozenset((*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2))
_DRAWN |= {0x110BD, 0x110CD, *range(0x13430, 0x13440)}


def _stand_in(code: int) -> str:
    """The character to show for code point `code`; itself where that is harmless."""
    if code in _LINE_BREAKS:
        return NEWLINE
    if code == 0x09:
        return TAB
    if code < 0x20:
        return chr(0x2400 + code)  # the control's own picture, e.g. ␛ for ESC
    if code == 0x7F:
        return "␡"
    if code in _BIDI:
        return REORDERS
    if code in _FILLERS:
        return INVISIBLE
    match unicodedata.category(chr(code)):
        case "Cc" | "Cs":
            return UNPRINTABLE
        case "Cf" if code not in _DRAWN:
            return INVISIBLE
    return chr(code)


class _StandIns(dict[int, str]):
    """A translation table that fills itself as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = _stand_in(code)
        return self[code]


_TABLE = _StandIns()


def inert(text: str) -> str:
    """`text` with every control, escape, bidi and zero-width character replaced by a visible one.

    One character stands for one: ``len(inert(text)) == len(text)``, and ``inert`` changes nothing
    that it has returned.
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_TABLE)
