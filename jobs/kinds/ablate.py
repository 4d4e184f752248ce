"""``ablate``: what ablating features changes behind them, each effect beside what chance gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jobs.chosen import Sources
from jobs.context import Context
from jobs.kinds.ablate_asked import Read, read_inputs, sources
from jobs.kinds.model_row import publish_model
from jobs.kinds.sites import component_sites, dictionary_sites, model_of
from jobs.kinds.stages import Arrays, Stages
from jobs.names import depth
from jobs.specs import Ablate
from store import AskedWrongly

if TYPE_CHECKING:
    from jobs.causal.basis import Site
    from jobs.causal.effects import Change
    from jobs.causal.firing import Fires
    from jobs.causal.found import Group
    from jobs.causal.targets import Targets
    from jobs.model import LanguageModel

GROUP = 512
"""Rows of forward passes that a stage takes, about: what is lost when a job is killed."""
CELLS = 1 << 25
"""Mean effects of a group's ablations and nulls over all targets held at once."""
READ, MEASURED = 0.1, 0.98
"""Shares of the whole at which reading and measuring end."""


class Work(NamedTuple):
    """Everything at hand once the model and the inputs are loaded."""

    spec: Ablate
    context: Context
    model: LanguageModel
    sites: list[Site]
    """Of all dictionaries, in the order of the model."""
    sources: Sources
    read: Read
    stages: Stages
    nulls: int
    """Null ablations a source, of each kind."""
    listened: list[int]
    """Forward passes of looking where features fire, once that is done."""

    @property
    def reach(self) -> int | None:
        """Tokens behind a firing at which effects are measured; None: all."""
        if self.spec.reach is None and self.read.inputs.metric is None:
            return 0
        return self.spec.reach

    def passes(self, measured: Sequence[tuple[str, Arrays]]) -> int:
        """Forward passes of it all."""
        return sum(self.listened) + sum(int(found["forward"]) for _, found in measured)

    def site(self, dictionary: str) -> Site:
        """Where a dictionary stands."""
        return next(site for site in self.sites if site.name == dictionary)

    def features(self, dictionary: str) -> np.ndarray:
        """Sources of one dictionary."""
        return np.array([f for name, f in self.sources if name == dictionary], np.int64)

    def targets(self, dictionary: str) -> Targets:
        """All that lies behind a dictionary."""
        from jobs.causal.targets import Targets

        here = depth(self.site(dictionary).hook)
        later = [site for site in self.sites if depth(site.read_at) > here]
        parts = component_sites(self.model) if self.spec.components else []
        behind = [site for site in parts if depth(site.hook)[:2] > here[:2]]
        return Targets(later, behind, self.model.n_heads)


def run(spec: Ablate, context: Context) -> str:
    """Ablates `spec.features` or what else it chooses; see `jobs.specs.Ablate`."""
    from jobs.kinds.ablate_tables import publish
    from jobs.model import load_model

    stages = Stages(context, spec)
    stages.tick(0.0, 0.0, "looking for the features")
    chosen = sources(spec, context)
    name, revision = model_of(context, spec.all_dictionaries())
    manifests = {n: context.workspace.dictionary(n).manifest for n in spec.all_dictionaries()}
    spec.refuse_last(manifests, dict(chosen))
    context.progress(0.0, f"loading {name}")
    on: Any = {"device": context.device, "dtype": spec.dtype, "say": context.say}
    model = load_model(name, revision=revision, **on)
    sites = dictionary_sites(context, model, spec.all_dictionaries())
    read = read_inputs(spec, context, model, revision)
    publish_model(context, model)
    nulls = spec.nulls if spec.nulls is not None else usual_nulls(len(chosen))
    work = Work(spec, context, model, sites, chosen, read, stages, nulls, [])
    context.say(
        f"ablating {len(chosen):,} features on {read.inputs.n:,} inputs of "
        f"{int(read.inputs.length.sum()):,} tokens, each beside {nulls} random directions and "
        f"{nulls} other features"
    )
    fires = _fires(work)
    return publish(work, list(_measured(work, fires)))


