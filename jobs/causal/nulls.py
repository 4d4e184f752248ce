"""Whether an effect is more than chance gives: the same change along directions that mean nothing
where the source fires.

Every source s has K null ablations of two kinds, in the same documents, at the same positions and
of the same length, position by position: along random directions, and along those of other
features that fire about as often and write about as much. An effect e on target t, its standard
error over documents being v, is standardised by that and by what nulls do to the same target,

    z = |e| / √(S_t² + (v/2)²),   S_t² = (d₀·s₀² + Σ_k e_kt²) / (d₀ + K − 1)

over all nulls but one; s₀² is the mean over the targets of a family that anything reaches (as
variances are moderated in Smyth 2004; small families go without). A null effect is standardised
by the other K − 1 nulls, the source's by the K − 1 that make S_t the largest, so where a source is
no more than its nulls its z is no larger than theirs. Half of v, so that what happens in one
document of many, a feature that just enters or leaves the top k, counts for little; in a single
document v is |e|. (d₀ = 16 and the half were chosen by power, on a planted world and a dictionary
of `tiny`: nulls and sources are treated alike whatever they are.)

The z of all nulls of all sources over all targets of a kind (features, components, metric) are one
null distribution for each kind of null. An edge must clear both:

    p = max over kinds of null of (1 + #{z_null ≥ z}) / (1 + #{z_null})

and false discoveries are controlled after Benjamini & Hochberg (1995) over all pairs of the run
of that kind of target, whether they are published or not. Counts of z are kept in bins one
percent wide, and an edge is held against the lower end of its bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

PRIOR = 16.0
"""d₀: how many nulls the family's scale counts for."""
_FEW = 16
"""Families of fewer targets have no scale of their own."""
_PER_OCTAVE, _OCTAVES = 64, 24
BINS = 2 + 2 * _OCTAVES * _PER_OCTAVE
"""Bins of z: nothing at all, then 2⁻²⁴ to 2²⁴."""


class Standardised(NamedTuple):
    """z of a source and its nulls over one family."""

    source: Float[Tensor, " t"]
    nulls: Float[Tensor, "k t"]


class Means(NamedTuple):
    """Effects of some ablations on some targets: over documents."""

    mean: Float[Tensor, "*k t"]
    error: Float[Tensor, "*k t"]
    """Standard error of the mean; its size where there is one document."""


def means(total: Float[Tensor, "*k t"], squares: Float[Tensor, "*k t"], documents: int) -> Means:
    """From sums of effects, and of their squares, over documents."""
    mean = total / documents
    if documents == 1:
        return Means(mean, mean.abs())
    spread = (squares / documents - mean.square()).clamp_min(0)
    return Means(mean, (spread / (documents - 1)).sqrt())


def standardise(source: Means, null: Means) -> Standardised:
    """z of a source and of its K ≥ 2 nulls on the targets of a family."""
    effect, nulls = source.mean.double(), null.mean.double()
    square = nulls.square()
    reached = (effect != 0) | (square > 0).any(0)
    prior = PRIOR if effect.numel() >= _FEW and bool(reached.any()) else 0.0
    typical = square.mean(0)[reached].mean() if prior else square.new_zeros(())
    total, k = square.sum(0), len(nulls)

    def scale(left_out: Tensor, error: Tensor) -> Tensor:
        rest = (total - left_out).clamp_min(0)
        return ((prior * typical + rest) / (prior + k - 1) + (error.double() / 2).square()).sqrt()

    return Standardised(
        _ratio(effect.abs(), scale(square.min(0).values, source.error)),
        _ratio(nulls.abs(), scale(square, null.error)),
    )


def _ratio(effect: Tensor, scale: Tensor) -> Tensor:
    found = effect / scale
    found[effect == 0] = 0
    return found.nan_to_num(posinf=float(2**_OCTAVES))


def bins(z: Float[Tensor, " n"]) -> Int64[np.ndarray, " n"]:
    """The bin of each z."""
    place = (z.clamp_min(1e-30).log2() * _PER_OCTAVE).floor() + _OCTAVES * _PER_OCTAVE + 1
    found: np.ndarray = torch.where(z > 0, place.clamp(1, BINS - 1), 0).long().cpu().numpy()
    return found


def count(z: Float[Tensor, ...]) -> Int64[np.ndarray, " bins"]:
    """How many z there are in each bin."""
    return np.bincount(bins(z.flatten()), minlength=BINS).astype(np.int64)


class Chances(NamedTuple):
    """Of every bin."""

    p: Float[np.ndarray, " bins"]
    q: Float[np.ndarray, " bins"]
    exceed: Float[np.ndarray, " bins"]
    """Pairs that reach the bin where one null ablation stands in for each source: as many would
    count if nothing were true."""


def chances(
    found: Int64[np.ndarray, " bins"], nulls: Sequence[Int64[np.ndarray, " bins"]]
) -> Chances:
    """p and q of an effect in each bin, from how many z of sources, and of each kind of null, lie
    there.
    """

    def reach(counts: np.ndarray) -> np.ndarray:
        return counts[::-1].cumsum()[::-1]

    share = [(1 + reach(counts)) / (1 + counts.sum()) for counts in nulls if counts.sum()]
    p = np.max(share, axis=0) if share else np.full(len(found), np.nan)
    own, total = reach(found), found.sum()
    q = np.minimum.accumulate(np.minimum(p * total / np.maximum(own, 1), 1.0))
    plain = [reach(counts) / counts.sum() for counts in nulls if counts.sum()]
    exceed = np.max(plain, axis=0) * total if plain else np.full(len(found), np.nan)
    return Chances(p, q, exceed)


def directions(k: int, d: int, seed: int) -> Float[Tensor, "k d"]:
    """Random directions of length one."""
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(k, d, generator=generator), dim=1)


def matched(
    feature: int,
    fires: Int64[np.ndarray, " m"],
    writes: Float[np.ndarray, " m"],
    k: int,
    seed: int,
) -> Int64[np.ndarray, " k"]:
    """k other features at random of the 8·k that are nearest to `feature` in how often they fire
    and in the mean length of what they write then, both by ratio. Fewer where fewer fire.
    """
    alive = np.flatnonzero((fires > 0) & (writes > 0) & (np.arange(len(fires)) != feature))
    often, length = np.log(fires[alive]), np.log(writes[alive])
    here = np.log(max(fires[feature], 1)), np.log(max(writes[feature], 1e-30))
    apart = np.hypot(often - here[0], length - here[1])
    near = alive[np.argsort(apart, kind="stable")[: 8 * k]]
    random = np.random.default_rng([seed & 0x7FFFFFFF, feature])
    return np.sort(random.permutation(near)[:k])
