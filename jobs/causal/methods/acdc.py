"""ACDC (arXiv:2304.14997) over nodes, from the last site to the first, coarse to fine.

A node is removed when that moves the metric by no more than τ, given what is removed already; the
paper removes edges by the same test. One by one this takes a pass a node (``flat``), of edges more
still: hopeless over features. So nodes are removed in
groups: families first (clusters, or runs of the ranking whose estimated effects sum to less than
τ), a family that matters is split, its halves are tested, and so on down to single nodes (adaptive
group testing). A group is first looked at on few prompts: what moves the metric by a multiple of τ
there stays without more passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.exact import batched
from jobs.causal.ground import Ground
from jobs.causal.methods.base import Arrays, Asked, Found
from jobs.causal.methods.start import start
from jobs.causal.methods.worth import of_circuit
from jobs.causal.moving import moving

FEW = 8
"""Prompts of the first look."""
CLEARLY = 3.0
"""Multiples of τ at which the first look is enough."""
CHUNK = 64
"""Families that are settled between two checkpoints."""

Group = Int64[Tensor, " k"]


@dataclass
class State:
    """What is left of the model, and what was learned of every node."""

    gates: Float[Tensor, " n"]
    """0 for nodes that are removed."""
    score: Float[Tensor, " p"]
    """The metric of every prompt with them removed."""
    effect: Float[Tensor, " n"]
    """Fall of the metric when the node's group was tested, over the nodes of the group."""
    tests: int = 0

    def written(self) -> Arrays:
        """As a checkpoint holds it."""
        parts = {key: getattr(self, key).numpy().copy() for key in ("gates", "score", "effect")}
        return {**parts, "tests": np.array(self.tests)}

    @classmethod
    def read(cls, kept: Arrays) -> State:
        """What `written` gave."""
        parts = (torch.from_numpy(kept[key]) for key in ("gates", "score", "effect"))
        gates, score, effect = parts
        return cls(gates, score, effect, int(kept["tests"]))


def acdc(ground: Ground, asked: Asked) -> Found:
    """About as many tests as nodes stay, times the logarithm of the size of their families; flat:
    as many as there are nodes that ever move. A test is one pass of every prompt. Beside them the
    passes of `worth`.
    """
    alive = moving(ground, asked.batch)
    ranking = None if asked.flat else start(ground, asked)
    trial = Trial.of(ground, asked)
    groups = _one_by_one(ground, alive) if ranking is None else _families(trial, ranking, alive)
    state = State(torch.ones(ground.nodes.n), trial.clean.clone(), torch.zeros(ground.nodes.n))
    state.gates[~alive] = 0
    for at in range(0, len(groups), CHUNK):
        asked.tick(at / len(groups))
        work = partial(_settled, trial, state, groups[at : at + CHUNK])
        state = State.read(asked.keep(f"acdc-{at}", work))
    order = _in_order(state, ranking)
    per_prompt = of_circuit(ground, asked, state.gates, order)
    kept = int((state.gates > 0).sum())
    said = f"{state.tests:,} tests of {len(groups):,} families left {kept:,} nodes"
    return Found(per_prompt.mean(0), order, per_prompt, kept, (said,))


def _in_order(state: State, ranking: Found | None) -> Int64[Tensor, " n"]:
    """What stayed, by how much it mattered; then what was removed, as it was ranked before."""
    stays = state.gates > 0
    by_effect = state.effect.abs().argsort(descending=True, stable=True)
    after = by_effect if ranking is None else ranking.order
    return torch.cat([by_effect[stays[by_effect]], after[~stays[after]]])


