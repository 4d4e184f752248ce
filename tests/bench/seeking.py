"""How a setting is sought at which a library does best at an asked sparsity, and how long it may
take.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

NEAR = 1.15
"""Factor within which L0 counts as equal."""


def steps_in_time(steps: int, ours: float, full: float) -> int:
    """How many steps of a run of `steps` that took `full` CPU seconds fit into `ours`."""
    return max(2, min(steps, round(steps * ours / full)))


def climb(look: Callable[[int], Any], start: int, count: int) -> None:
    """Looks at places 0 to `count` − 1 from `start` on: upward while each is better (less) than the
    one before; downward likewise where the first one up is not.
    """
    first = look(start)
    for step in (1, -1):
        here, least = start + step, first
        while 0 <= here < count and (now := look(here)) < least:
            here, least = here + step, now
        if here > start + 1:
            return


def merit(row: dict[str, Any], wanted: float) -> tuple[bool, float]:
    """What a setting is chosen by, the least being best: an L0 near the asked one, then FVU; where
    no L0 is near, how far off it is.
    """
    away = off(row["l0"], wanted)
    if not math.isfinite(row["fvu"]):
        return True, math.inf
    return away > NEAR, row["fvu"] if away <= NEAR else away


def off(l0: float, wanted: float) -> float:
    """Factor between two L0, 1 or more."""
    return max(l0, wanted) / max(min(l0, wanted), 1e-9)


def next_strength(tried: list[dict[str, Any]], wanted: float) -> float:
    """The weight to try next: L0 falls about as a power of it, which two runs tell: those next to
    the wanted L0 on either side, else the last two.
    """
    under = max((r for r in tried if r["l0"] < wanted), key=lambda r: r["l0"], default=None)
    over = min((r for r in tried if r["l0"] >= wanted), key=lambda r: r["l0"], default=None)
    last, power = tried[-1], 1.0
    if len(tried) > 1:
        before = tried[-2]
        if under and over:
            last, before = (over, under) if last is over else (under, over)
        step = math.log(last["strength"] / before["strength"])
        fall = math.log(max(before["l0"], 1e-3) / max(last["l0"], 1e-3))
        power = min(4.0, max(0.25, fall / step)) if step else 1.0
    factor = (max(last["l0"], 1e-3) / wanted) ** (1 / power)
    return float(f"{last['strength'] * min(8.0, max(1 / 8, factor)):.3g}")
