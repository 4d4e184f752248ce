"""``cluster``: features grouped by similarity and mapped, each figure beside chance."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jobs.context import Context
from jobs.kinds.read_features import Pool, Read, pool, read_firing, read_known
from jobs.kinds.stages import Arrays, Stages
from jobs.specs import Cluster
from jobs.specs.cluster import DIRECTIONS, mixture
from store import AskedWrongly

if TYPE_CHECKING:
    import torch

    from jobs.manifold.graph import Graph
    from jobs.manifold.methods import Asked, Method, Partition
    from jobs.manifold.significance import Chance
    from jobs.manifold.similarity import Similarity


class Work(NamedTuple):
    """Everything at hand once the dictionaries are read."""

    spec: Cluster
    context: Context
    run: str
    pool: Pool
    W_dec: torch.Tensor | None
    """Decoder rows of the pool, [n, d]; None where the dictionaries differ in d."""
    similarity: Similarity
    method: Method
    asked: Asked
    stages: Stages

    def repeats(self, wanted: int | None, usual: int) -> int:
        """How often something is drawn anew: as `wanted`, or less often where that takes long."""
        if wanted is not None:
            return wanted
        return min(usual, max(2, usual * 8192 // self.pool.n))


def run(spec: Cluster, context: Context) -> str:
    """Clusters `spec.dictionaries`; see `jobs.specs.Cluster`."""
    from jobs.kinds.cluster_tables import publish

    stages = Stages(context, spec)
    stages.tick(0.0, 0.0, "reading features")
    work = _work(spec, context, _pool(spec, context), stages)
    wide, recall = _graph(work)
    graph = wide.first(spec.neighbors)
    stages.tick(0.25, 0.3, "clustering")
    partition = _partition(work, graph)
    chance, random = _chance(work)
    stability = _stability(work, wide, partition)
    stages.tick(0.85, 0.9, "drawing the map")
    place = stages.do("map", lambda: _map(work, graph))["place"]
    return publish(work, graph, partition, chance, random, stability, place, recall)


def _pool(spec: Cluster, context: Context) -> Pool:
    """The features that fire."""
    ws = context.workspace
    manifests = {name: ws.dictionary(name).manifest for name in spec.dictionaries}
    spec.refuse_strangers(manifests)
    spec.refuse_inside(manifests)
    known = [read_known(ws, name) for name in spec.dictionaries]
    for name, one in zip(spec.dictionaries, known, strict=True):
        if not one.fires.any():
            raise AskedWrongly(
                f"No feature of {name} fired on the profiled tokens, so there is nothing to "
                "cluster; profile it on more of them, or train it anew."
            )
        if not one.profiled:
            context.say(
                f"{name} has no profile: all its features are taken, and clusters get no tokens "
                f"and no label; `saetui run profile dictionaries={name}` makes one."
            )
    found = pool(spec.dictionaries, known)
    spec.refuse_too_few(found.n, "hold" if all(one.profiled for one in known) else "have")
    return found


def _work(spec: Cluster, context: Context, features: Pool, stages: Stages) -> Work:
    from jobs.manifold.methods import METHODS, Asked

    rows = _rows(spec, context, features)
    similarity = _similarity(spec, context, features, rows)
    clusters = spec.clusters or max(2, round(math.sqrt(features.n)))
    asked = Asked(clusters, spec.min_size, spec.resolution, spec.seed)
    run = spec.name or context.job
    method = METHODS[spec.method]
    W_dec = rows.get("decoder")
    return Work(spec, context, run, features, W_dec, similarity, method, asked, stages)


def _rows(spec: Cluster, context: Context, features: Pool) -> dict[str, torch.Tensor]:
    """The directions of every feature: those asked for, and the decoder's for what comes after."""
    import torch

    from jobs.dictionary import load

    kinds = DIRECTIONS & {"decoder", *mixture(spec.similarity)}
    rows: dict[str, list[torch.Tensor]] = {kind: [] for kind in sorted(kinds)}
    lens = _lens(spec, context) if "lens" in rows else None
    for number, name in enumerate(features.dictionaries):
        loaded = load(context.workspace, name, device=context.device)
        kept = torch.from_numpy(features.of(number)).to(context.device)
        for kind, found in rows.items():
            row = (loaded.encoder if kind == "encoder" else loaded.W_dec).detach()[kept]
            found.append(row @ lens if kind == "lens" and lens is not None else row)
    widths = {kind: {row.shape[1] for row in found} for kind, found in rows.items()}
    return {kind: torch.cat(found) for kind, found in rows.items() if len(widths[kind]) == 1}


def _lens(spec: Cluster, context: Context) -> torch.Tensor:
    """A matrix that directions are multiplied by so that their products are those of the logits
    they add.
    """
    import torch

    from jobs.manifold.similarity import root
    from jobs.model import load_model

    manifest = context.workspace.dictionary(spec.dictionaries[0]).manifest
    context.progress(0.01, f"loading {manifest['model']}")
    model = load_model(
        manifest["model"],
        device=context.device,
        revision=manifest.get("revision"),
        say=context.say,
    )
    logits = model.unembed(torch.eye(int(manifest.get("d_out") or manifest["d_in"])))
    return root(logits - logits.mean(1, keepdim=True)).to(context.device)


