"""How much of a dictionary another seed finds again: decoder rows matched one to one.

The assignment that makes the summed cosine largest (Hungarian; PW-MCC, 2505.20254), so that one
feature may not stand for many. Its mean is the score; the shares over 0.7 and 0.9 say how many
features are shared. Null: the same between the other seed and a random dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]
from scipy.sparse import coo_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import (  # type: ignore[import-untyped]
    min_weight_full_bipartite_matching,
)
from torch import Tensor

from jobs.dictionary.profile.subject import Subject
from jobs.dictionary.quality.figures import Figure

EXACT = 6_144
"""Up to so many features every pair is a candidate (the m×m cosines fit); beyond, the nearest."""
CANDIDATES = 32
"""Nearest rows that each row may be matched to, beyond `EXACT`."""
SHARES = (0.7, 0.9)
_BLOCK = 1024


def match_rows(
    A: Float[Tensor, "m d"], B: Float[Tensor, "m d"], exact: int = EXACT
) -> Float64[np.ndarray, " m"]:
    """Cosine of each row of `A` with the row of `B` that it is matched to, one to one."""
    one, other = (torch.nn.functional.normalize(rows.float(), dim=1) for rows in (A, B))
    if len(one) <= exact:
        cosine = (one @ other.T).cpu().numpy()
        row, column = linear_sum_assignment(cosine, maximize=True)
        return cosine[row, column].astype(np.float64)
    return _match_nearest(one, other)


def _match_nearest(one: Float[Tensor, "m d"], other: Float[Tensor, "m d"]) -> np.ndarray:
    """The same among each row's nearest, seen from both sides. Every row may also take the one of
    its own number, so that there always is a full assignment.
    """
    m = len(one)
    forward, backward = _nearest(one, other), _nearest(other, one)
    own = torch.arange(m)
    row = torch.cat([own.repeat_interleave(forward.shape[1]), backward.flatten(), own])
    column = torch.cat([forward.flatten(), own.repeat_interleave(backward.shape[1]), own])
    pairs = torch.unique(torch.stack([row, column]), dim=1)
    cosine = torch.cat(
        [
            (one[a.to(one.device)] * other[b.to(one.device)]).sum(1)
            for a, b in zip(*(side.split(1 << 16) for side in pairs), strict=True)
        ]
    )
    weight = 2 - cosine.double().cpu().numpy()  # above zero: a zero would read as no edge
    graph = coo_array((weight, tuple(pairs.numpy())), shape=(m, m)).tocsr()
    row, column = min_weight_full_bipartite_matching(graph)
    found = np.empty(m)
    found[row] = 2 - np.asarray(graph[row, column]).ravel()
    return found


def _nearest(one: Float[Tensor, "m d"], other: Float[Tensor, "m d"]) -> Int64[Tensor, "m c"]:
    count = min(CANDIDATES, len(other))
    return torch.cat([(rows @ other.T).topk(count).indices.cpu() for rows in one.split(_BLOCK)])


def kin(
    subjects: Sequence[Subject], names: Sequence[tuple[str, int | None]]
) -> dict[int, list[int]]:
    """Of each dictionary the others of its hooks and width that only another seed tells from it.

    `names` gives architecture and seed of each.
    """
    about = [
        (subject.read_at, subject.dictionary.d_sae, architecture)
        for subject, (architecture, _) in zip(subjects, names, strict=True)
    ]
    every = range(len(subjects))
    return {
        one: [o for o in every if about[o] == about[one] and names[o][1] != names[one][1]]
        for one in every
    }


def stability(
    subjects: Sequence[Subject],
    twins: Sequence[Subject],
    others: dict[int, list[int]],
    tick: Callable[[float], None],
) -> list[list[Figure]]:
    """``seed_cosine`` and ``seed_matched_*`` of every dictionary against each of `others`, then
    their means; nothing for a dictionary without others.
    """
    found: list[list[Figure]] = [[] for _ in subjects]
    pairs = [(one, other) for one, list_ in others.items() for other in list_]
    for done, (one, other) in enumerate(pairs, start=1):
        theirs = _rows(subjects[other])
        mine = match_rows(_rows(subjects[one]), theirs)
        null = match_rows(_rows(twins[one]), theirs)
        found[one].extend(_figures(mine, null, subjects[other].id))
        tick(done / len(pairs))
    return [[*_means(figures), *figures] for figures in found]


def _rows(subject: Subject) -> Float[Tensor, "m d"]:
    """Decoder rows in units in which the sources of a crosscoder count alike."""
    return subject.dictionary.balanced(subject.dictionary.W_dec)


def _figures(mine: np.ndarray, null: np.ndarray, about: str) -> Iterator[Figure]:
    n = len(mine)
    yield Figure("seed_cosine", float(mine.mean()), about, n=n, random=float(null.mean()))
    for share in SHARES:
        over, by_chance = float((mine > share).mean()), float((null > share).mean())
        yield Figure(f"seed_matched_{share * 100:.0f}", over, about, n=n, random=by_chance)


def _means(figures: Sequence[Figure]) -> Iterator[Figure]:
    for measure in dict.fromkeys(figure.measure for figure in figures):
        of = [figure for figure in figures if figure.measure == measure]
        value, null = (float(np.mean([getattr(f, key) for f in of])) for key in ("value", "random"))
        yield Figure(measure, value, n=of[0].n, random=null, note=f"mean of {len(of)} other seeds")
