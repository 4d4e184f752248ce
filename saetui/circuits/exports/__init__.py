"""A circuit as a file for other programs and other people: JSON, DOT, SVG, one HTML page.

Each module has `write(exported)`, which gives the whole file as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from saetui.circuits.records import Example, Whole

FORMATS = ("json", "dot", "svg", "html")


class Exported(NamedTuple):
    """What is written."""

    whole: Whole
    size: int
    """How many nodes DOT and SVG draw, and the page begins with."""
    others: Sequence[Whole] = ()
    """What stands on the same axes: curves alone."""
    prompts: Sequence[Mapping[str, Any]] = ()
    examples: Mapping[tuple[str, int], Example] = {}
    """Where its features fire most."""


def write(exported: Exported, format_: str) -> str:
    """The file in one of `FORMATS`."""
    written: Callable[[Exported], str] = import_module(f"{__name__}.as_{format_}").write
    return written(exported)