class Trial(NamedTuple):
    """A way to try what happens without some nodes."""

    ground: Ground
    asked: Asked
    clean: Float[Tensor, " p"]
    """m(M) of every prompt."""
    gap: float
    """|m(M) − m(∅)|, of the means."""

    @classmethod
    def of(cls, ground: Ground, asked: Asked) -> Trial:
        """Two passes a prompt."""
        nothing = torch.zeros(1, ground.nodes.n)
        clean = batched(ground, None, ground.all, asked.batch)
        empty = batched(ground, nothing, ground.all, asked.batch)
        return cls(ground, asked, clean, max(abs(float((clean - empty).mean())), 1e-6))

    def fall(self, state: State, group: Group) -> tuple[float, Tensor | None]:
        """How the mean metric falls without `group` too, as a share of the gap, and the scores of
        every prompt; None where few prompts were enough to tell that it matters.
        """
        gates = state.gates.clone()
        gates[group] = 0
        rows, state.tests = self.ground.all, state.tests + 1
        first = rows if self.asked.flat else rows[:FEW]
        score = batched(self.ground, gates[None], first, self.asked.batch)
        fall = float((state.score[: len(first)] - score).mean()) / self.gap
        if len(first) == len(rows):
            return fall, score
        if abs(fall) > CLEARLY * self.asked.threshold:
            return fall, None
        rest = batched(self.ground, gates[None], rows[len(first) :], self.asked.batch)
        score = torch.cat([score, rest])
        return float((state.score - score).mean()) / self.gap, score


def _settled(trial: Trial, before: State, groups: Sequence[Group]) -> Arrays:
    """The state after every node of `groups` was removed or found to matter."""
    state = State.read(before.written())
    waiting = list(groups)[::-1]
    while waiting:
        group = waiting.pop()
        trial.asked.tick(0.0)
        fall, score = trial.fall(state, group)
        state.effect[group] = fall * trial.gap / len(group)
        if abs(fall) <= trial.asked.threshold and score is not None:
            state.gates[group], state.score = 0, score
        elif len(group) > 1:
            half = len(group) // 2
            waiting += [group[half:], group[:half]]  # the less important half is next
    return state.written()


def _one_by_one(ground: Ground, alive: Tensor) -> list[Group]:
    """Every node alone, those of the last site first."""
    order = ground.nodes.orders()
    nodes = alive.nonzero()[:, 0].flip(0)
    return list(nodes[order[nodes].argsort(descending=True, stable=True)].split(1))


def _families(trial: Trial, ranking: Found, alive: Tensor) -> list[Group]:
    """Groups of the nodes that move, those of the last site first, then the least important first:
    clusters where there are any; else as many nodes of a site, in the order of the ranking, as are
    estimated to be worth τ together.
    """
    nodes = ranking.order.flip(0)
    nodes = nodes[alive[nodes]]
    order, family = trial.ground.nodes.orders(), trial.asked.family
    if family is None:
        nodes = nodes[order[nodes].argsort(descending=True, stable=True)]
        worth = ranking.effect[nodes].abs().double() / (trial.gap * trial.asked.threshold)
        family_of = _runs(order[nodes], worth)
        return _split(nodes, family_of)
    own = family[nodes]
    last = torch.full((int(family.max()) + 1,), -1).scatter_reduce(0, own, order[nodes], "amax")
    nodes = nodes[torch.argsort(own, stable=True)]
    groups = _split(nodes, family[nodes])
    return sorted(groups, key=lambda group: -int(last[family[group[0]]]))


def _runs(site: Tensor, worth: Tensor) -> Tensor:
    """Numbers of the runs that nodes fall into: a new one at every site, and where the sum of what
    they are worth passes a whole number.
    """
    total = worth.cumsum(0)
    starts = torch.zeros(len(site), dtype=torch.long)
    starts[1:] = ((site[1:] != site[:-1]) | (total[1:].floor() > total[:-1].floor())).long()
    return starts.cumsum(0)


def _split(nodes: Tensor, label: Tensor) -> list[Group]:
    """Nodes apart wherever the label changes."""
    if not len(nodes):
        return []
    ends = ((label[1:] != label[:-1]).nonzero()[:, 0] + 1).tolist()
    return [nodes[a:b] for a, b in zip([0, *ends], [*ends, len(nodes)], strict=True)]
