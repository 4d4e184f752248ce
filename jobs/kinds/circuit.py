"""``circuit``: nodes that cause a behaviour, searched on one half of the prompts, scored on the
other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jobs.context import Context
from jobs.kinds import circuit_ground
from jobs.kinds.stages import Arrays, Stages
from jobs.specs import Circuit
from store import AskedWrongly

if TYPE_CHECKING:
    import torch

    from jobs.causal.curve import Curve
    from jobs.causal.edges import Edges, Way
    from jobs.causal.ground import Ground
    from jobs.causal.methods import Asked, Found
    from jobs.kinds.circuit_ground import Place
    from jobs.task.prepare import Prepared
    from jobs.task.task import Task

Tick = Callable[[float], None]

EDGES: Mapping[str, Way] = {
    **dict.fromkeys(("acdc", "truth"), "exact"),
    **dict.fromkeys(("shapley", "cascade"), "along"),
}
"""How the edges of a method's circuits are measured; those of others by the gradient."""
EDGE_PROMPTS = 32
"""Prompts on which edges are measured, at most."""


class Work(NamedTuple):
    """Everything at hand once the model is loaded and the task is found fit."""

    spec: Circuit
    context: Context
    circuit: str
    """Its id."""
    task: Task
    prepared: Prepared
    place: Place
    search: Ground
    """With the prompts that are searched on."""
    held_out: Ground
    """With those that circuits are scored on."""
    stages: Stages


class Search(NamedTuple):
    """What was found, and what it took."""

    found: Found
    forward: int
    """Forward passes of one prompt each."""
    backward: int
    """Backward passes of one prompt each."""
    seconds: float


class Measured(NamedTuple):
    """Everything that is measured of what was found."""

    curve: Curve
    """On held-out prompts."""
    transfer: Curve | None
    """On the same task in another template."""
    edges: Edges
    """Between the first nodes, and from each to the logits."""
    tokens: Edges
    """From the tokens to the first nodes, and past all sites to the logits."""
    exact: torch.Tensor
    """[p, k]: fall of the metric when each of the first nodes alone is ablated, prompt by prompt.
    """


def run(spec: Circuit, context: Context) -> str:
    """Searches a circuit; see `jobs.specs.Circuit`."""
    from jobs.kinds.circuit_tables import publish

    stages = Stages(context, spec)
    work = _work(spec, context, stages)
    search = _search(work)
    for line in search.found.said:
        context.say(line)
    return publish(work, search, _measure(work, search.found))


def _work(spec: Circuit, context: Context, stages: Stages) -> Work:
    from jobs.kinds.model_row import publish_model
    from jobs.task.load import load_task
    from jobs.task.prepare import prepare

    model = circuit_ground.load(spec, context)
    publish_model(context, model)
    stages.tick(0.02, 0.02, "reading the task")
    task = load_task(spec.task, model, limit=spec.limit, seed=spec.seed, ws=context.workspace)
    for line in task.said:
        context.say(line)
    how: Any = {"force": spec.force, "held_out": spec.held_out, "seed": spec.seed}
    how |= {"aligned": spec.each_position, "by_span": spec.by_span}
    prepared = prepare(task, model, **how)
    for line in prepared.said:
        context.say(line)
    if spec.by_span:
        context.say(f"spans: {', '.join(prepared.spans)}")
    positions = prepared.search.clean.shape[1] if spec.each_position else 1
    place = circuit_ground.place(spec, context, model, positions, prepared.spans)
    search = circuit_ground.ground(spec, context, place, prepared.search)
    held_out = circuit_ground.ground(spec, context, place, prepared.held_out)
    context.say(
        f"{place.nodes.n:,} nodes at {len(place.sites)} hooks; searching on "
        f"{prepared.search.n} prompts, scoring on {prepared.held_out.n}"
    )
    circuit = spec.name or context.job
    return Work(spec, context, circuit, task, prepared, place, search, held_out, stages)


def _search(work: Work) -> Search:
    """What the method finds, with the passes and seconds of this search alone, those of attempts
    that were stopped included.
    """
    import torch

    from jobs.causal.methods import METHODS, Found

    stages, ground = work.stages, work.search
    tick = stages.tick(0.05, 0.6, f"searching ({work.spec.method})")
    ledger = _Ledger(stages, ground)
    asked = _asked(work, ledger.keep, tick)

    def make() -> Arrays:
        before = (ground.cost.forward, ground.cost.backward)
        found = METHODS[work.spec.method](ground, asked)
        spent = (ground.cost.forward - before[0], ground.cost.backward - before[1])
        rows = found.per_prompt
        return {
            "effect": found.effect.float().cpu().numpy(),
            "order": found.order.cpu().numpy(),
            "per_prompt": np.zeros((0, 0)) if rows is None else rows.float().cpu().numpy(),
            "kept": np.array(-1 if found.kept is None else found.kept),
            "said": np.array(list(found.said), dtype=np.str_),
            "cost": np.array([*spent, ledger.seconds()]),
        }

    kept = stages.do("found", make)
    rows = torch.from_numpy(kept["per_prompt"]) if kept["per_prompt"].size else None
    found = Found(
        torch.from_numpy(kept["effect"]),
        torch.from_numpy(kept["order"]),
        rows,
        int(kept["kept"]) if kept["kept"] >= 0 else None,
        tuple(str(line) for line in kept["said"]),
    )
    forward, backward, seconds = kept["cost"]
    return Search(found, int(forward), int(backward), float(seconds))


