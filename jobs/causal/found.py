"""Effects of a group of sources, brought together: what is published, and how much chance gives.

Only codes of a batch are dense over all targets; what is kept of each source is the mean over
documents of its effects and of each null's, with its error, and its own effects document by
document where they are not zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal import nulls
from jobs.causal.bootstrap import interval
from jobs.causal.effects import Effects
from jobs.causal.targets import KINDS, Targets


class Group:
    """Sources of one dictionary that are measured together."""

    def __init__(self, targets: Targets, features: Sequence[int], n_nulls: int) -> None:
        """`n_nulls` random directions each, and as many other features, or fewer."""
        self.targets, self.features, self.k = targets, list(features), n_nulls
        size = len(self.features)
        self.sums = torch.zeros(size, 1 + 2 * n_nulls, targets.n, dtype=torch.float64)
        self.squares = torch.zeros_like(self.sums)
        self.content = [torch.zeros(0, dtype=torch.long)] * size
        self.matched = [n_nulls] * size
        self.own: list[list[tuple[int, Tensor, Tensor]]] = [[] for _ in self.features]

    def expect(self, place: int, content: Int64[Tensor, " n"], matched: int) -> None:
        """What each document of source number `place` reads (`jobs.causal.bootstrap.contents`), and
        how many matched features it has.
        """
        self.content[place], self.matched[place] = content, matched

    def add(self, effects: Effects) -> None:
        """Takes in the effects of some changes, whose subjects are (place, number of the document
        among the source's own, way): 0 for the source itself, then its nulls.
        """
        found = effects.effect.cpu()
        for row, change in enumerate(effects.changes):
            place, document, way = change.subject
            self.sums[place, way] += found[row]
            self.squares[place, way] += found[row].double().square()
            if way == 0:
                columns = found[row].nonzero()[:, 0]
                self.own[place].append((document, columns, found[row, columns]))

    def found(self, *, top: int, seed: int) -> dict[str, np.ndarray]:
        """Edges of all sources, and counts of z over kinds of targets and bins."""
        counts = np.zeros((3, len(KINDS), nulls.BINS), np.int64)
        silent = np.array([not len(content) for content in self.content])
        heard = np.flatnonzero(~silent).tolist()
        edges = [self._edges(place, top, seed, counts) for place in heard]
        none = np.zeros(0)
        return {
            **{key: np.concatenate([none, *(one[key] for one in edges)]) for key in _COLUMNS},
            "silent": np.array(self.features, np.int64)[silent],
            "tested": np.array(len(heard) * self.targets.n),
            "counts": counts,
        }

    def _edges(self, place: int, top: int, seed: int, counts: np.ndarray) -> dict[str, np.ndarray]:
        n, ways = len(self.content[place]), slice(1 + self.k + self.matched[place])
        means = nulls.means(self.sums[place, ways], self.squares[place, ways], n)
        effect, chance = means.mean[0], means.mean[1:]
        z = self._standardised(means, counts)
        kept = self._kept(effect, z, top)
        rows, content = self._by_document(place, kept), self.content[place].numpy()
        low, high = interval(rows, seed + self.features[place], content)
        size = chance.abs()[:, kept]
        return {
            "feature": np.full(len(kept), self.features[place]),
            "column": kept.numpy(),
            "effect": effect[kept].numpy(),
            "low": low,
            "high": high,
            "n": np.full(len(kept), n),
            "null": _mean(size),
            "direction": _mean(size[: self.k]),
            "matched": _mean(size[self.k :]),
            "bin": nulls.bins(z[kept]),
        }

    def _standardised(self, means: nulls.Means, counts: np.ndarray) -> Float[Tensor, " t"]:
        """z of every target, counted beside those of the nulls; without nulls, effects in units of
        their family, so that some order is there.
        """
        found = torch.zeros_like(means.mean[0])
        for family in self.targets.families:
            own = slice(family.start, family.stop)
            source, null = (
                nulls.Means(*(part[ways][..., own] for part in means))
                for ways in (0, slice(1, None))
            )
            if len(null.mean) < 2:
                size = source.mean.abs()
                found[own] = size / size.square().mean().sqrt().clamp_min(1e-30)
                continue
            z = nulls.standardise(source, null)
            found[own] = z.source
            kind = KINDS.index(family.kind)
            for way, part in enumerate((z.source, z.nulls[: self.k], z.nulls[self.k :])):
                counts[way, kind] += nulls.count(part)
        return found

    def _kept(
        self, effect: Float[Tensor, " t"], z: Float[Tensor, " t"], top: int
    ) -> Float[Tensor, " e"]:
        """Columns to publish: those furthest from chance, and the metric whatever it is."""
        order = np.lexsort((-effect.abs().numpy(), -z.numpy()))[:top]
        order = order[effect.numpy()[order] != 0]
        metric = [f.start for f in self.targets.families if f.kind == "metric"]
        return torch.from_numpy(np.union1d(order, metric).astype(np.int64))

    def _by_document(self, place: int, kept: Tensor) -> Float[np.ndarray, "n e"]:
        where = torch.full((self.targets.n,), -1)
        where[kept] = torch.arange(len(kept))
        found = np.zeros((len(self.content[place]), len(kept)))
        for document, columns, values in self.own[place]:
            at = where[columns]
            found[document, at[at >= 0].numpy()] = values[at >= 0].numpy()
        return found


_COLUMNS = (
    "feature",
    "column",
    "effect",
    "low",
    "high",
    "n",
    "null",
    "direction",
    "matched",
    "bin",
)


def _mean(size: Float[Tensor, "k e"]) -> np.ndarray:
    if not len(size):
        return np.full(size.shape[1], np.nan)
    found: np.ndarray = size.mean(0).numpy()
    return found
