"""What dictionaries of several seeds say together: every seed is one draw, however many children it
has, for children of one dictionary share what its training made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import t  # type: ignore[import-untyped]

from jobs.manifold.odds import Odds

FEWEST_SEEDS = 3
"""Seeds below which no interval is given."""
_NORMAL = 1.959964
"""Standard errors that a 95% interval reaches to each side."""

SeedPair = tuple[int, int]
"""Seeds of the narrower and of the wider dictionary."""


class OverSeeds(NamedTuple):
    """Odds of staying against chance, seeds being the unit."""

    share: float
    """Of children that are in their parent's cluster."""
    null: float
    """By chance."""
    ratio: float
    """Geometric mean of the odds ratios."""
    low: float | None
    """95% interval over seeds; None with fewer than `FEWEST_SEEDS`."""
    high: float | None
    children: int
    each: tuple[float, ...]
    """The odds ratio of every seed; of every two where they differ."""
    seeds: int


def over_seeds(found: Mapping[SeedPair, Odds | None]) -> OverSeeds | None:
    """The mean log odds ratio of `found`, with a t interval whose error is a jackknife over seeds:
    a seed is left out with all that has to do with it, so that pairs across seeds are no
    independent draws. The error is never taken as less than the parents within each seed leave it
    (as Röver et al. 2015, doi:10.1186/s12874-015-0091-1, would have it where studies are few: they
    may agree by accident). None where nothing was found.
    """
    known = {pair: one for pair, one in found.items() if one is not None}
    if not known:
        return None
    logs = {pair: float(np.log(one.ratio)) for pair, one in known.items()}
    seeds = sorted({seed for pair in known for seed in pair})
    middle = float(np.mean(list(logs.values())))
    low = high = None
    if (errors := _errors(known, logs, seeds)) is not None:
        reach = float(t.ppf(0.975, len(seeds) - 1))
        low, high = (
            float(np.exp(middle - reach * errors[0])),
            float(np.exp(middle + reach * errors[1])),
        )
    children = sum(one.children for one in known.values())
    share, null = (
        sum(one.children * value for one, value in zip(known.values(), values, strict=True))
        / children
        for values in ([one.share for one in known.values()], [one.null for one in known.values()])
    )
    each = tuple(known[pair].ratio for pair in sorted(known))
    return OverSeeds(share, null, float(np.exp(middle)), low, high, children, each, len(seeds))


def _errors(
    known: Mapping[SeedPair, Odds], logs: Mapping[SeedPair, float], seeds: list[int]
) -> tuple[float, float] | None:
    """Standard errors of the mean of `logs`, downwards and upwards; None where they cannot be
    told.
    """
    k = len(seeds)
    left = [[log for pair, log in logs.items() if seed not in pair] for seed in seeds]
    if k < FEWEST_SEEDS or not all(left):
        return None
    means = np.array([np.mean(logs) for logs in left])
    between = (k - 1) / k * float(((means - means.mean()) ** 2).sum())
    of_seed: dict[int, list[tuple[float, float]]] = {}
    for (seed, _), one in known.items():
        if one.low is None or one.high is None:
            return None
        # To each side by itself: an interval of odds near none or all leans far to one of them.
        sides = np.log(one.ratio / one.low) / _NORMAL, np.log(one.high / one.ratio) / _NORMAL
        of_seed.setdefault(seed, []).append(sides)
    # Pairs that begin at one dictionary look at the same parents: together they tell no more.
    within = sum(np.square(errors).mean(0) for errors in of_seed.values()) / len(of_seed) ** 2
    down, up = np.sqrt(np.maximum(between, within))
    return float(down), float(up)
