"""What ``cluster`` measures of the clusters it found, and the tables it publishes."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.kinds.stages import Arrays
from jobs.specs.cluster import mixture, written

if TYPE_CHECKING:
    from jobs.kinds.cluster import Work
    from jobs.manifold.cohesion import Placement
    from jobs.manifold.graph import Graph
    from jobs.manifold.methods import Partition
    from jobs.manifold.significance import Chance

Columns = dict[str, Any]


def publish(
    work: Work,
    graph: Graph,
    partition: Partition,
    chance: Chance,
    random: list[np.ndarray],
    stability: np.ndarray,
    place: np.ndarray,
    recall: float,
) -> str:
    """Publishes every table of the run; returns what it came to, in a sentence."""
    from jobs.kinds.cluster_neighbors import publish_neighbors
    from jobs.kinds.cluster_planes import planes
    from jobs.manifold.cohesion import placement

    tick = work.stages.tick(0.9, 0.92, "measuring clusters")
    placed = placement(work.similarity, partition)
    measured = work.stages.do("measured", lambda: _measured(work, partition))
    tick(1.0)
    summary = _summary(work, partition, placed, chance, stability, measured)
    looked = planes(work, partition, measured["activation_share"], random)
    rows = {
        "clusters": _clusters(work, partition, place),
        "cluster_summary": summary,
        "cluster_geometry": looked.geometry,
        "cluster_planes": looked.points,
        "cluster_runs": {
            **_run_row(work, partition, placed, chance, summary, recall),
            **{key: [value] for key, value in looked.run.items()},
        },
    }
    publish_neighbors(work, graph)
    work.stages.tick(0.99, 1.0, "writing tables")
    manifest = work.context.provenance(inputs=work.pool.dictionaries)
    for table, columns in rows.items():  # the run last: with it, all is there
        with work.context.workspace.publish_table(table, run=work.run, manifest=manifest) as out:
            out.write(arrow(table, columns))
    significant = sum(bool(one) for one in summary["significant"])
    return (
        f"{partition.n_clusters} clusters of {work.pool.n:,} features, {significant} of them "
        f"tighter than chance at a false discovery rate of {work.spec.fdr:g}."
    )


def arrow(table: str, columns: Columns) -> Any:
    """Columns as the schema declares them: an empty list alone would not tell its type."""
    import pyarrow as pa

    from store.parquet import arrow_type
    from store.schema import TABLES

    declared = {name: arrow_type(TABLES[table].column(name).type) for name in columns}
    return pa.table({name: pa.array(columns[name], kind) for name, kind in declared.items()})


def _clusters(work: Work, partition: Partition, place: np.ndarray) -> Columns:
    names = np.array(work.pool.dictionaries, dtype=object)
    return {
        "run": [work.run] * work.pool.n,
        "dictionary": names[work.pool.place].tolist(),
        "feature": work.pool.feature.astype(np.uint32),
        "cluster": partition.label.astype(np.int32),
        "membership": partition.membership,
        "x": place[:, 0],
        "y": place[:, 1],
    }


def _measured(work: Work, partition: Partition) -> Arrays:
    """Intrinsic dimension and shares of each cluster, NaN where they cannot be told."""
    import torch

    from jobs.manifold.dimension import two_nn

    count = partition.n_clusters
    dimension = np.full(count, np.nan)
    if work.W_dec is not None:
        unit = torch.nn.functional.normalize(work.W_dec.float(), dim=1)
        order = np.argsort(partition.label, kind="stable")
        edges = np.searchsorted(partition.label[order], np.arange(count + 1))
        for cluster in range(count):
            member = order[edges[cluster] : edges[cluster + 1]]
            dimension[cluster] = two_nn(unit[torch.from_numpy(member)])
    activation, fvu = _shares(work, partition)
    return {"dimension": dimension, "activation_share": activation, "fvu_share": fvu}


def _shares(work: Work, partition: Partition) -> tuple[np.ndarray, np.ndarray]:
    """Shares of each cluster, the mean over the dictionaries that are profiled."""
    import torch

    from jobs.dictionary import load
    from jobs.kinds.cluster import read_one
    from jobs.manifold.shares import shares

    found = []
    for number, name in enumerate(work.pool.dictionaries):
        read = read_one(work, number)
        if read is None:
            continue
        kept = torch.from_numpy(work.pool.of(number))
        W_dec = load(work.context.workspace, name).W_dec.detach()[kept]
        label = partition.label[work.pool.place == number]
        found.append(shares(read.firing, W_dec, label, partition.n_clusters, _fvu(work, name)))
    if not found:
        return np.full(partition.n_clusters, np.nan), np.full(partition.n_clusters, np.nan)
    activation, fvu = (np.mean(column, axis=0) for column in zip(*found, strict=True))
    return activation, fvu


def _fvu(work: Work, name: str) -> float:
    """FVU as a profile measured it; NaN where none did."""
    from store.views import quoted

    rows = work.context.workspace.sql(
        f"SELECT fvu FROM dictionaries WHERE dictionary = {quoted(name)}"
    ).fetchall()
    return float(rows[0][0]) if rows and rows[0][0] is not None else math.nan


def _summary(
    work: Work,
    partition: Partition,
    placed: Placement,
    chance: Chance,
    stability: np.ndarray,
    measured: Arrays,
) -> Columns:
    from jobs.manifold.cohesion import by_cluster, mean_similarity, medoids
    from jobs.manifold.significance import p_values, q_values
    from jobs.manifold.tokens import shared_tokens

    size, cohesion = partition.sizes, by_cluster(placed.own, partition)
    p = p_values(size, cohesion, chance)
    q = q_values(p)
    centre = medoids(placed, partition)
    shared = shared_tokens(work.pool.words, partition.label, partition.n_clusters)
    names = work.pool.dictionaries
    return {
        "run": [work.run] * partition.n_clusters,
        "cluster": np.arange(partition.n_clusters, dtype=np.int32),
        "n_features": size.astype(np.uint32),
        "cohesion": cohesion,
        "separation": by_cluster(placed.silhouette(partition), partition),
        "intrinsic_dimension": measured["dimension"],
        "null_cohesion": np.full(partition.n_clusters, mean_similarity(work.similarity)),
        "random_cohesion": chance.expected(size),
        "p_value": p,
        "q_value": q,
        "significant": [None if math.isnan(one) else bool(one <= work.spec.fdr) for one in q],
        "stability": stability,
        "activation_share": measured["activation_share"],
        "fvu_share": measured["fvu_share"],
        "medoid_dictionary": [names[work.pool.place[one]] for one in centre],
        "medoid_feature": work.pool.feature[centre].astype(np.uint32),
        "tokens": [one.tokens for one in shared],
        "label": [one.label for one in shared],
    }


def _run_row(
    work: Work,
    partition: Partition,
    placed: Placement,
    chance: Chance,
    summary: Columns,
    recall: float,
) -> Columns:
    silhouette = placed.silhouette(partition)
    known = silhouette[~np.isnan(silhouette)]
    row = {
        "run": work.run,
        "dictionaries": work.pool.dictionaries,
        "method": work.spec.method,
        "similarity": written(mixture(work.spec.similarity)),
        "n_features": work.pool.n,
        "n_clusters": partition.n_clusters,
        "n_clustered": int((partition.label >= 0).sum()),
        "n_significant": sum(bool(one) for one in summary["significant"]),
        "null_clusters": len(chance.size) / chance.draws if chance.draws else None,
        "fdr": work.spec.fdr,
        "silhouette": float(known.mean()) if len(known) else None,
        "seed": work.spec.seed,
        "seconds": work.stages.seconds,
        "neighbors": work.spec.neighbors,
        "recall": recall,
        "nulls": chance.draws,
        "created_at": datetime.now(UTC),
    }
    return {key: [value] for key, value in row.items()}
