"""What all pairs of dictionaries of a ``split`` say together, and those of each seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from jobs.kinds.split import Pair
    from jobs.manifold.odds import Odds
    from jobs.manifold.seeds import SeedPair
    from jobs.manifold.verdict import Seeds


class OfSeeds(NamedTuple):
    """What pairs from the narrower dictionaries of one seed to the wider ones of one seed say."""

    seeds: SeedPair
    pairs: int
    strangers: Odds | None
    rivals: Odds | None


class Overall(NamedTuple):
    """What all pairs say together."""

    strangers: Odds | None
    rivals: Odds | None
    seeds: list[OfSeeds]
    own: Seeds
    """Over seeds, of pairs within each."""
    between: Seeds
    """Over seeds, of pairs between two."""
    verdict: str


def overall(pairs: Sequence[Pair], seed: int) -> Overall:
    """All pairs together: a parent counts once, however many dictionaries it was followed to."""
    from jobs.manifold.verdict import overall as said

    strangers, rivals = _odds(pairs, seed)
    seeds = _by_seed(pairs, seed)
    own = _together([one for one in seeds if one.seeds[0] == one.seeds[1]])
    between = _together([one for one in seeds if one.seeds[0] != one.seeds[1]])
    spaces = {s.profiled.dictionary: s.quality for p in pairs for s in (p.narrow, p.wide)}
    verdict = said(strangers, rivals, [p.strangers for p in pairs], spaces, own, between)
    return Overall(strangers, rivals, seeds, own, between, verdict)


def _by_seed(pairs: Sequence[Pair], seed: int) -> list[OfSeeds]:
    """Of every two seeds that pairs lead from and to; a dictionary without one is left out."""
    grouped: dict[SeedPair, list[Pair]] = {}
    for pair in pairs:
        if pair.narrow.seed is not None and pair.wide.seed is not None:
            grouped.setdefault((pair.narrow.seed, pair.wide.seed), []).append(pair)
    return [OfSeeds(key, len(some), *_odds(some, seed)) for key, some in sorted(grouped.items())]


def _together(found: Sequence[OfSeeds]) -> Seeds:
    from jobs.manifold.seeds import over_seeds
    from jobs.manifold.verdict import Seeds

    return Seeds(
        over_seeds({one.seeds: one.strangers for one in found}),
        over_seeds({one.seeds: one.rivals for one in found}),
    )


def _odds(pairs: Sequence[Pair], seed: int) -> tuple[Odds | None, Odds | None]:
    """Against strangers and against rivals."""
    from jobs.manifold.odds import odds

    places = {pair.narrow.profiled.dictionary: n for n, pair in enumerate(pairs)}
    family = np.concatenate(
        [
            places[pair.narrow.profiled.dictionary] * (1 << 32)
            + pair.links.parent[pair.staying.child]
            for pair in pairs
        ]
    )
    same, strangers, rivals = (
        np.concatenate([getattr(pair.staying, key) for pair in pairs])
        for key in ("same", "strangers", "rivals")
    )
    return odds(same, strangers, family, seed), odds(same, rivals, family, seed)