class _Ledger:
    """Parts of a search that are done once, with what they took."""

    def __init__(self, stages: Stages, ground: Ground) -> None:
        self._stages, self._cost = stages, ground.cost
        self._began = time.monotonic()
        self._restored = 0.0

    def keep(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """What `make` returns; where an earlier attempt made it, its passes are counted too."""
        made: list[str] = []

        def counted() -> Arrays:
            made.append(name)
            before = (self._cost.forward, self._cost.backward)
            arrays = make()
            spent = (self._cost.forward - before[0], self._cost.backward - before[1])
            return {**arrays, "passes": np.array(spent)}

        before = self._stages.seconds
        arrays = self._stages.do(f"search-{name}", counted)
        forward, backward = arrays.pop("passes")
        if not made:
            self._restored += self._stages.seconds - before
            self._cost.forward += int(forward)
            self._cost.backward += int(backward)
        return arrays

    def seconds(self) -> float:
        """Of the whole search."""
        return time.monotonic() - self._began + self._restored


def _asked(work: Work, keep: Callable[[str, Callable[[], Arrays]], Arrays], tick: Tick) -> Asked:
    from jobs.causal.methods import Asked
    from jobs.kinds.circuit_truth import true_nodes

    spec, told = work.spec, true_nodes(work)
    return Asked(
        seed=spec.seed,
        batch=spec.batch,
        steps=spec.steps,
        threshold=spec.threshold,
        sizes=tuple(spec.sizes),
        start=spec.start,
        family=work.place.family,
        flat=spec.flat,
        truth=told and told.true,
        tick=tick,
        keep=keep,
    )


def _measure(work: Work, found: Found) -> Measured:
    curve = _curve(work, work.held_out, found, "held_out", (0.6, 0.75))
    transfer = _transfer(work, found) if work.spec.transfer else None
    edges, tokens = _edges(work, found)
    return Measured(curve, transfer, edges, tokens, _exact(work, found))


def _curve(
    work: Work, ground: Ground, found: Found, which: str, between: tuple[float, float]
) -> Curve:
    import torch

    from jobs.causal.curve import Curve, curve, grid

    spec = work.spec
    tick = work.stages.tick(*between, f"scoring circuits ({which.replace('_', '-')})")
    sizes = grid(spec.sizes, ground.nodes.n)

    def make() -> Arrays:
        made = curve(ground, found.order, sizes, spec.batch, tick)
        return {key: np.asarray(value) for key, value in made._asdict().items()}

    kept = work.stages.do(f"curve-{which}", make)
    inside, outside, clean = (torch.from_numpy(kept[key]) for key in ("inside", "outside", "clean"))
    return Curve(sizes, inside, outside, clean, ground.prompts.content)


def _transfer(work: Work, found: Found) -> Curve | None:
    """The same circuit on the task in another template, where that tells the same nodes."""
    from jobs.task.load import load_task
    from jobs.task.prepare import prepare

    name = work.task.shifted
    if name is None:
        return None
    spec, model, spans = work.spec, work.place.model, work.place.nodes.spans
    if spec.each_position:
        work.context.say(f"{name} has other positions, so the circuit is not scored on it")
        return None
    task = load_task(name, model, limit=spec.limit, seed=spec.seed)
    how: Any = {"force": True, "held_out": spec.held_out, "seed": spec.seed}
    prepared = prepare(task, model, by_span=spec.by_span, **how)
    prompts = prepared.held_out
    if unknown := [span for span in prepared.spans if span not in spans]:
        work.context.say(f"{name} has a span {unknown[0]}, so the circuit is not scored on it")
        return None
    if spec.by_span:
        prompts = prompts.named(prepared.spans, spans)
    try:
        ground = circuit_ground.ground(spec, work.context, work.place, prompts)
    except AskedWrongly as error:
        work.context.say(f"the circuit is not scored on {name}: {error}")
        return None
    return _curve(work, ground, found, "transfer", (0.75, 0.85))


def _edges(work: Work, found: Found) -> tuple[Edges, Edges]:
    """Those of the first nodes, and those from the tokens to them."""
    import torch

    from jobs.causal.edges import Edges, edges
    from jobs.causal.from_tokens import from_tokens

    nodes = found.order[: work.spec.edges]
    flat = work.spec.metric == "kl"  # where nothing is ablated: no gradient
    how: Any = {"way": EDGES.get(work.spec.method, "exact" if flat else "slope")}
    how["most"] = EDGE_PROMPTS

    def kept(name: str, measure: Callable[..., Edges], tick: Tick) -> Edges:
        def make() -> Arrays:
            made = measure(work.search, nodes, work.spec.batch, tick, **how)
            return {key: value.numpy() for key, value in made._asdict().items()}

        return Edges(*(torch.from_numpy(part) for part in work.stages.do(name, make).values()))

    between = kept("edges", edges, work.stages.tick(0.85, 0.91, "measuring direct effects"))
    told = "measuring direct effects of the tokens"
    return between, kept("edges-tokens", from_tokens, work.stages.tick(0.91, 0.92, told))


def _exact(work: Work, found: Found) -> torch.Tensor:
    import torch

    from jobs.causal.exact import alone

    tick = work.stages.tick(0.92, 0.97, "ablating nodes one by one")
    nodes = found.order[: work.spec.exact]
    rows = work.stages.do(
        "exact", lambda: {"fall": alone(work.search, nodes, work.spec.batch, tick).numpy()}
    )
    return torch.from_numpy(rows["fall"])
