"""Direct effects of the tokens on the nodes of a circuit: where its tree ends.

The tokens are a source that stands before every site. Ablated, they are those of the corrupt
prompt; every site is read, then put back to what it was, as in `jobs.causal.edges`:

    effect(tokens → v) = (f_v − f_v^{tokens}) · ∇_{f_v} m        (or v alone patched, where exact)

Before the first site stands nothing but the untouched model. A node there is a function of the
tokens alone, f_v^{tokens} is its ablated value, and its edge is its own effect. Nodes of later
sites are reached past the earlier ones, by what these do not write: heads read what other heads and
MLPs have not written. Behind a residual stream that is spliced in whole (``resid_pre``,
``resid_mid``, ``resid_post``) nothing gets past, and no node has such an edge. With ablation by
zero or the mean no other tokens stand in for these: nodes at the first site alone have an edge.

On the common path (`jobs.causal.around`) the tokens are wholly there in all runs, so an edge counts
the share of neither end: ∫ (f_v − f_v^{tokens}) · ∇_{f_v} m da, its target being wholly there. What
a node at the first site gets is then its part of the path, the integral of the gradient in its
gate; in a linear model what enters a node through all its edges leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.around import Around
from jobs.causal.edges import LOGITS, Change, Edges, Way, gradients, held, places_of, through
from jobs.causal.ground import Ground, reading
from jobs.model.fitting import Fitting
from jobs.model.plain import Edit
from jobs.names import Hook

TOKENS = -2
"""In place of a source node: the tokens."""


class _Gone(NamedTuple):
    """What is gone with the tokens."""

    changes: dict[int, Change]
    """Site → how it changes."""
    fall: Float[Tensor, " b"]
    """Of the metric, past every site."""
    clean: Float[Tensor, " b"]
    """The metric with the tokens as they are."""


def from_tokens(
    ground: Ground,
    nodes: Int64[Tensor, " k"],
    batch: int,
    tick: Callable[[float], None],
    *,
    way: Way = "slope",
    most: int | None = None,
) -> Edges:
    """From the tokens to `nodes`, and past all sites to the logits, on the first `most` prompts
    (all); the strongest first, all with source `TOKENS`. Two forward passes a prompt (along the
    path three) and one each way for the gradient; exact: one forward for each prompt and node.
    """
    nodes = nodes.cpu()
    around = Around.along(ground) if way == "along" else Around(ground)
    prompts, k = ground.all[:most], len(nodes)
    gone_in = _corrupted if ground.ablation == "resample" else _left_out
    later = _also_later(ground, nodes) if ground.ablation != "resample" else []

    def among(at: slice) -> Float[Tensor, "b k_plus_1"]:
        tick(at.start / len(prompts))
        rows = prompts[at]
        slopes = None if way == "exact" else gradients(around, rows)
        gone = gone_in(around, rows)
        found = torch.zeros(len(rows), k + 1, dtype=torch.float64)
        found[:, k] = gone.fall.double().cpu()
        for site, change in gone.changes.items():
            fall = through(around, nodes, site, change, rows, slopes, gone.clean, batch)
            if around.share is not None:  # the gradient is that of a target by its share
                fall = fall / around.share[rows][:, None]
            found[:, :k] += fall.double().cpu()
        found[:, later] = 0
        return found

    told = "direct effects of the tokens of {} prompts at a time from here on"
    runs = 1 + around.runs_each
    fitting = Fitting(told, ground.say, most=batch // runs)
    fall = torch.cat(fitting.of(len(prompts), among))
    ends = torch.cat([nodes, torch.tensor([LOGITS])])
    there = (fall != 0).any(0)
    ends, fall = ends[there], fall[:, there]
    order = fall.mean(0).abs().argsort(descending=True, stable=True)
    return Edges(torch.full_like(ends, TOKENS), ends[order], fall[:, order])


def _also_later(ground: Ground, nodes: Int64[Tensor, " k"]) -> list[int]:
    """Places in `nodes` of those that also stand at a later site, as groups do: of what they are
    there, nothing is known.
    """
    places = places_of(ground.nodes, nodes)
    return sorted({place for site, some in places.items() if site > 0 for place in some})


@torch.no_grad()
def _corrupted(around: Around, rows: Int64[Tensor, " b"]) -> _Gone:
    """With the corrupt prompt's tokens, every site held at what it is on the clean ones."""
    ground, b = around.ground, len(rows)
    runs = 1 + around.runs_each
    last = torch.arange(runs * b, device=rows.device) >= (runs - 1) * b
    changes: dict[int, Change] = {}
    edits: dict[Hook, Edit] = {}
    for site in range(len(ground.sites)):
        edits |= held(around, site, rows, partial(changes.__setitem__, site))
    score = ground.edited(edits, rows.repeat(runs), corrupt=last)
    return _Gone(changes, around.by_source(score, b), score[:b])


@torch.no_grad()
def _left_out(around: Around, rows: Int64[Tensor, " b"]) -> _Gone:
    """With the ablated values of the first site."""
    ground = around.ground
    length = int(ground.prompts.length[rows].max())
    site, instead = ground.sites[0], ground.reference.at(0, rows, length)
    changes: dict[int, Change] = {}

    def look(x: Tensor, y: Tensor) -> Tensor:
        f, rest = site.basis.encode(x.float()) - instead.f, y.float() - instead.y
        left = site.basis.leaves_error
        changes[0] = Change(f, rest - site.basis.write(f) if left else torch.zeros_like(rest))
        return y

    score = ground.edited(reading(site, look), rows)
    return _Gone(changes, torch.zeros_like(score), score)
