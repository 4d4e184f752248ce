"""``cluster`` writes what is near what into `neighbors`: between every two of its dictionaries, and
within one where its profile has not.

Rows within a dictionary by decoder direction are its profile's, which looks at dead features too;
where there is no profile they are written under the same scope, so that a later profile takes their
place. Everything else has a scope of its own: two dictionaries and what they are compared by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jobs.kinds.read_features import read_firing
from jobs.specs.cluster import apart, mixture, written
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.kinds.cluster import Work
    from jobs.manifold.firing import Firing
    from jobs.manifold.graph import Graph

_ROWS = 1 << 20
"""Rows written at once."""
_COSINES = 1 << 14
"""Pairs of directions held at once."""


class Pair(NamedTuple):
    """A dictionary of the run, and one in which its features' neighbours are looked for."""

    mine: int
    """Index into the pool's dictionaries."""
    theirs: int
    """The same index where neighbours are of one dictionary."""


def publish_neighbors(work: Work, graph: Graph) -> None:
    """Publishes `neighbors`; `graph` is that of all features of the run."""
    pairs = [pair for pair in _pairs(work) if not _profile_has(work, pair)]
    tick = work.stages.tick(0.97, 0.99, "writing neighbours")
    firing = _firing(work) if pairs else None
    for place, pair in enumerate(pairs):
        tick(place / len(pairs))
        _publish(work, pair, _found(work, pair, graph), firing)


def _pairs(work: Work) -> list[Pair]:
    every = range(len(work.pool.dictionaries))
    return [Pair(one, other) for one in every for other in every]


def _by(work: Work) -> str | None:
    """What features are compared by, as `neighbors` holds it: null for decoder directions."""
    named = written(mixture(work.spec.similarity))
    return None if named == "decoder" else named


def _profile_has(work: Work, pair: Pair) -> bool:
    """Whether a profile wrote these rows."""
    if pair.mine != pair.theirs or _by(work):
        return False
    name = work.pool.dictionaries[pair.mine]
    return any(run.scope == name for run in work.context.workspace.catalog().live("features"))


def _firing(work: Work) -> Firing | None:
    """Who fires on tokens that all dictionaries were profiled on; None where there are none."""
    asked = (work.context.workspace, work.pool, work.spec.tokens, work.spec.seed)
    try:
        return read_firing(*asked).firing
    except AskedWrongly:
        return None


def _found(work: Work, pair: Pair, graph: Graph) -> Graph:
    """The nearest of one dictionary to those of another, as places in the pool."""
    import torch

    from jobs.manifold.graph import Graph as Made

    if len(work.pool.dictionaries) == 1:
        return graph
    mine, theirs = (torch.from_numpy(np.flatnonzero(work.pool.place == at)) for at in pair)
    if pair.mine != pair.theirs:
        return work.similarity.toward(mine, theirs, work.spec.neighbors)
    if len(mine) < 2:
        return Made(mine[:, None], torch.zeros(1, 1))
    within = work.similarity.only(mine).nearest(min(work.spec.neighbors, len(mine) - 1))
    return Made(mine[within.other], within.similarity)


def _publish(work: Work, pair: Pair, found: Graph, firing: Firing | None) -> None:
    names = [work.pool.dictionaries[at] for at in pair]
    by = _by(work)
    own_only = pair.mine == pair.theirs and not by
    scope = names[0] if own_only else "+".join([*names, *([by] if by else [])])
    manifest = work.context.provenance(
        inputs=list(dict.fromkeys(names)), dictionary=names[0], other_dictionary=names[1]
    )
    own = np.flatnonzero(work.pool.place == pair.mine)
    step = max(1, _ROWS // found.other.shape[1])
    publish = work.context.workspace.publish_table
    with publish("neighbors", run=work.run, scope=scope, manifest=manifest) as out:
        for begin in range(0, len(own), step):
            some = slice(begin, begin + step)
            out.write(_rows(work, names, own, found, some, firing))


def _rows(
    work: Work, names: list[str], own: np.ndarray, found: Graph, some: slice, firing: Firing | None
) -> Any:
    """Rows of `neighbors`; places that name the feature itself stand for no neighbour."""
    import pyarrow as pa

    near = found.other[some].numpy()
    one, other = np.repeat(own[some], near.shape[1]), near.ravel()
    real = one != other
    one, other, n = one[real], other[real], int(real.sum())
    by = _by(work)
    return pa.table(
        {
            "dictionary": pa.repeat(names[0], n),
            "feature": work.pool.feature[one].astype(np.uint32),
            "other_dictionary": pa.repeat(names[1], n),
            "other_feature": work.pool.feature[other].astype(np.uint32),
            "cosine": _cosine(work, names, one, other),
            "coactivation": _together(firing, one, other),
            "nearest_by": pa.repeat(by, n) if by else pa.nulls(n, pa.string()),
            "similarity": pa.array(
                found.similarity[some].numpy().ravel()[real] if by else [None] * n, pa.float32()
            ),
        }
    )


def _cosine(work: Work, names: list[str], one: np.ndarray, other: np.ndarray) -> Any:
    """Of decoder directions; null where they lie in different spaces."""
    import pyarrow as pa
    import torch

    about = [work.context.workspace.dictionary(name).manifest for name in names]
    if work.W_dec is None or (names[0] != names[1] and apart(*about)):
        return pa.nulls(len(one), pa.float32())
    found = np.zeros(len(one), np.float32)
    for begin in range(0, len(one), _COSINES):
        some = slice(begin, begin + _COSINES)
        i, j = (work.W_dec[torch.from_numpy(places[some])].float() for places in (one, other))
        found[some] = torch.nn.functional.cosine_similarity(i, j).cpu().numpy()
    return pa.array(found.clip(-1, 1))


def _together(firing: Firing | None, one: np.ndarray, other: np.ndarray) -> Any:
    import pyarrow as pa

    from jobs.manifold.firing import jaccard_of

    if firing is None:
        return pa.nulls(len(one), pa.float32())
    return pa.array(jaccard_of(firing, one, other).astype(np.float32), from_pandas=True)
