"""Numbers as people read them."""

from __future__ import annotations

import math

NOT_MEASURED = "·"
"""Stands where a table holds null."""


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
