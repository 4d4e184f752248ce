"""Figures of a curve, each with its interval over prompts.

CPR is the area under faithfulness over the size of a circuit, CMD the area between it and 1 (MIB,
arXiv:2504.13151). MIB's axis is the share of all parts, from .001 to 1; ours is the share of all
nodes from 0 to 1, with trapezoids between the sizes measured. On it a circuit of 50 features among
100,000 is invisible, so both areas are also taken over the logarithm of the size, from one node to
the largest size that is asked for: the same axis for features, neurons and heads.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

from jobs.causal.bootstrap import samples
from jobs.causal.curve import Curve

SAMPLES = 1000
"""Bootstrap samples of the prompts."""


class Interval(NamedTuple):
    """A figure and its 95% interval; NaN where it cannot be told."""

    value: float
    low: float
    high: float


class Scores(NamedTuple):
    """What a curve comes to."""

    faithfulness: list[Interval]
    """At each size."""
    completeness: list[Interval]
    """At each size."""
    cpr: Interval
    """Area under faithfulness, over the share of nodes."""
    cmd: Interval
    """Area between faithfulness and 1, over the share of nodes."""
    cpr_log: Interval
    """As `cpr`, over the logarithm of the size up to the largest asked for, its range being 1."""
    cmd_log: Interval
    """As `cmd`, likewise."""
    nodes_for_80: int | None
    """Least size measured with faithfulness .8 at least."""


def score(curve: Curve, largest: int, seed: int) -> Scores:
    """Figures of `curve`; `largest` is where the logarithmic axis ends."""
    inside, outside = _sampled(curve, curve.inside, seed), _sampled(curve, curve.outside, seed)
    share = np.array(curve.sizes) / max(1, curve.sizes[-1])
    log, at = _log_axis(curve.sizes, largest)
    over = lambda x, y: _between(np.trapezoid(y, x, axis=-1))  # noqa: E731
    enough = np.flatnonzero(inside[0] >= 0.8)
    return Scores(
        [_between(column) for column in inside.T],
        [_between(column) for column in outside.T],
        over(share, inside),
        over(share, np.abs(1 - inside)),
        over(log, inside[:, at]),
        _between(areas(curve, largest, seed)),
        curve.sizes[enough[0]] if len(enough) else None,
    )


def areas(curve: Curve, largest: int, seed: int) -> Float[np.ndarray, " s"]:
    """`cmd_log` of all prompts first, then of each of `SAMPLES` samples of them: the same samples
    for every curve of the same prompts, so that two are compared on the very same ones.
    """
    log, at = _log_axis(curve.sizes, largest)
    inside = _sampled(curve, curve.inside, seed)
    found: np.ndarray = np.trapezoid(np.abs(1 - inside[:, at]), log, axis=-1)
    return found


def weak(curve: Curve) -> bool:
    """Whether ablating everything changes too little for shares of it to mean anything."""
    gap = float((curve.clean - curve.empty).mean())
    return abs(gap) < 1e-3


def _log_axis(sizes: list[int], largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Places from 0 to 1 on the logarithmic axis, and the size measured at each: what lies beyond
    the last node is as the whole.
    """
    positive = [number for number, size in enumerate(sizes) if 1 <= size <= largest]
    at = [sizes[number] for number in positive]
    if at[-1] < largest:
        positive.append(positive[-1])
        at.append(largest)
    if at[0] > 1:
        positive.insert(0, 0)
        at.insert(0, 1)
    width = math.log(largest) or 1.0
    return np.log(np.array(at)) / width, np.array(positive)


def _sampled(curve: Curve, part: Tensor, seed: int) -> np.ndarray:
    """[1 + samples, sizes]: shares of the gap, of all prompts first, then of each sample."""
    weight = samples(curve.content, SAMPLES, seed).numpy()
    # The same sum for every size: a matrix product would round equal rows differently, and the
    # whole model is to have a faithfulness of 1, not of .9999.
    mean = lambda x: (weight * (x - curve.empty).numpy()).sum(1)  # noqa: E731
    gap = mean(curve.clean)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.stack([mean(row) / gap for row in part], 1)
    if len(curve.content.unique()) < 2:
        found[1:] = np.nan  # nobody knows how far others would be
    return found


def _between(sampled: np.ndarray) -> Interval:
    """The first of `sampled`, and the middle 95% of the others."""
    finite = sampled[1:][np.isfinite(sampled[1:])]
    if not len(finite):
        return Interval(float(sampled[0]), math.nan, math.nan)
    low, high = np.quantile(finite, [0.025, 0.975])
    return Interval(float(sampled[0]), float(low), float(high))
