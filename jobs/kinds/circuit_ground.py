"""What a circuit is searched on: model, dictionaries spliced in, nodes, prompts in two halves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.context import Context
from jobs.kinds import sites as splice
from jobs.specs import Circuit
from store import AskedWrongly

if TYPE_CHECKING:
    import torch

    from jobs.causal.basis import Site
    from jobs.causal.ground import Cost, Ground
    from jobs.causal.nodes import Nodes
    from jobs.causal.prompts import Prompts
    from jobs.model import LanguageModel


class Place(NamedTuple):
    """A model with everything that a circuit of it can hold."""

    model: LanguageModel
    sites: list[Site]
    nodes: Nodes
    family: torch.Tensor | None
    """For every node the cluster that it is of, where a coarse search begins with clusters."""


def load(spec: Circuit, context: Context) -> LanguageModel:
    """The model, told as the first step of the job."""
    from jobs.model import load_model

    ws = context.workspace
    spec.refuse_unlike({name: ws.dictionary(name).manifest for name in spec.dictionaries})
    spec.refuse_clusters(ws)
    name, revision = spec.model, spec.revision
    if spec.dictionaries:
        name, revision = splice.model_of(context, spec.dictionaries)
    assert name is not None
    context.progress(0.0, f"loading {name}")
    on: Any = {"device": context.device, "dtype": spec.dtype, "say": context.say}
    return load_model(name, revision=revision, **on)


def place(
    spec: Circuit,
    context: Context,
    model: LanguageModel,
    positions: int,
    spans: tuple[str, ...] = (),
) -> Place:
    """Sites and nodes as asked for: at as many `positions`, or of the `spans` of those names."""
    from jobs.causal import nodes as make

    where: Any = {"positions": positions, "spans": spans}
    if spec.nodes == "components":
        sites = splice.component_sites(model)
        nodes = make.components(sites, model.n_heads, **where)
        return Place(model, sites, nodes, None)
    sites = splice.dictionary_sites(context, model, spec.dictionaries)
    if spec.nodes == "neurons":
        sites = splice.axis_sites(model, sites)
        return Place(model, sites, make.neurons(sites, **where), None)
    fine = make.features(sites, errors=spec.errors, **where)
    if spec.clusters is None:
        return Place(model, sites, fine, None)
    label, names = clusters(context, spec.clusters, fine)
    if spec.nodes == "shuffled":
        label, grouped = shuffled(label, fine, spec.seed), label.bincount() > 1
        names = [f"shuffled {n}" if g else n for n, g in zip(names, grouped, strict=True)]
    coarse, of = make.grouped(fine, label, names)
    return Place(model, sites, coarse, None) if spec.grouped else Place(model, sites, fine, of)


def shuffled(label: torch.Tensor, nodes: Nodes, seed: int) -> torch.Tensor:
    """`label` with the members of all groups dealt anew: each keeps as many features of every
    dictionary as it had. What stands alone still does.
    """
    import numpy as np
    import torch

    dealt, draw = label.numpy().copy(), np.random.default_rng(seed)
    several = np.bincount(dealt)[dealt] > 1
    of = np.array([base.dictionary or "" for base in nodes.bases])
    for dictionary in np.unique(of):
        own = np.flatnonzero(several & (of == dictionary))
        dealt[own] = draw.permutation(dealt[own])
    return torch.from_numpy(dealt)


def clusters(context: Context, run: str, nodes: Nodes) -> tuple[torch.Tensor, list[str]]:
    """For every base node its group, and what groups are called. Features that the run left out
    and errors stand alone, under their own names.
    """
    import numpy as np
    import torch

    from store.views import quoted

    rows = context.workspace.sql(
        f"SELECT dictionary, feature, cluster FROM clusters WHERE run = {quoted(run)} "
        "AND cluster >= 0 ORDER BY cluster"
    ).fetchnumpy()
    starts = {
        base.dictionary: index
        for index, base in enumerate(nodes.bases)
        if base.dictionary is not None and base.feature == 0
    }
    label = np.full(len(nodes.bases), -1, dtype=np.int64)
    for dictionary, start in starts.items():
        own = rows["dictionary"] == dictionary
        label[start + rows["feature"][own].astype(np.int64)] = rows["cluster"][own]
    there, label[label >= 0] = np.unique(label[label >= 0], return_inverse=True)
    if not len(there):
        raise AskedWrongly(
            f"Cluster run {run} puts no feature of these dictionaries into a cluster, so there is "
            "nothing to search; cluster them with smaller min_size."
        )
    alone = np.flatnonzero(label < 0)
    label[alone] = len(there) + np.arange(len(alone))
    names = [f"{run}#{cluster}" for cluster in there]
    return torch.from_numpy(label), names + [nodes.bases[int(i)].name for i in alone]


def ground(
    spec: Circuit, context: Context, place: Place, prompts: Prompts, cost: Cost | None = None
) -> Ground:
    """The place with some prompts."""
    from jobs.causal.ground import Ground

    how: Any = {"metric": spec.metric, "ablation": spec.ablation}
    return Ground(place.model, place.sites, place.nodes, prompts, cost=cost, say=context.say, **how)
