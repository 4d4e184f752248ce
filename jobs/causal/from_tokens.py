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

Where nodes are of spans, the tokens of each span are a source of their own: only they are those of
the corrupt prompt, all others being as they are.

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
from jobs.causal.nodes import Nodes
from jobs.model.fitting import Fitting
from jobs.model.plain import Edit
from jobs.names import Hook

TOKENS = -2
"""In place of a source node: the tokens. Those of span number i alone: ``TOKENS - 1 - i``."""


def tokens_name(source: int, nodes: Nodes) -> str:
    """What tables call such a source."""
    return "embed" if source == TOKENS else f"embed@{nodes.spans[TOKENS - 1 - source]}"


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
    (all); the strongest first, all with source `TOKENS`, or one for each span. Two forward passes a
    prompt and source (along the path three) and one each way for the gradient; exact: one forward
    for each prompt, source and node.
    """
    nodes = nodes.cpu()
    around = Around.along(ground) if way == "along" else Around(ground)
    prompts, k = ground.all[:most], len(nodes)
    sources = _sources(ground, prompts)
    later = _also_later(ground, nodes) if ground.ablation != "resample" else []

    def among(at: slice) -> Float[Tensor, "b s k_plus_1"]:
        tick(at.start / len(prompts))
        rows = prompts[at]
        slopes = None if way == "exact" else gradients(around, rows)
        found = torch.zeros(len(rows), len(sources), k + 1, dtype=torch.float64)
        for number, source in enumerate(sources):
            gone = _gone(around, rows, source)
            found[:, number, k] = gone.fall.double().cpu()
            for site, change in gone.changes.items():
                fall = through(around, nodes, site, change, rows, slopes, gone.clean, batch)
                if around.share is not None:  # the gradient is that of a target by its share
                    fall = fall / around.share[rows][:, None]
                found[:, number, :k] += fall.double().cpu()
        found[..., later] = 0
        return found

    told = "direct effects of the tokens of {} prompts at a time from here on"
    runs = 1 + around.runs_each
    fitting = Fitting(told, ground.say, most=batch // runs)
    fall = torch.cat(fitting.of(len(prompts), among)).flatten(1)
    begins = torch.tensor(sources).repeat_interleave(k + 1)
    ends = torch.cat([nodes, torch.tensor([LOGITS])]).repeat(len(sources))
    there = (fall != 0).any(0)
    begins, ends, fall = begins[there], ends[there], fall[:, there]
    order = fall.mean(0).abs().argsort(descending=True, stable=True)
    return Edges(begins[order], ends[order], fall[:, order])


def _sources(ground: Ground, rows: Int64[Tensor, " p"]) -> list[int]:
    """The tokens; where nodes are of spans and the corrupt prompt's stand in, those of every span
    in which the two prompts differ somewhere.
    """
    prompts, spans = ground.prompts, ground.prompts.spans
    if ground.ablation != "resample" or not ground.nodes.spans or spans is None:
        return [TOKENS]
    assert prompts.corrupt is not None
    differ = (prompts.clean != prompts.corrupt)[rows]
    return [TOKENS - 1 - span for span in spans[rows][differ].unique().tolist()]


def _gone(around: Around, rows: Int64[Tensor, " b"], source: int) -> _Gone:
    if around.ground.ablation != "resample":
        return _left_out(around, rows)
    return _corrupted(around, rows, None if source == TOKENS else TOKENS - 1 - source)


def _also_later(ground: Ground, nodes: Int64[Tensor, " k"]) -> list[int]:
    """Places in `nodes` of those that also stand at a later site, as groups do: of what they are
    there, nothing is known.
    """
    places = places_of(ground.nodes, nodes)
    return sorted({place for site, some in places.items() if site > 0 for place in some})


@torch.no_grad()
def _corrupted(around: Around, rows: Int64[Tensor, " b"], span: int | None) -> _Gone:
    """With the corrupt prompt's tokens, or those of one span of it, every site held at what it is
    on the clean ones.
    """
    ground, b = around.ground, len(rows)
    runs = 1 + around.runs_each
    last = (torch.arange(runs * b, device=rows.device) >= (runs - 1) * b)[:, None]
    if span is not None:
        spans = ground.prompts.take(rows).spans
        assert spans is not None
        last = last & (spans == span).repeat(runs, 1)
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
