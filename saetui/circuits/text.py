"""How figures of circuits are written, in the app, on the command line and in exported files."""

from __future__ import annotations

from collections.abc import Callable

from saetui.circuits.records import Circuit
from saetui.circuits.tree import Line
from saetui.numbers import number

POSITIVE, NEGATIVE = "█", "▒"
"""Bars of effects that hold the metric up, and of those that push it down."""


def short(value: float | None, digits: int = 2) -> str:
    """A number around 1 in few characters: ``.93``, ``-.20``, ``1.04``; a dot for null."""
    if value is None or not abs(value) < 10:  # NaN too
        return number(value, digits)
    text = f"{value:.{digits}f}"
    if not float(text):  # no -.00
        text = text.lstrip("-")
    return text.replace("0.", ".", 1 if abs(value) < 1 else 0)


def score(value: float | None) -> str:
    """A CMD or CPR in four characters, ``.012``, ``.988``, ``1.04``: over thousands of nodes those
    of good searches differ in the third digit only.
    """
    fits = value is not None and 0 <= value < 0.9995
    return short(value, 3 if fits else 2)


def interval(
    low: float | None, high: float | None, said: Callable[[float | None], str] = short
) -> str:
    """An interval: ``.12–.18``; nothing where it was not measured."""
    if low is None or high is None:
        return ""
    return f"{said(low)}–{said(high)}"


def signed(value: float | None, digits: int = 3) -> str:
    """A number with its sign, which tells without colour which way it works."""
    if value is None:
        return "·"
    text = number(abs(value), digits)
    if 0 < abs(value) < 10**-digits:  # in as few cells as others
        text = f"{abs(value):.0e}".replace("e-0", "e-")
    return f"{'-' if value < 0 else '+'}{text}"


def effect_bar(value: float | None, largest: float, width: int) -> str:
    """A bar for an effect, as long as it is large beside `largest`; those that push the metric down
    are drawn lighter. An effect never vanishes.
    """
    if not value or largest <= 0:
        return " " * width
    cells = max(1, min(width, round(abs(value) / largest * width)))
    return ((NEGATIVE if value < 0 else POSITIVE) * cells).ljust(width)


def branch(line: Line) -> str:
    """What stands before a name in the tree: the lines that lead to it."""
    rails = "".join("│ " if more else "  " for more in line.rails)
    return rails + ("└ " if line.last else "├ ")


def measured_among(measured: int, wanted: int) -> str:
    """Where edges were measured, and which key of the job would measure them among `wanted` nodes;
    empty where they were.
    """
    if wanted <= measured:
        return ""
    first = f"among the first {measured:,} nodes alone" if measured else "nowhere"
    return f"edges were measured {first}; edges={wanted} measures them among {wanted:,}"


def said_of(about: Circuit) -> str:
    """What was asked, in a line."""
    held = {"nodes": "errors are nodes", "kept": "errors kept", "ablated": "errors ablated"}
    parts = [about.chosen_from, about.method]
    parts += [f"{about.ablation} ablation", about.metric]
    if about.nodes in ("features", "clusters", "shuffled"):
        parts.append(held.get(about.errors, about.errors))
    return " · ".join([*parts, f"seed {about.seed}"])
