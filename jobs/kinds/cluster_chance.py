"""What chance gives where ``cluster`` looks at planes: groups that nothing holds together.

Twofold, both through the same code as the run's own clusters. *Anyhow*: as many features of the
same dictionary in each group, drawn at random. *Random dictionaries*: directions of equal spectrum,
clustered by the same method, that read what the dictionary makes of each token (its
reconstruction; no model is needed) and let as many of them fire as do on average.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jobs.specs.cluster import mixture

if TYPE_CHECKING:
    import torch

    from jobs.kinds.cluster import Work
    from jobs.kinds.cluster_planes import Home
    from jobs.manifold.firing import Firing
    from jobs.manifold.geometry import Plane

RANDOM = 2
"""Random dictionaries that are looked at."""
TOKENS = 1 << 15
"""Tokens that a random dictionary reads."""
FEWEST = 3
"""Draws of features put together anyhow, at least, so that there is a mean to tell."""
_BLOCK = 2_048


class Draw(NamedTuple):
    """As many groups as the run looks at, made by chance."""

    kind: str
    """``anyhow`` or ``random``."""
    planes: list[Plane]


def planes_by_chance(
    work: Work, homes: list[Home], random: list[np.ndarray], mine: list[Plane]
) -> list[Draw]:
    """Planes of chance's groups, as many draws as let one plane count that stands alone, or until
    none of the run's own, `mine`, can. `random` are the labels that the run's method gave to the
    features of random dictionaries.
    """
    from jobs.manifold.irreducible import hopeless

    tick = work.stages.tick(0.95, 0.97, "looking at planes of chance")
    anyhow = math.ceil(1 / work.spec.fdr) - 1
    draws = [*(("random", n) for n in range(len(random))), *(("anyhow", n) for n in range(anyhow))]
    found: list[Draw] = []
    for at, (kind, number) in enumerate(draws):
        drawn = [one.planes for one in found]
        if at >= len(random) + FEWEST and hopeless(mine, work.spec.fdr, drawn, len(draws)):
            work.context.say(
                f"none of {len(mine)} planes can count as irreducible beside {at} draws of chance: "
                f"the other {len(draws) - at} are not made"
            )
            break
        tick(at / len(draws))
        found.append(Draw(kind, _drawn(work, homes, random, kind, number)))
    return found


def _drawn(
    work: Work, homes: list[Home], random: list[np.ndarray], kind: str, number: int
) -> list[Plane]:
    from jobs.kinds.cluster_planes import look

    planes: list[Plane] = []
    for home in homes:
        if kind == "anyhow":
            generator = np.random.default_rng([work.spec.seed, number, home.number])
            made = (home.read.firing, home.rows, generator.permutation(home.label))
            clusters = home.clusters
        else:
            made, clusters = _of_random(work, home, random[number], number)
        looked = look(*made, clusters, work.spec.seed, quick=True)
        planes += [plane for one in looked for plane in one.geometry.planes]
    return planes


def looked_at(work: Work) -> int:
    """How many random dictionaries can be looked at: only where directions are compared alone can
    one be drawn that reads activations.
    """
    return RANDOM if mixture(work.spec.similarity).keys() == {"decoder"} else 0


def seed_of(work: Work, number: int) -> int:
    """The seed of a random dictionary of the run."""
    return work.spec.seed * 1_000_003 + number + 1


def _of_random(
    work: Work, home: Home, label: np.ndarray, number: int
) -> tuple[tuple[Firing, torch.Tensor, np.ndarray], list[int]]:
    """Firing, directions and clusters of a random dictionary in place of one of the run, and its
    most active clusters.
    """
    import torch

    from jobs.manifold.similarity import Directions

    drawn = work.similarity.by_chance(seed_of(work, number))
    assert isinstance(drawn, Directions)
    mine = torch.from_numpy(np.flatnonzero(work.pool.place == home.number))
    rows, own = drawn.unit[mine].cpu(), label[mine.numpy()]
    firing = _reads(home, rows, work.spec.seed)
    inside = own[firing.feature]
    strength = np.bincount(
        inside[inside >= 0], firing.activation[inside >= 0], int(own.max(initial=-1)) + 1
    )
    chosen = np.argsort(-strength, kind="stable")[: len(home.clusters)]
    return (firing, rows, own), sorted(chosen.tolist())


def _reads(home: Home, rows: torch.Tensor, seed: int) -> Firing:
    """How the features `rows` fire on what the dictionary makes of some of its tokens."""
    import torch
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    from jobs.dictionary.profile.null import random_code
    from jobs.manifold.firing import Firing

    real = home.read.firing
    shape = (real.n_tokens, real.n_features)
    code = csr_matrix((real.activation, (real.token, real.feature)), shape=shape)
    kept = np.sort(np.random.default_rng(seed).permutation(real.n_tokens)[:TOKENS])
    code, own = code[kept], home.rows.float().cpu()
    centre = torch.from_numpy(np.asarray(code.mean(0)).ravel()).float() @ own
    k = max(1, round(code.nnz / max(1, len(kept))))
    feature, token, value = [], [], []
    for begin in range(0, len(kept), _BLOCK):
        y = torch.from_numpy(code[begin : begin + _BLOCK] @ own.numpy()).float() - centre
        fires = random_code(y, rows, k)
        feature.append(fires.indices.numpy().astype(np.int64))
        token.append(fires.rows().numpy() + begin)
        value.append(fires.values.numpy().astype(np.float32))
    return Firing(
        np.concatenate(feature),
        np.concatenate(token),
        np.concatenate(value),
        real.n_features,
        len(kept),
    )