def usual_nulls(n_sources: int) -> int:
    """Null ablations of each kind that a source has: their z are pooled over sources, so many
    sources need few each.
    """
    return min(20, max(4, 80 // n_sources))


def _fires(work: Work) -> dict[str, tuple[Fires, np.ndarray]]:
    """Where the dictionaries of the sources fire, and what stands in for every firing."""
    from jobs.causal.firing import Fires

    names = [site.name for site in work.sites if site.name in dict(work.sources)]
    tick = work.stages.tick(0.0, READ, "looking where features fire")
    kept = work.stages.do("fires", lambda: _listened(work, [str(name) for name in names], tick))
    work.listened[:] = [int(kept["forward"])]
    found = {}
    for number, name in enumerate(names):
        own: Any = {field: kept[f"{field}-{number}"] for field in Fires._fields}
        fires = Fires(**own)
        found[str(name)] = fires, kept[f"instead-{number}"]
    return found


def _listened(work: Work, names: Sequence[str], tick: Any) -> Arrays:
    from jobs.causal.firing import listen, stands_in
    from jobs.causal.ground import Cost

    spec, inputs, cost = work.spec, work.read.inputs, Cost()
    if spec.ablation == "resample" and inputs.metric is not None and inputs.corrupt is None:
        raise AskedWrongly(
            "ablation=resample takes values from corrupt prompts, and this task has none; "
            "ask for ablation=mean or zero."
        )
    sites = [work.site(name) for name in names]
    on = (work.model, sites, [work.features(name) for name in names], inputs, spec.batch, cost)
    every = listen(*on, tick)
    other: Sequence[Fires | None] = [None] * len(names)
    if spec.ablation == "resample" and inputs.corrupt is not None:
        other = listen(*on, tick, corrupt=True)
    found: Arrays = {"forward": np.array(cost.forward)}
    for number, (fires, elsewhere) in enumerate(zip(every, other, strict=True)):
        found |= {f"{key}-{number}": np.array(value) for key, value in fires._asdict().items()}
        found[f"instead-{number}"] = stands_in(spec.ablation, fires, elsewhere, spec.seed)
    return found


def _measured(
    work: Work, fires: dict[str, tuple[Fires, np.ndarray]]
) -> Iterator[tuple[str, Arrays]]:
    """What was found of each group of sources, dictionary by dictionary."""
    groups = [
        (str(site.name), group)
        for site in work.sites
        if site.name in fires
        for group in _groups(work, str(site.name), fires[str(site.name)][0])
    ]
    for number, (name, group) in enumerate(groups):
        step = (MEASURED - READ) / len(groups)
        low = READ + step * number
        tick = work.stages.tick(low, low + step, f"ablating features of {name}")
        make = partial(_group, work, name, group, fires[name], tick)
        yield name, work.stages.do(f"group-{number}", make)


def _groups(work: Work, name: str, fires: Fires) -> Iterator[list[int]]:
    """Features in groups of about `GROUP` rows, whose sums can be held."""
    group: list[int] = []
    rows, most = 0, max(1, CELLS // ((1 + 2 * work.nulls) * work.targets(name).n))
    for feature in work.features(name).tolist():
        documents = len(np.unique(fires.document[fires.of(feature)]))
        own = min(documents, work.spec.per_source) * (1 + 2 * work.nulls)
        if group and (rows + own > GROUP or len(group) == most):
            yield group
            group, rows = [], 0
        group.append(feature)
        rows += own
    yield group


def _group(
    work: Work, name: str, features: list[int], known: tuple[Fires, np.ndarray], tick: Any
) -> Arrays:
    """Effects of some features of one dictionary, and of their nulls."""
    from jobs.causal.effects import Ablator
    from jobs.causal.found import Group
    from jobs.causal.ground import Cost

    targets, cost = work.targets(name), Cost()
    on = (work.model, work.read.inputs, work.site(name).hook, targets, cost)
    ablator = Ablator(*on, say=work.context.say)
    group = Group(targets, features, work.nulls)
    changes = [
        change
        for place, feature in enumerate(features)
        for change in _changes(work, name, feature, known, group, place)
    ]
    for effects in ablator.measure(changes, work.spec.batch, tick):
        group.add(effects)
    found = group.found(top=work.spec.top, seed=work.spec.seed)
    return {**found, "forward": np.array(cost.forward)}


def _changes(
    work: Work,
    name: str,
    feature: int,
    known: tuple[Fires, np.ndarray],
    group: Group,
    place: int,
) -> Iterator[Change]:
    """The ablation of a feature in some documents, and its nulls in the same ones."""
    import torch

    from jobs.causal.effects import Change, reached

    fires, instead = known
    own = fires.of(feature)
    there = np.unique(fires.document[own])
    random = np.random.default_rng([work.spec.seed & 0x7FFFFFFF, feature, 2])
    documents = np.sort(random.permutation(there)[: work.spec.per_source])
    directions = _directions(work, name, feature, fires)
    content = work.read.inputs.content(torch.from_numpy(documents))
    group.expect(place, content, len(directions) - 1 - work.nulls)
    for number, document in enumerate(documents.tolist()):
        at = np.flatnonzero(fires.document[own] == document) + own.start
        amount = torch.zeros(work.read.inputs.tokens.shape[1])
        amount[fires.position[at]] = torch.from_numpy(instead[at] - fires.activation[at]).float()
        counted = reached(fires.position[at], work.reach, len(amount))
        for kind, direction in enumerate(directions):
            yield Change(document, (place, number, kind), direction, amount, counted)


def _directions(work: Work, name: str, feature: int, fires: Fires) -> Any:
    """The feature's direction, then null ones of the same length: random, and of other features."""
    import torch

    from jobs.causal.basis import Features
    from jobs.causal.nulls import directions, matched

    basis = work.site(name).basis
    assert isinstance(basis, Features)
    rows = basis.dictionary.W_dec.detach().float().cpu()
    seed = int(np.random.default_rng([work.spec.seed & 0x7FFFFFFF, feature, 3]).integers(1 << 62))
    norms = rows.norm(dim=1)
    others = matched(feature, fires.times, fires.writes(norms.numpy()), work.nulls, work.spec.seed)
    random = directions(work.nulls, rows.shape[1], seed)
    others_unit = torch.nn.functional.normalize(rows[torch.from_numpy(others)])
    return torch.cat([rows[feature][None], norms[feature] * torch.cat([random, others_unit])])