def _similarity(
    spec: Cluster, context: Context, features: Pool, rows: dict[str, torch.Tensor]
) -> Similarity:
    from jobs.manifold.firing import Together
    from jobs.manifold.mixed import Mixed
    from jobs.manifold.similarity import Directions

    weights = mixture(spec.similarity)
    parts: list[tuple[float, Similarity]] = []
    directed = {kind: weight for kind, weight in weights.items() if kind in DIRECTIONS}
    if share := sum(directed.values()):
        weighted = [(weight / share, rows[kind]) for kind, weight in directed.items()]
        parts.append((share, Directions(weighted, features.parts)))
    firing = [kind for kind in weights if kind not in DIRECTIONS]
    if firing:
        context.progress(0.02, "reading activations")
        read = read_firing(context.workspace, features, spec.tokens, spec.seed)
        parts += [(weights[kind], Together(read.firing, kind, features.parts)) for kind in firing]
    return parts[0][1] if len(parts) == 1 else Mixed(parts)


def _graph(work: Work) -> tuple[Graph, float]:
    """The graph and its recall. It has twice the neighbours asked for: a sample of the features
    must keep enough.
    """
    import torch

    from jobs.manifold.graph import Graph
    from jobs.manifold.recall import recall

    tick = work.stages.tick(0.05, 0.25, "finding nearest features")
    wide = min(2 * work.spec.neighbors, work.pool.n - 1)

    def found() -> Arrays:
        graph = work.similarity.nearest(wide, tick)
        return {
            "other": graph.other.numpy(),
            "similarity": graph.similarity.numpy(),
            "recall": np.array(recall(work.similarity, graph, work.spec.seed)),
        }

    kept = work.stages.do("graph", found)
    share = float(kept["recall"])
    work.context.say(
        f"the graph holds {share:.1%} of the {wide} true nearest features of each, as measured on "
        "a sample of them"
    )
    return Graph(torch.from_numpy(kept["other"]), torch.from_numpy(kept["similarity"])), share


def _partition(work: Work, graph: Graph) -> Partition:
    from jobs.manifold.methods import Partition

    found = work.stages.do(
        "partition", lambda: work.method(work.similarity, graph, work.asked)._asdict()
    )
    return Partition(**found)


def _chance(work: Work) -> tuple[Chance, list[np.ndarray]]:
    """Clusters of random dictionaries, found in the same way; of some, every feature's label."""
    from jobs.kinds.cluster_chance import looked_at, seed_of
    from jobs.manifold.cohesion import by_cluster, placement
    from jobs.manifold.significance import Chance, nearby

    draws, looked = work.repeats(work.spec.nulls, 10), looked_at(work)
    tick = work.stages.tick(0.3, 0.7, "clustering random dictionaries")

    def draw(number: int) -> Arrays:
        twin = work.similarity.by_chance(seed_of(work, number))
        graph = twin.nearest(work.spec.neighbors, lambda share: tick((number + share / 2) / draws))
        found = work.method(twin, graph, work.asked)
        return {
            "size": found.sizes,
            "cohesion": by_cluster(placement(twin, found).own, found),
            "near": nearby(graph),
            "label": found.label if number < looked else np.zeros(0, np.int64),
        }

    drawn = [work.stages.do(f"random-{number}", partial(draw, number)) for number in range(draws)]
    size = np.concatenate([np.zeros(0, np.int64), *(one["size"] for one in drawn)])
    cohesion = np.concatenate([np.zeros(0), *(one["cohesion"] for one in drawn)])
    near = np.mean([one["near"] for one in drawn], axis=0) if drawn else np.zeros(0)
    labels = [one["label"] for one in drawn[:looked]]
    return Chance(size, cohesion, near, draws), labels


def _stability(work: Work, wide: Graph, partition: Partition) -> np.ndarray:
    """Of each cluster, NaN where it was not measured."""
    from jobs.manifold.stability import bootstrap

    draws = work.repeats(work.spec.bootstraps, 10)
    tick = work.stages.tick(0.7, 0.85, "clustering samples of the features")

    def draw(number: int) -> Arrays:
        tick(number / draws)
        return {
            "found": bootstrap(
                *(work.similarity, wide, work.spec.neighbors, work.method, work.asked, partition),
                seed=work.spec.seed * 1_000_003 + number + 1,
            )
        }

    drawn = [work.stages.do(f"sample-{number}", partial(draw, number)) for number in range(draws)]
    if not drawn:
        return np.full(partition.n_clusters, np.nan)
    every = np.stack([one["found"] for one in drawn])
    known = (~np.isnan(every)).sum(0)
    return np.where(known > 0, np.nansum(every, axis=0) / np.maximum(known, 1), np.nan)


def _map(work: Work, graph: Graph) -> Arrays:
    from jobs.manifold.layout import layout

    return {"place": layout(graph, work.spec.seed)}


def read_one(work: Work, number: int) -> Read | None:
    """Activations of one dictionary of the run; None where it has no profile."""
    mine = work.pool.place == number
    name = work.pool.dictionaries[number]
    some = Pool([name], np.zeros(int(mine.sum()), np.int64), work.pool.feature[mine], [])
    try:
        return read_firing(work.context.workspace, some, work.spec.tokens, work.spec.seed)
    except AskedWrongly:
        return None
