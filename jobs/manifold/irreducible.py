"""Which of a run's planes count as irreducible, at a false discovery rate.

A plane counts where it is no mixture (`Plane.mixed`) and where its q is within the rate. q is the
larger of two: Benjamini and Hochberg's over the p of those planes of the run that are no mixtures,
and what chance gives:

    (share of chance's planes that are as good) / (share of the run's planes that are as good)

as good meaning no mixture, as round (M_ε over a round cloud's) and as inseparable (p), or more so.
Chance's planes are those of groups that nothing holds together, looked at in the same way:
features of the same dictionary put together anyhow, and clusters of random dictionaries. Where they
pass as easily as the run's own, nothing counts, whatever the p.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

from jobs.manifold.geometry import Plane


class Verdict(NamedTuple):
    """What a plane counts as among all planes of a run."""

    q_value: float
    """False discovery rate at which it counts; 1 for a mixture."""
    by_chance: float
    """Share of chance's planes that are as good; NaN where there are none."""
    irreducible: bool
    """Within the rate asked for, and no mixture."""


def verdicts(planes: Sequence[Plane], fdr: float, chance: Sequence[Plane] = ()) -> list[Verdict]:
    """What each of a run's planes counts as at this false discovery rate."""
    if not planes:
        return []
    p = np.array([plane.p_value for plane in planes])
    whole = np.array([not plane.mixed for plane in planes])
    q = np.ones(len(planes))
    q[whole] = stats.false_discovery_control(p[whole])
    found = []
    for plane, rate in zip(planes, q.tolist(), strict=True):
        by_chance = _as_good(plane, chance)
        if chance and not plane.mixed:
            rate = max(rate, min(1.0, by_chance / _as_good(plane, planes)))
        found.append(Verdict(rate, by_chance, rate <= fdr))
    return found


def alike(planes: Sequence[Plane], fdr: float) -> int:
    """How many of some planes would count if nobody asked what chance gives."""
    return sum(verdict.irreducible for verdict in verdicts(planes, fdr))


def _as_good(plane: Plane, others: Sequence[Plane]) -> float:
    """The share of `others` that are at least as round and as inseparable."""
    if not others:
        return float("nan")
    good = [one.ratio <= plane.ratio and one.p_value <= plane.p_value for one in others]
    return float(np.mean(good))
