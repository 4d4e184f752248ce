"""FVU, L0, dead features and the spectrum of densities, from the sums of a pass over documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from jobs.dictionary.profile.measure import add_up
from jobs.dictionary.profile.sums import Sums
from jobs.dictionary.quality.figures import Figure
from jobs.dictionary.quality.jackknife import Interval, jackknife

DENSE = 0.1
"""A feature that fires on more than this share of tokens is called dense."""
QUANTILES = (5, 25, 50, 75, 95)


def reconstruction(
    chunks: Sequence[Path], mine: int, random: int, sources: Sequence[str] = ()
) -> list[Figure]:
    """``fvu``, ``l0`` and ``dead_fraction`` of the `mine`-th dictionary; `random` is its twin. A
    crosscoder's ``fvu`` also at each of its `sources`.
    """
    sums, null = add_up(chunks, mine), add_up(chunks, random)
    split = _split(sums)
    n = int(sums.tokens[split])
    rows = np.stack([_row(Sums.load(chunk / f"{mine}.npz"), split) for chunk in chunks])
    fvu, l0 = jackknife(rows, _fvu), jackknife(rows, lambda s: s[3] / s[2])
    ablated = 1.0  # by definition: the mean explains no variance
    return [
        _figure("fvu", fvu, n)._replace(random=null.fvu(split), mean_ablation=ablated),
        _figure("l0", l0, n)._replace(random=null.l0(split)),
        Figure("dead_fraction", sums.dead_fraction(), n=n, random=null.dead_fraction()),
        *(
            Figure("fvu", own, about, n=n, random=by_chance, mean_ablation=ablated)
            for about, own, by_chance in zip(
                sources, sums.fvu_by_source(split), null.fvu_by_source(split), strict=True
            )
        ),
    ]


def density(chunks: Sequence[Path], mine: int, random: int) -> list[Figure]:
    """``dense_fraction``, and ``log10_density`` at quantiles of the features that fire at all."""
    spectra = [add_up(chunks, number).density() for number in (mine, random)]
    count = len(spectra[0])
    dense, null = (float(np.mean(spectrum > DENSE)) for spectrum in spectra)
    found = [Figure("dense_fraction", dense, n=count, random=null)]
    alive = [np.log10(spectrum[spectrum > 0]) for spectrum in spectra]
    for q in QUANTILES:
        value, null = (float(np.percentile(a, q)) if len(a) else np.nan for a in alive)
        found.append(Figure("log10_density", value, f"p{q}", n=len(alive[0]), random=null))
    return found


def _figure(measure: str, found: Interval, n: int) -> Figure:
    return Figure(measure, found.value, None, found.low, found.high, n)


def _split(sums: Sums) -> int:
    """Held-out documents, unless there were none."""
    return 0 if sums.tokens[0] else 1


def _row(sums: Sums, split: int) -> Float64[np.ndarray, " columns"]:
    scalars = [sums.error[split], sums.square[split], sums.tokens[split], sums.active[split]]
    return np.concatenate([np.array(scalars, np.float64), sums.total[split]])


def _fvu(row: Float64[np.ndarray, " columns"]) -> float:
    error, square, n, _, *_ = row
    variance = square - float(row[4:] @ row[4:]) / n
    return float(error / variance) if variance > 0 else np.nan
