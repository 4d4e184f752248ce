"""Libraries side by side in a line of a table: means with 95% intervals over seeds, the best in
bold, and whether intervals tell who is ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.bench.chosen_runs import Runs
from tests.bench.peers_quality import interval
from tests.bench.seeking import NEAR, off
from tests.bench.written import number

LIBRARIES = {
    "saetui": "saetui",
    "saelens": "SAELens",
    "dictionary_learning": "dictionary_learning",
    "sparsify": "sparsify",
}


class Cells(NamedTuple):
    """A line."""

    texts: dict[str, str]
    """By library."""
    best: str
    """The library whose mean is best; empty where none is there."""
    close: tuple[str, ...]
    """Where saetui's mean is best, those whose intervals overlap saetui's; else saetui, where its
    interval overlaps that of the best."""


def cells(runs: Runs, key: str, sign: int, k: int) -> Cells:
    """What `runs` say of `key`, of which less is better where `sign` is 1 and more where it is -1.
    A library whose L0 is not `k` is told with its L0 and not compared.
    """
    values = {library: [row[key] for row in rows if key in row] for library, rows in runs.items()}
    values = {library: those for library, those in values.items() if those}
    l0 = {library: interval([row["l0"] for row in runs[library]])[0] for library in values}
    apart = {
        library: f" (L0 {l0[library]:.0f})" for library in values if off(l0[library], k) > NEAR
    }
    return compared(values, sign, apart)


def compared(
    values: Mapping[str, Sequence[float]], sign: int, apart: Mapping[str, str] | None = None
) -> Cells:
    """A cell a library of its values, one a seed; those in `apart` end with what is said there,
    and are compared with none.
    """
    apart = apart or {}
    found = {library: interval(list(those)) for library, those in values.items()}
    texts = {
        library: f"{_written(*those)}{apart.get(library, '')}" for library, those in found.items()
    }
    compete = [library for library in LIBRARIES if library in found and library not in apart]
    alike = {library: sign * found[library][0] for library in compete}
    best = min(alike, key=lambda library: alike[library], default="")
    if not best:
        return Cells(texts, "", ())
    texts[best] = f"**{texts[best]}**"
    rivals = [one for one in alike if one != "saetui"] if best == "saetui" else [best]
    if "saetui" not in alike:
        return Cells(texts, best, ())
    close = [one for one in rivals if _overlap(found[one], found["saetui"])]
    return Cells(texts, best, tuple(close if best == "saetui" else ["saetui"] * len(close)))


class Standing:
    """Who is ahead in the lines of a table."""

    def __init__(self) -> None:
        self._behind: list[str] = []
        self._close: list[str] = []

    def add(self, line: str, cells: Cells) -> None:
        """Takes a line in, `line` being what it is named by, with a bracket left open."""
        if cells.best not in ("saetui", ""):
            within = ", within the intervals" if cells.close else ""
            self._behind.append(f"{line}: {LIBRARIES[cells.best]}{within})")
        elif cells.close:
            names = " and ".join(LIBRARIES[one] for one in cells.close)
            self._close.append(f"{line}: {names})")

    def told(self) -> str:
        """Paragraphs below the table."""
        text = ""
        if self._behind:
            text += f"\n\nAnother library is ahead here: {', '.join(self._behind)}."
        if self._close:
            text += (
                f"\n\nHere saetui's mean is the best, but its interval overlaps another library's: "
                f"{', '.join(self._close)}."
            )
        return text


def _written(mean: float, half: float | None) -> str:
    return number(mean) + ("" if half is None else f" ±{number(half)}")


def _overlap(one: tuple[float, float | None], other: tuple[float, float | None]) -> bool:
    return abs(one[0] - other[0]) <= (one[1] or 0.0) + (other[1] or 0.0)
