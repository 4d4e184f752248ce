"""Which clusters of a run are one feature of several dimensions, and tokens on their planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jobs.kinds.read_features import Read
from store.views import quoted

if TYPE_CHECKING:
    import torch

    from jobs.kinds.cluster import Work
    from jobs.manifold.geometry import Geometry
    from jobs.manifold.methods import Partition

Columns = dict[str, Any]

DRAWN = 600
"""Tokens kept of a plane, to draw."""


class Looked(NamedTuple):
    """What was seen of one cluster."""

    cluster: int
    geometry: Geometry
    token: np.ndarray
    """[n] place in `read` of each row of the geometry's coordinates."""
    read: Read


def planes(work: Work, partition: Partition, activation: np.ndarray) -> tuple[Columns, Columns]:
    """Rows of `cluster_geometry` and of `cluster_planes`."""
    looked = _look(work, partition, activation)
    return _geometry_rows(work, looked), _plane_rows(work, looked)


def _look(work: Work, partition: Partition, activation: np.ndarray) -> list[Looked]:
    """The most active clusters, each in the dictionary that holds most of it."""
    chosen = np.argsort(-np.nan_to_num(activation), kind="stable")[: work.spec.planes]
    tick = work.stages.tick(0.92, 0.97, "looking at planes")
    held = np.zeros((partition.n_clusters, len(work.pool.dictionaries)), np.int64)
    inside = partition.label >= 0
    np.add.at(held, (partition.label[inside], work.pool.place[inside]), 1)
    home = held.argmax(1)
    found: list[Looked] = []
    done = 0
    for number in range(len(work.pool.dictionaries)):
        mine = sorted(cluster for cluster in chosen.tolist() if home[cluster] == number)
        if not mine:
            continue
        seen = _of_dictionary(work, partition, number, mine, lambda n: tick(n / len(chosen)), done)
        found += seen
        done += len(mine)
    return sorted(found, key=lambda one: one.cluster)


def _of_dictionary(  # type: ignore[no-untyped-def]
    work: Work, partition: Partition, number: int, clusters: list[int], tick, done: int
) -> list[Looked]:
    import torch

    from jobs.dictionary import load
    from jobs.kinds.cluster import read_one
    from jobs.manifold.geometry import geometry

    read = read_one(work, number)
    if read is None:
        return []
    rows = load(work.context.workspace, work.pool.dictionaries[number]).W_dec.detach()
    rows = rows[torch.from_numpy(work.pool.of(number))]
    label = partition.label[work.pool.place == number]
    order = np.argsort(label[read.firing.feature], kind="stable")
    edges = np.searchsorted(label[read.firing.feature][order], [*clusters, *np.add(clusters, 1)])
    found = []
    for at, cluster in enumerate(clusters):
        tick(done + at)
        entries = order[edges[at] : edges[len(clusters) + at]]
        made = _reconstructed(read, entries, label, cluster, rows)
        seen = geometry(made.x, seed=work.spec.seed)
        found.append(Looked(cluster, seen, made.token, read))
    return found


def _reconstructed(  # type: ignore[no-untyped-def]
    read: Read, entries: np.ndarray, label: np.ndarray, cluster: int, rows: torch.Tensor
):
    import torch

    from jobs.manifold.geometry import reconstructed

    member = np.flatnonzero(label == cluster)
    row = np.zeros(len(label), np.int64)
    row[member] = np.arange(len(member))
    firing = read.firing
    return reconstructed(
        firing.token[entries],
        row[firing.feature[entries]],
        firing.activation[entries],
        rows[torch.from_numpy(member)],
    )


def _geometry_rows(work: Work, looked: list[Looked]) -> Columns:
    from jobs.manifold.geometry import verdicts

    every = [(one, plane) for one in looked for plane in one.geometry.planes]
    said = verdicts([plane for _, plane in every], work.spec.fdr)
    columns: Columns = {
        "run": [work.run] * len(every),
        "cluster": [one.cluster for one, _ in every],
        "n": [one.geometry.n for one, _ in every],
        "q_value": [verdict.q_value for verdict in said],
        "irreducible": [verdict.irreducible for verdict in said],
    }
    for key in (
        *("plane", "variance", "separability", "mixture", "null_separability", "null_mixture"),
        *("round_mixture", "p_value"),
    ):
        columns[key] = [getattr(plane, key) for _, plane in every]
    return columns


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
