"""Is a plane more than its features make of it, whoever fires?

The features of a cluster are exchanged: on every token as many of them fire, as strongly, and each
fires as often in all, but which ones fire together is left to chance. What shares a token only
because it is loud, and rays that exclude each other, look the same after it. The coordinates of a
circle do not: there the features that fire together are those that lie side by side.

Features of one dimension each that exclude each other, one for every day of the week, say, are a
circle by the place of their directions alone: that is not looked at here, and no discovery.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.manifold.geometry import (
    LIMIT,
    Plane,
    p_value,
    principal,
    reconstructed,
    sample,
    score,
)
from jobs.manifold.indices import indices

DRAWS = 16
_FIRST, _FAR = 4, 0.25
"""Draws after which planes with a larger p are left alone."""
TOKENS = 4 * LIMIT
"""Tokens that are exchanged, drawn where there are more."""


class Active(NamedTuple):
    """Every activation of the k features of a cluster, as `reconstructed` takes them."""

    token: Int64[np.ndarray, " entries"]
    member: Int64[np.ndarray, " entries"]
    value: Float[np.ndarray, " entries"]
    directions: Float[Tensor, "k d"]

    def some(self, most: int, seed: int) -> Active:
        """The activations on `most` tokens."""
        distinct = np.unique(self.token)
        if len(distinct) <= most:
            return self
        drawn = np.random.default_rng(seed).permutation(distinct)[:most]
        keep = np.isin(self.token, drawn)
        return Active(self.token[keep], self.member[keep], self.value[keep], self.directions)

    def exchanged(self, generator: np.random.Generator) -> Active:
        """Which feature fires dealt anew; one that falls twice to a token fires with the sum."""
        return self._replace(member=self.member[generator.permutation(len(self.member))])


def against_exchange(
    planes: Sequence[Plane], active: Active, draws: int = DRAWS, seed: int = 0, quick: bool = False
) -> list[Plane]:
    """The planes, their `p_exchanged` filled in; where all are mixtures, none is. `quick` stops
    after the first draws where those show that none comes near to counting.
    """
    whole = [plane for plane in planes if not plane.mixed]
    if not whole:
        return list(planes)
    some = active.some(TOKENS, seed)
    most = max(plane.plane for plane in planes) + 1
    null = np.full((draws, most), np.nan)
    for draw in range(draws):
        null[draw] = _scores(some.exchanged(np.random.default_rng([seed, draw])), most, seed)
        if quick and draw + 1 == _FIRST:
            seen = [_filled(plane, null[:_FIRST, plane.plane]) for plane in planes]
            if all(plane.p_value > _FAR for plane in seen if not plane.mixed):
                return seen
    return [_filled(plane, null[:, plane.plane]) for plane in planes]


def _filled(plane: Plane, null: Float[np.ndarray, " draws"]) -> Plane:
    known = null[~np.isnan(null)]
    if len(known) < 3:
        return plane
    found = score(plane.separability, plane.mixture)
    return plane._replace(p_exchanged=p_value(found, known))


def _scores(active: Active, planes: int, seed: int) -> Float[np.ndarray, " planes"]:
    """S·(1 − M_ε) of the first planes, NaN where there is none."""
    x = reconstructed(*active).x
    components, _ = principal(x, planes + 1)
    some = components[sample(len(x), LIMIT, seed)].numpy()
    found = np.full(planes, np.nan)
    for number in range(min(planes, components.shape[1] - 1)):
        at = indices(some[:, number : number + 2])
        found[number] = score(at.separability, at.mixture)
    return found
