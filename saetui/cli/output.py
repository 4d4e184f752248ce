"""How results look: a table for eyes, aligned text for a pipe, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from saetui.text import inert

NOTHING = "—"
"""Shown where nothing was measured."""


def note(message: str) -> None:
    """One line for the person at the terminal, on stderr."""
    click.echo(inert(message), err=True)


def line(text: str = "") -> None:
    """One line of the result; characters that a terminal would obey are made visible."""
    click.echo(inert(text))


def as_json(value: Any) -> None:
    """`value` as one JSON document; escapes all but ASCII where a terminal would obey it."""
    text = json.dumps(value, indent=2, ensure_ascii=sys.stdout.isatty(), allow_nan=False)
    click.echo(text)


def shown(value: Any, digits: int = 4) -> str:
    """A value as a table shows it: `digits` significant ones, lists by their items."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value, digits)
        case str():
            return inert(value)
        case list() | tuple():
            return " ".join(shown(item, digits) for item in value)
        case dict():
            return " ".join(f"{inert(str(k))}={shown(v, digits)}" for k, v in value.items())
    return inert(str(value))


def _number(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.{digits}g}"
    # 2e+05 says less than 200000 on a screen; 1e-06 is as good as it gets.
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e15 else text


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    styles: Mapping[str, str] | None = None,
) -> None:
    """Prints `rows` under `columns`: drawn on a terminal, aligned by spaces in a pipe.

    Columns whose values are all numbers are aligned right. Nothing is cut off in a pipe.
    """
    raw = [tuple(row) for row in rows]
    numeric = [_is_numeric([row[i] for row in raw]) for i in range(len(columns))]
    cells = [[shown(value) for value in row] for row in raw]
    if sys.stdout.isatty():
        _drawn(columns, cells, numeric, styles or {})
    else:
        _aligned(columns, cells, numeric)


def _is_numeric(values: list[Any]) -> bool:
    return all(value is None or isinstance(value, int | float) for value in values)


def _drawn(
    columns: Sequence[str],
    cells: list[list[str]],
    numeric: list[bool],
    styles: Mapping[str, str],
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, right in zip(columns, numeric, strict=True):
        drawn.add_column(
            Text(shown(name)),
            justify="right" if right else "left",
            style=styles.get(name),
            overflow="ellipsis",
            no_wrap=True,
        )
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def _aligned(columns: Sequence[str], cells: list[list[str]], numeric: list[bool]) -> None:
    from rich.cells import cell_len

    lines = [[shown(name) for name in columns], *cells]
    widths = [max(cell_len(row[i]) for row in lines) for i in range(len(columns))]
    for row in lines:
        padded = []
        for cell, width, right in zip(row, widths, numeric, strict=True):
            space = " " * (width - cell_len(cell))
            padded.append(space + cell if right else cell + space)
        click.echo("  ".join(padded).rstrip())


def fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names with their values, one a line."""
    named = [(name, shown(value)) for name, value in pairs]
    width = max((len(name) for name, _ in named), default=0)
    for name, value in named:
        click.echo(f"{inert(name):<{width}}  {value}")
