"""Which of a run's planes count as irreducible, at a false discovery rate.

A plane counts where it is no mixture (`Plane.mixed`) and where its q is within the rate. q is the
larger of two: Benjamini and Hochberg's over the p of those planes of the run that are no mixtures,
and what chance gives:

    q = (1 + chance's planes as good) / (1 + draws of chance) / (the run's planes as good)

as good meaning no mixture, and with a p as small. A draw of chance is as many groups that nothing
holds together, looked at in the same way: features of the same dictionary put together anyhow, or
clusters of a random dictionary. The best plane of one more such draw would count with a chance of
1 / (1 + draws) alone; where chance's planes pass as easily as the run's own, nothing counts,
whatever the p. Draws end early where none of the run's planes could count any more, whatever the
rest gave (`hopeless`; Besag and Clifford 1991, Biometrika 78): q is then of those that were drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats  # type: ignore[import-untyped]

from jobs.manifold.geometry import Plane


class Verdict(NamedTuple):
    """What a plane counts as among all planes of a run."""

    q_value: float
    """False discovery rate at which it counts; 1 for a mixture."""
    by_chance: float
    """Planes as good that a draw of chance gives, one more counted; NaN where there is none, and
    for a mixture.
    """
    irreducible: bool
    """Within the rate asked for, and no mixture."""


def verdicts(
    planes: Sequence[Plane], fdr: float, chance: Sequence[Sequence[Plane]] = ()
) -> list[Verdict]:
    """What each of a run's planes counts as at this false discovery rate; `chance` holds the planes
    of each draw.
    """
    p, q = _of_whole(planes), _alone(planes)
    by_chance = np.full(len(planes), np.nan)
    if chance:
        for at, as_good in _as_good(p, chance).items():
            by_chance[at] = (1 + as_good) / (1 + len(chance))
            q[at] = max(q[at], min(1.0, by_chance[at] / (p <= p[at]).sum()))
    return [
        Verdict(float(rate), float(expected), bool(rate <= fdr))
        for rate, expected in zip(q, by_chance, strict=True)
    ]


def hopeless(
    planes: Sequence[Plane], fdr: float, chance: Sequence[Sequence[Plane]], draws: int
) -> bool:
    """Whether no plane of the run can count any more: not even if the rest of so many draws held
    none as good.
    """
    p, q = _of_whole(planes), _alone(planes)
    least = {
        at: (1 + n) / (1 + draws) / (p <= p[at]).sum() for at, n in _as_good(p, chance).items()
    }
    return all(max(q[at], bound) > fdr for at, bound in least.items())


def alike(planes: Sequence[Plane], fdr: float) -> int:
    """How many of some planes would count if nobody asked what chance gives."""
    return sum(verdict.irreducible for verdict in verdicts(planes, fdr))


def _alone(planes: Sequence[Plane]) -> Float[np.ndarray, " n"]:
    """Benjamini and Hochberg's q of planes that are no mixtures; 1 for mixtures."""
    p, q = _of_whole(planes), np.ones(len(planes))
    whole = ~np.isnan(p)
    if whole.any():
        q[whole] = stats.false_discovery_control(p[whole])
    return q


def _as_good(p: Float[np.ndarray, " n"], chance: Sequence[Sequence[Plane]]) -> dict[int, int]:
    """How many of chance's planes are as good as each of the run's that is no mixture."""
    theirs = np.concatenate([np.empty(0), *(_of_whole(draw) for draw in chance)])
    return {int(at): int((theirs <= p[at]).sum()) for at in np.flatnonzero(~np.isnan(p))}


def _of_whole(planes: Sequence[Plane]) -> Float[np.ndarray, " n"]:
    """The p of planes that are no mixtures, NaN for mixtures."""
    return np.array([np.nan if plane.mixed else plane.p_value for plane in planes], np.float64)
