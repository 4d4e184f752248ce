"""Is a cluster of features one feature of several dimensions? (Engels et al., arXiv:2405.14860)

A feature of several dimensions is *reducible* when a rotation takes it apart into coordinates
that are independent (separable), or of which only one is ever on (a mixture); what cannot be taken
apart, such as a circle, is irreducible. The activations reconstructed from the cluster alone, on
the tokens where it fires, are projected on the planes of principal components (1, 2), (2, 3), …,
and each plane gets the paper's two indices (`jobs.manifold.indices`).

The paper ranks clusters by S·(1 − M_ε) and gives no null. Here each index stands beside its value
for independent coordinates: at the rotation where a and b depend least, b is shuffled, so that both
keep their marginals and nothing else is left; the product of the two, against shuffles, gives p.
Shuffling cannot speak of mixtures, since the tokens at a = 0 stay there. So M_ε also stands beside
that of a round cloud: the same distances from the centre, angles drawn at random.

That alone says little of a cluster of sparse features: rays that leave one point, one for each
feature, are inseparable and, where they are three or more, no mixture of two, whatever they mean.
Planes of real clusters and of features put together anyhow are all inseparable by the shuffles.
So each plane also stands beside its own features, *exchanged* (`jobs.manifold.exchange`), and
beside the planes of groups that chance makes in the same way (`jobs.manifold.irreducible`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from scipy import stats  # type: ignore[import-untyped]
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from torch import Tensor

from jobs.manifold.indices import indices, mixture, turned, whitened

SHUFFLES = 30
PLANES = 4
"""Planes looked at: components 1-2 to 4-5, as in the paper."""
LIMIT = 2_048
"""Tokens that the indices are computed from; more are sampled."""
LEAST = 128
"""Tokens below which nothing is said."""
MIXED = 1.5
"""A plane with so many times the M_ε of a round cloud is a mixture. Planted circles have up to 1.1,
seven points on a circle 1.4; even mixtures 3.5, and 2.2 under noise of a tenth of their length."""
_ROUND = 6
"""Shuffles to one round cloud; those vary little."""
_FLAT = 1e-4
"""A component with a smaller share of the variance makes no plane."""


class Plane(NamedTuple):
    """One plane of principal components, and what was found there."""

    plane: int
    """0: components 1 and 2; 1: components 2 and 3; …"""
    variance: float
    """Share of the whole variance that the plane holds."""
    separability: float
    """S, nats."""
    mixture: float
    """M_ε."""
    null_separability: float
    """Mean of S over shuffles."""
    null_mixture: float
    """Mean of M_ε over shuffles."""
    round_mixture: float
    """Mean of M_ε over round clouds of the same distances from the centre."""
    p_shuffled: float
    """Chance of S·(1 − M_ε) under the shuffles (Student's t)."""
    p_exchanged: float = math.nan
    """Chance of it where the cluster's features are exchanged; NaN where that was not looked at."""

    @property
    def p_value(self) -> float:
        """The larger of both: inseparable is what neither explains."""
        return float(np.nanmax([self.p_shuffled, self.p_exchanged]))

    @property
    def ratio(self) -> float:
        """M_ε over that of a round cloud."""
        return self.mixture / max(self.round_mixture, 1e-12)

    @property
    def mixed(self) -> bool:
        """Whether more tokens lie on a line than a round cloud would have there, by `MIXED`."""
        return self.ratio > MIXED


class Geometry(NamedTuple):
    """What the activations of one cluster look like."""

    n: int
    """Tokens on which it fires."""
    planes: list[Plane]
    """Empty where it fires too rarely, or lies on a line."""
    coordinates: Float[Tensor, "n c"]
    """Principal components of every token, c = planes + 1; units of the activation."""


def geometry(
    x: Float[Tensor, "n d"],
    *,
    planes: int = PLANES,
    shuffles: int = SHUFFLES,
    limit: int = LIMIT,
    seed: int = 0,
    quick: bool = False,
) -> Geometry:
    """Looks at activations that one cluster alone reconstructs (see `reconstructed`).

    Args:
        x: a row for every token on which some feature of the cluster fires.
        planes: how many planes to look at, at most.
        shuffles: shuffled planes that each one is held against.
        limit: tokens the indices are computed from; sampled under `seed` where there are more.
        seed: of sampling and shuffles.
        quick: not held against shuffles, which hardly any plane of sparse features looks like; its
            `p_shuffled` is 0.
    """
    components, variance = principal(x, planes + 1)
    if len(x) < LEAST:
        return Geometry(len(x), [], components)
    sampled = components[sample(len(x), limit, seed)].numpy()
    found = [
        _plane(number, sampled[:, number : number + 2], variance, shuffles, seed, quick)
        for number in range(components.shape[1] - 1)
        if variance[number + 1] > _FLAT
    ]
    return Geometry(len(x), found, components)


class Reconstructed(NamedTuple):
    """What a cluster alone makes of the tokens on which it fires."""

    token: Int64[np.ndarray, " n"]
    """Each distinct token of the activations, rising."""
    x: Float[Tensor, "n r"]
    """Σ f_i d_i in an orthonormal basis of the span of its directions (distances and principal
    components are those of the model's space), r ≤ features.
    """


def reconstructed(
    token: Int64[np.ndarray, " entries"],
    member: Int64[np.ndarray, " entries"],
    value: Float[np.ndarray, " entries"],
    directions: Float[Tensor, "k d"],
) -> Reconstructed:
    """Sums the decoder directions of a cluster's features, token by token.

    Args:
        token: of every activation, any number that tells tokens apart, e.g. doc · 2¹⁶ + pos.
        member: of every activation, the row of `directions`.
        value: of every activation.
        directions: decoder rows of the k features of the cluster.
    """
    distinct, row = np.unique(token, return_inverse=True)
    rows = directions.detach().float().cpu()
    basis, _ = torch.linalg.qr(rows.T)
    code = csr_matrix((value, (row.ravel(), member)), shape=(len(distinct), len(rows)))
    x = code @ (rows @ basis).numpy()
    return Reconstructed(distinct, torch.from_numpy(x.astype(np.float32)))


def principal(
    x: Float[Tensor, "n d"], count: int
) -> tuple[Float[Tensor, "n c"], Float[Tensor, " c"]]:
    """The first `count` principal components (fewer in a smaller space), and each one's share of
    the variance. A component's sign is the one that makes its largest coordinate positive.
    """
    if not len(x):
        return x.new_zeros(0, 0), x.new_zeros(0)
    y = (x - x.mean(0)).double()
    value, vector = torch.linalg.eigh(y.T @ y)
    value, vector = value.flip(0).clamp(min=0)[:count], vector.flip(1)[:, :count]
    vector = vector * vector.gather(0, vector.abs().argmax(0, keepdim=True)).sign()
    whole = y.square().sum().clamp(min=1e-30)
    return (y @ vector).float(), (value / whole).float()


def score(separability, mixture):  # type: ignore[no-untyped-def]
    """S·(1 − M_ε), by which the paper ranks clusters."""
    return separability * (1 - mixture)


def p_value(found: float, null: Float[np.ndarray, " draws"]) -> float:
    """Chance of a further draw of the null as large as `found`, were the null normal: Student's t,
    so that a few draws can speak of small chances (S sums many cells: it is nearly normal).
    """
    spread = float(null.std(ddof=1)) * math.sqrt(1 + 1 / len(null))
    distance = (found - float(null.mean())) / max(spread, 1e-12)
    return float(stats.t.sf(distance, len(null) - 1))


def _plane(
    number: int,
    xy: Float[np.ndarray, "n 2"],
    variance: Tensor,
    shuffles: int,
    seed: int,
    quick: bool,
) -> Plane:
    generator = np.random.default_rng([seed, number])
    found = indices(xy)
    a, b = turned(whitened(xy), np.array([found.angle]))
    distance = np.linalg.norm(whitened(xy), axis=1)
    clouds = [mixture(_round(distance, generator)) for _ in range(max(1, shuffles // _ROUND))]
    plane = Plane(
        number,
        float(variance[number : number + 2].sum()),
        *(found.separability, found.mixture),
        *(math.nan, math.nan),
        float(np.mean(clouds)),
        0.0,
    )
    if quick:
        return plane
    by_chance = np.array(
        [
            indices(_anyhow(np.stack([a, generator.permutation(b)], axis=1), generator))[:2]
            for _ in range(shuffles)
        ]
    )
    return plane._replace(
        null_separability=float(by_chance[:, 0].mean()),
        null_mixture=float(by_chance[:, 1].mean()),
        p_shuffled=p_value(score(*found[:2]), score(*by_chance.T)),
    )


def _anyhow(xy: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Turned by a random angle: the best rotation must be looked for, as for the plane itself."""
    return turned(xy, generator.uniform(0, math.pi, 1)).T


def _round(distance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    angle = generator.uniform(0, 2 * math.pi, len(distance))
    return distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def sample(n: int, limit: int, seed: int) -> Int64[Tensor, " some"]:
    """Which of `n` tokens are looked at: all, or `limit` drawn under `seed`."""
    if n <= limit:
        return torch.arange(n)
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:limit].sort().values
