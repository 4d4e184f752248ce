"""Which clusters of a run are one feature of several dimensions, and tokens on their planes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jobs.kinds.read_features import Read
from store.views import quoted

if TYPE_CHECKING:
    import torch

    from jobs.kinds.cluster import Work
    from jobs.manifold.firing import Firing
    from jobs.manifold.geometry import Geometry, Plane
    from jobs.manifold.irreducible import Verdict
    from jobs.manifold.methods import Partition

Columns = dict[str, Any]

DRAWN = 600
"""Tokens kept of a plane, to draw."""


class Looked(NamedTuple):
    """What was seen of one cluster."""

    cluster: int
    geometry: Geometry
    token: np.ndarray
    """[n] place in the firing of each row of the geometry's coordinates."""
    read: Read | None = None


class Planes(NamedTuple):
    """What a run's planes came to."""

    geometry: Columns
    """Rows of `cluster_geometry`."""
    points: Columns
    """Rows of `cluster_planes`."""
    run: Columns
    """Columns of `cluster_runs`: how many planes, and how many count beside chance."""


class Home(NamedTuple):
    """A dictionary of the run, as its clusters are looked at."""

    number: int
    """Index into the pool's dictionaries."""
    read: Read
    rows: torch.Tensor
    """Decoder rows of its features in the pool."""
    label: np.ndarray
    """Their clusters."""
    clusters: list[int]
    """Those looked at, rising."""


def planes(
    work: Work, partition: Partition, activation: np.ndarray, random: list[np.ndarray]
) -> Planes:
    """Looks at the most active clusters; `random` are labels of the features of random
    dictionaries, see `jobs.kinds.cluster_chance`.
    """
    from jobs.kinds.cluster_chance import planes_by_chance
    from jobs.manifold.irreducible import alike, verdicts

    homes = _homes(work, partition, activation)
    looked: list[Looked] = []
    for home in homes:
        work.stages.tick(0.92, 0.95, "looking at planes")
        made = (home.read.firing, home.rows, home.label, home.clusters)
        looked += [one._replace(read=home.read) for one in look(*made, work.spec.seed)]
    looked.sort(key=lambda one: one.cluster)
    every = [(one, plane) for one in looked for plane in one.geometry.planes]
    mine = [plane for _, plane in every]
    chance = planes_by_chance(work, homes, random, mine) if looked else []
    said = verdicts(mine, work.spec.fdr, [one.planes for one in chance])
    passed = {
        kind: [alike(one.planes, work.spec.fdr) for one in chance if one.kind == kind]
        for kind in ("anyhow", "random")
    }
    of_run = {
        "n_planes": len(every),
        "n_irreducible": sum(verdict.irreducible for verdict in said),
        "n_alike": alike(mine, work.spec.fdr),
        "null_alike": float(np.mean(passed["anyhow"])) if passed["anyhow"] else None,
        "null_draws": len(passed["anyhow"]),
        "random_alike": float(np.mean(passed["random"])) if passed["random"] else None,
    }
    return Planes(_geometry_rows(work, every, said), _plane_rows(work, looked), of_run)


def _homes(work: Work, partition: Partition, activation: np.ndarray) -> list[Home]:
    """The most active clusters, each in the dictionary that holds most of it."""
    import torch

    from jobs.dictionary import load
    from jobs.kinds.cluster import read_one

    chosen = np.argsort(-np.nan_to_num(activation), kind="stable")[: work.spec.planes]
    held = np.zeros((partition.n_clusters, len(work.pool.dictionaries)), np.int64)
    inside = partition.label >= 0
    np.add.at(held, (partition.label[inside], work.pool.place[inside]), 1)
    home = held.argmax(1)
    found = []
    for number, name in enumerate(work.pool.dictionaries):
        mine = sorted(cluster for cluster in chosen.tolist() if home[cluster] == number)
        read = read_one(work, number) if mine else None
        if read is None:
            continue
        rows = load(work.context.workspace, name).W_dec.detach()
        rows = rows[torch.from_numpy(work.pool.of(number))]
        found.append(Home(number, read, rows, partition.label[work.pool.place == number], mine))
    return found


