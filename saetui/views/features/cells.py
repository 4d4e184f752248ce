"""What the columns of the feature list show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from saetui.links import short_names
from saetui.widgets.drawing import number, share
from saetui.widgets.rows import Cell, Column, Row


def word(token: str) -> str:
    """A token without the space around it; where it is nothing else, a sign for that."""
    return token.strip(" ") or "␣"


def tokens(found: list[str]) -> str:
    """Tokens in a row, their white space aside, none twice."""
    return "  ".join(dict.fromkeys(map(word, found)))


def called(label: str | None, found: list[str] | None, most: int | None = None) -> Cell:
    """What a feature is called: its label, else its top tokens, `most` of them."""
    return (label, "strong") if label else (tokens((found or [])[:most]), "muted")


def _says(row: Row) -> Cell:
    return called(row[4], row[5])


def _dead(row: Row) -> str:
    return "muted" if not row[1] else "number"


COLUMNS = (
    Column("feature", 8, lambda row: (str(row[0]), "strong"), "right"),
    Column("density", 8, lambda row: (share(row[1]), _dead(row)), "right", needs=28),
    Column("max", 6, lambda row: (number(row[2]), "number"), "right", needs=36),
    Column("mean", 6, lambda row: (number(row[3]), "number"), "right", needs=62),
    Column("label or top tokens", 0, _says),
)


def columns_for(dictionaries: Sequence[str]) -> list[Column]:
    """The columns of a list of `dictionaries`: which one a feature is of, where they are many."""
    feature, density, largest, mean, says = COLUMNS
    if len(dictionaries) < 2:
        return list(COLUMNS)
    short = short_names(dictionaries)
    wide = min(24, max(10, *map(len, short.values())))
    which = Column("dictionary", wide, lambda row: (short[row[6]], "muted"))
    return [feature, which, density, replace(largest, needs=60), replace(mean, needs=74), says]
