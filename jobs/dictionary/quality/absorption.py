"""Splitting and absorption of concepts (2409.14507), without an API and without ablations.

*Splitting.* The features that share a concept: the best by F1, and further ones as long as their
union raises F1 by more than τ = 0.03, on the first half of the documents.

*Absorption.* A token of the second half counts as absorbed when the probe on the whole activation
finds the concept there, all of its features are silent, and one other feature carries it: its
share of the reconstruction along the probe's direction, f_i d_i·p, is at least 0.4 of (x − x̄)·p
(the projection that SAEBench, 2503.09532, puts in the place of the paper's ablation). The rate is
absorbed tokens over tokens that the probe finds.

An undertrained dictionary scores falsely well: its features carry concepts poorly and in pieces,
so that none absorbs. Read the rate beside the F1 of the main feature, and beside a random
dictionary's rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Bool, Float
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from torch import Tensor

from jobs.dictionary.profile.latents import Code, Labels, best_f1, half
from jobs.dictionary.profile.matching import Encoded
from jobs.dictionary.profile.subject import Subject

GAIN = 0.03
"""τ: by how much a further feature must raise F1 to count as a part of the concept."""
CARRIES = 0.4
"""Share of the projection that one feature must make up to count as absorbing."""
PROBE_F1 = 0.5
"""Below this a probe does not find the concept, and nothing can be said of its absorption."""
_CANDIDATES = 8


class Found(Protocol):
    """A probe on the whole activation; see `concepts.Linear`."""

    @property
    def direction(self) -> Float[Tensor, " d"]:
        """Of length one."""

    @property
    def says(self) -> Bool[np.ndarray, " tokens"]:
        """Where it finds the concept."""

    @property
    def f1(self) -> float:
        """On the second half of the documents."""


class Held(NamedTuple):
    """How a dictionary holds one concept."""

    features: int
    """Features that share it."""
    rate: float | None
    """Share of tokens on which another feature has taken it over; None where not measured."""
    n: int
    """Tokens that the rate is of."""


def absorption(
    encoded: Encoded,
    labels: Labels,
    second: Bool[np.ndarray, " tokens"],
    mine: Subject,
    random: Subject,
    probes: Mapping[str, Found],
) -> dict[str, tuple[Held, Held]]:
    """For every concept that `probes` names, how `mine` and its twin hold it. No rate is measured
    for a transcoder, whose features write elsewhere than they read, nor for a crosscoder, whose
    features write at several places.
    """
    rated = mine.source is None and not mine.parts
    both = [
        _held(encoded, encoded.codes[way], labels, second, subject, probes, rated)
        for way, subject in (("mine", mine), ("random", random))
    ]
    return {name: (both[0][name], both[1][name]) for name in probes}


def _held(
    encoded: Encoded,
    code: Code,
    labels: Labels,
    second: np.ndarray,
    subject: Subject,
    probes: Mapping[str, Found],
    rated: bool,
) -> dict[str, Held]:
    shape = (len(second), code.n_features)
    fires = csr_matrix((code.value, (code.token, code.feature)), shape=shape)
    best = best_f1(*half(code, labels, ~second))
    found = {}
    if rated:
        y = (encoded.x - subject.site.centre.cpu()).numpy()
        rows = subject.dictionary.W_dec.detach().float().cpu().numpy()
    for name, probe in probes.items():
        concept = labels.names.index(name)
        carries = np.zeros(len(second), bool)
        carries[labels.token[labels.latent == concept]] = True
        main = _main(fires, carries, ~second, best.f1[:, concept], best.threshold[:, concept])
        of = np.flatnonzero(second & carries & probe.says)
        if not rated or probe.f1 < PROBE_F1 or not len(of):
            found[name] = Held(len(main), None, len(of))
            continue
        direction = probe.direction.cpu().numpy()
        taken = _taken(fires[of], main, rows @ direction, y[of] @ direction)
        found[name] = Held(len(main), float(taken.mean()), len(of))
    return found


def _main(
    fires: csr_matrix, carries: np.ndarray, first: np.ndarray, f1: np.ndarray, at: np.ndarray
) -> list[int]:
    """The best feature, and those that raise the F1 of the union by more than `GAIN`."""
    candidates = np.argsort(-f1, kind="stable")[:_CANDIDATES]
    says = fires[:, candidates].toarray()[first] >= at[candidates]
    positive = carries[first]
    chosen, union, score = [0], says[:, 0], float(f1[candidates[0]])
    while len(chosen) < len(candidates):
        left = [c for c in range(len(candidates)) if c not in chosen]
        hits = np.array([((union | says[:, c]) & positive).sum() for c in left])
        size = np.array([(union | says[:, c]).sum() for c in left])
        gains = 2 * hits / np.maximum(size + positive.sum(), 1)
        if gains.max() <= score + GAIN:
            break
        score, pick = float(gains.max()), left[int(gains.argmax())]
        chosen.append(pick)
        union = union | says[:, pick]
    return [int(candidates[c]) for c in chosen]


def _taken(
    fires: csr_matrix, main: list[int], along: np.ndarray, projection: np.ndarray
) -> Bool[np.ndarray, " n"]:
    """Which rows are absorbed; `along` is d_i·p of every feature, `projection` (x − x̄)·p."""
    silent = np.asarray(fires[:, main].sum(axis=1)).ravel() == 0
    carried = fires.multiply(along[None]).tocsr()
    largest = np.asarray(carried.max(axis=1).todense()).ravel()
    return silent & (projection > 0) & (largest >= CARRIES * projection)