def look(
    firing: Firing,
    rows: torch.Tensor,
    label: np.ndarray,
    clusters: list[int],
    seed: int,
    quick: bool = False,
) -> list[Looked]:
    """What each of `clusters` of the features of one dictionary looks like.

    Args:
        firing: of its features.
        rows: their decoder rows.
        label: their clusters.
        clusters: rising.
        seed: of samples and nulls.
        quick: as of chance: only as far as it may count.
    """
    import torch

    from jobs.manifold.exchange import TOKENS, Active, against_exchange
    from jobs.manifold.geometry import geometry, reconstructed

    cluster = label[firing.feature]
    order = np.argsort(cluster, kind="stable")
    edges = np.searchsorted(cluster[order], np.array([clusters, np.add(clusters, 1)]))
    found = []
    for number, low, high in zip(clusters, *edges, strict=True):
        entries, member = order[low:high], np.flatnonzero(label == number)
        active = Active(
            firing.token[entries],
            np.searchsorted(member, firing.feature[entries]),
            firing.activation[entries],
            rows[torch.from_numpy(member)],
        )
        if quick:
            active = active.some(TOKENS, seed)
        made = reconstructed(*active)
        seen = geometry(made.x, seed=seed, quick=quick)
        beside = against_exchange(seen.planes, active, seed=seed, quick=quick)
        found.append(Looked(number, seen._replace(planes=beside), made.token))
    return found


def _geometry_rows(work: Work, every: list[tuple[Looked, Plane]], said: list[Verdict]) -> Columns:
    columns: Columns = {
        "run": [work.run] * len(every),
        "cluster": [one.cluster for one, _ in every],
        "n": [one.geometry.n for one, _ in every],
        "q_value": [verdict.q_value for verdict in said],
        "by_chance": [_or_null(verdict.by_chance) for verdict in said],
        "irreducible": [verdict.irreducible for verdict in said],
        "p_exchanged": [_or_null(plane.p_exchanged) for _, plane in every],
    }
    for key in (
        *("plane", "variance", "separability", "mixture", "null_separability", "null_mixture"),
        *("round_mixture", "p_value"),
    ):
        columns[key] = [getattr(plane, key) for _, plane in every]
    return columns


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _plane_rows(work: Work, looked: list[Looked]) -> Columns:
    keys = ("run", "cluster", "plane", "corpus", "doc", "pos", "u", "v")
    columns: Columns = {key: [] for key in keys}
    random = np.random.default_rng(work.spec.seed)
    for one in looked:
        some = np.sort(random.permutation(len(one.token))[:DRAWN])
        token = one.token[some]
        for plane in one.geometry.planes:
            place = one.geometry.coordinates[some, plane.plane : plane.plane + 2].numpy()
            columns["run"] += [work.run] * len(some)
            columns["cluster"] += [one.cluster] * len(some)
            columns["plane"] += [plane.plane] * len(some)
            assert one.read is not None
            columns["corpus"] += [one.read.corpus] * len(some)
            columns["doc"] += one.read.doc[token].tolist()
            columns["pos"] += one.read.pos[token].tolist()
            columns["u"] += place[:, 0].tolist()
            columns["v"] += place[:, 1].tolist()
    return {**columns, "token": _texts(work, columns)}


def _texts(work: Work, columns: Columns) -> list[str]:
    """The text of every token; empty where the corpus is gone or does not say."""
    texts: dict[tuple[str, int], list[str]] = {}
    for corpus in sorted(set(columns["corpus"])):
        docs = sorted(
            {d for c, d in zip(columns["corpus"], columns["doc"], strict=True) if c == corpus}
        )
        rows = work.context.workspace.sql(
            f"SELECT doc, pieces FROM documents WHERE corpus = {quoted(corpus)}\n"
            f"AND doc IN ({', '.join(map(str, docs))})"
        ).fetchall()
        texts |= {(corpus, doc): pieces or [] for doc, pieces in rows}
    found = []
    for corpus, doc, pos in zip(columns["corpus"], columns["doc"], columns["pos"], strict=True):
        pieces = texts.get((corpus, doc), [])
        found.append(pieces[pos] if pos < len(pieces) else "")
    return found
