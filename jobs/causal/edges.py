"""Direct effects between the nodes of a circuit.

To see what u does to v directly, u is ablated and every later site is read, then put back to what
it was: nothing that lies between passes anything on. One pass shows the change of every later node
at once. What that change means for the metric is told by the gradient at the target (or, where it
is to be exact, by patching the target alone with its changed value):

    effect(u → v) = (f_v − f_v^{u}) · ∇_{f_v} m          effect(u → logits) = m − m^{u}

f_v^{u} being the target with u ablated and all between them held; along the common path it is that
with all nodes partly there (`jobs.causal.around`). Rows with nothing changed run beside the changed
ones in every pass, so that what nothing reaches differs by nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.around import Around
from jobs.causal.basis import Site
from jobs.causal.ground import Ground, gated, reading
from jobs.causal.nodes import Nodes
from jobs.model.fitting import Fitting
from jobs.model.plain import Edit
from jobs.names import Hook

LOGITS = -1
"""In place of a target node: the end of the model."""
Way = Literal["slope", "exact", "along"]
"""What a change of a target means: by the gradient, by patching, by the gradient along the path."""
_ABREAST = 8
"""Runs of the same prompts in one pass: one as they are, the others with a source changed each."""


class Edges(NamedTuple):
    """Direct effects, from every node on every later one and on the logits."""

    source: Int64[Tensor, " e"]
    target: Int64[Tensor, " e"]
    """A node, or `LOGITS`."""
    fall: Float[Tensor, "p e"]
    """Fall of the metric through the edge, prompt by prompt."""


class Slope(NamedTuple):
    """Gradient of the metric at a site."""

    f: Float[Tensor, "b t m"]
    rest: Float[Tensor, "b t d"]


class Change(NamedTuple):
    """What sources make of a site (`Around.by_source`), rows of one after those of another."""

    f: Float[Tensor, "kb t m"]
    rest: Float[Tensor, "kb t d"]


def edges(
    ground: Ground,
    nodes: Int64[Tensor, " k"],
    batch: int,
    tick: Callable[[float], None],
    *,
    way: Way = "slope",
    most: int | None = None,
) -> Edges:
    """Between `nodes`, and from each to the logits, on the first `most` prompts (all). A pass each
    way a prompt and one forward pass for each prompt and source; exact: no backward pass, and one
    more forward for each prompt and edge; along the path: two for each prompt and source. Out of
    memory halves the prompts of a pass.
    """
    nodes = nodes.cpu()
    around = Around.along(ground) if way == "along" else Around(ground)
    places = places_of(ground.nodes, nodes)
    prompts, k = ground.all[:most], len(nodes)
    abreast = (_ABREAST - 1) // around.runs_each

    def among(at: slice) -> Float[Tensor, "b k k_plus_1"]:
        rows = prompts[at]
        found = torch.zeros(len(rows), k, k + 1, dtype=torch.float64)
        slopes = None if way == "exact" else gradients(around, rows)
        for site, sources in places.items():
            tick((at.start + len(rows) * site / len(ground.sites)) / len(prompts))
            for few in torch.tensor(sources).split(abreast):
                found[:, few] += _of_sources(around, nodes, few, site, rows, slopes, batch)
        return found

    told = "direct effects of {} prompts at a time from here on"
    fitting = Fitting(told, ground.say, most=batch // _ABREAST)
    return _listed(nodes, torch.cat(fitting.of(len(prompts), among)), ground.nodes)


def places_of(nodes: Nodes, chosen: Tensor) -> dict[int, list[int]]:
    """Site → places in `chosen` of the nodes that stand there; a group may at several."""
    base = chosen % len(nodes.bases)
    found: dict[int, list[int]] = {}
    for site, owner in enumerate(nodes.owners):
        here = torch.isin(base, owner).nonzero()[:, 0].tolist()
        if here:
            found[site] = here
    return found


def _listed(nodes: Tensor, found: Tensor, all_nodes: Nodes) -> Edges:
    """Edges that exist: to later sites and the logits, the strongest first."""
    k = len(nodes)
    source = torch.arange(k).repeat_interleave(k + 1)
    target = torch.arange(k + 1).repeat(k)
    flat = found.flatten(1)
    there = (flat != 0).any(0) & (source != target)
    fall = flat[:, there]
    order = fall.mean(0).abs().argsort(descending=True, stable=True)
    ends = torch.cat([nodes, torch.tensor([LOGITS])])
    return Edges(nodes[source[there]][order], ends[target[there]][order], fall[:, order])


def _of_sources(
    around: Around,
    nodes: Tensor,
    few: Tensor,
    site: int,
    rows: Tensor,
    slopes: Sequence[Slope] | None,
    batch: int,
) -> Float[Tensor, "b s k_plus_1"]:
    """Falls through the edges of sources at one site."""
    changes, score = _changed(around, nodes[few], site, rows)
    b, s, k = len(rows), len(few), len(nodes)
    found = torch.zeros(b, s, k + 1, dtype=torch.float64)
    found[:, :, k] = around.by_source(score, b).view(s, b).T.double().cpu()
    for later, change in changes.items():
        fall = through(around, nodes, later, change, rows, slopes, score[:b], batch)
        found[:, :, :k] += fall.view(s, b, k).transpose(0, 1).double().cpu()
    return found


def through(
    around: Around,
    nodes: Int64[Tensor, " k"],
    site: int,
    change: Change,
    rows: Int64[Tensor, " b"],
    slopes: Sequence[Slope] | None,
    clean: Float[Tensor, " b"],
    batch: int,
) -> Float[Tensor, "sb k"]:
    """Falls of the metric through `nodes` by what `change` makes of a site: by the gradients
    `slopes`, or where there are none by patching, `clean` being the metric without.
    """
    if slopes is None:
        return _patched(around, nodes, site, change, rows, clean, batch)
    return _weighed(around.ground, site, change, slopes[site], rows)[:, nodes]


def _weighed(
    ground: Ground, site: int, change: Change, slope: Slope, rows: Int64[Tensor, " b"]
) -> Float[Tensor, "kb n"]:
    """Change times gradient, summed over each node."""
    times = len(change.f) // len(slope.f)
    f = change.f * slope.f.repeat(times, 1, 1)
    rest = (change.rest * slope.rest.repeat(times, 1, 1)).sum(-1, keepdim=True)
    return ground.gather(site, torch.cat([f, rest], -1), rows.repeat(times))


@torch.no_grad()
def _changed(
    around: Around, sources: Tensor, site: int, rows: Tensor
) -> tuple[dict[int, Change], Float[Tensor, " r"]]:
    """How each later site changes by each source at `site`, and the metric in every run."""
    ground, b = around.ground, len(rows)
    gates = around.runs(sources, rows)
    wide = rows.repeat(len(gates) // b)
    length = int(ground.prompts.length[rows].max())
    own = ground.gates_of(site, gates, wide, length)
    if around.share is None:  # the model as it is, whatever a circuit ablates always
        own = own.masked_fill(ground.nodes.owners[site].to(own.device) < 0, 1)
    stands_in = partial(ground.reference.at, site, wide, length)
    edits = {} if around.share is None else _settings(around, rows, range(site))
    edits |= gated(site, ground.sites[site], own, stands_in, None)
    changes: dict[int, Change] = {}
    for later in range(site + 1, len(ground.sites)):
        edits |= held(around, later, rows, partial(changes.__setitem__, later))
    return changes, ground.edited(edits, wide)


def _settings(around: Around, rows: Tensor, sites: Iterable[int]) -> dict[Hook, Edit]:
    """Sites that are there by a share, in every run alike."""
    edits: dict[Hook, Edit] = {}
    for number in sites:
        site = around.ground.sites[number]

        def write(x: Tensor, y: Tensor, number: int = number, site: Site = site) -> Tensor:
            wide = rows.repeat(len(y) // len(rows))
            return around.written(number, wide, site.basis.encode(x.float()), y)

        edits |= reading(site, write)
    return edits


def held(
    around: Around, number: int, rows: Tensor, tell: Callable[[Change], None]
) -> dict[Hook, Edit]:
    """Tells how the site changes by each source, and holds it at what it is in the first run."""
    site, b = around.ground.sites[number], len(rows)

    def hold(x: Tensor, y: Tensor) -> Tensor:
        f = site.basis.encode(x.float())
        rest = site.basis.rest(y.float(), f)
        tell(Change(around.by_source(f, b), around.by_source(rest, b)))
        return around.written(number, rows, f[:b], y[:b]).repeat(len(y) // b, 1, 1)

    return reading(site, hold)


def gradients(around: Around, rows: Tensor) -> list[Slope]:
    """Gradient of the metric in every coordinate and error, where the others are."""
    ground, b = around.ground, len(rows)
    length = int(ground.prompts.length[rows].max())
    leaves, edits = [], dict[Hook, Edit]()
    with torch.enable_grad():
        for number, site in enumerate(ground.sites):
            zeros = partial(torch.zeros, device=ground.model.device, requires_grad=True)
            leaf = Slope(
                zeros(b, length, site.basis.width), zeros(b, length, ground.model.width(site.hook))
            )
            leaves.append(leaf)
            edits |= _moved(around, number, leaf, rows)
        score = ground.edited(edits, rows)
        ground.cost.backward += b
        flat = [one for leaf in leaves for one in leaf]
        found = torch.autograd.grad(score.sum(), flat, allow_unused=True)
    made = [torch.zeros_like(leaf) if g is None else g for leaf, g in zip(flat, found, strict=True)]
    return [Slope(*made[at : at + 2]) for at in range(0, len(made), 2)]


def _moved(around: Around, number: int, more: Slope | Change, rows: Tensor) -> dict[Hook, Edit]:
    """`more` on top of what a site is made of, where activations are not massive."""
    site = around.ground.sites[number]

    def write(x: Tensor, y: Tensor) -> Tensor:
        change, usual = site.basis.write(more.f) + more.rest, site.usual(y)
        if usual is not None:
            change = change * usual[..., None]
        if around.share is None:
            return (y.float() + change).to(y.dtype)
        there = around.written(number, rows, site.basis.encode(x.float()), y)
        return (there.float() + around.share[rows][:, None, None] * change).to(y.dtype)

    return reading(site, write)


@torch.no_grad()
def _patched(
    around: Around,
    nodes: Tensor,
    site: int,
    change: Change,
    rows: Tensor,
    clean: Float[Tensor, " b"],
    batch: int,
) -> Float[Tensor, "sb n"]:
    """Falls of the metric when a target alone has its changed value, all that follows it free."""
    ground = around.ground
    where = places_of(ground.nodes, nodes).get(site, [])
    found = torch.zeros(len(change.f), len(nodes), device=ground.model.device)
    times, length = len(change.f) // len(rows), change.f.shape[1]
    wide, base = rows.repeat(times), clean.repeat(times)
    m = change.f.shape[-1]
    for place in where:
        only = torch.zeros(1, ground.nodes.n, device=ground.model.device)
        only[0, nodes[place]] = 1
        owned = ground.nodes.owners[site].to(only.device) >= 0
        for part in torch.arange(len(wide), device=wide.device).split(max(1, batch)):
            gates = ground.gates_of(site, only, wide[part], length).clamp_min(0) * owned
            error = gates[..., m:] if ground.sites[site].basis.leaves_error else 0
            more = Change(-change.f[part] * gates[..., :m], -change.rest[part] * error)
            edits = _moved(around, site, more, wide[part])
            found[part, place] = base[part] - ground.edited(edits, wide[part])
    return found
