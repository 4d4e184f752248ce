"""An order of nodes learned by gradient descent for circuits of every size at once.

Node i has a score s_i. A circuit of size k holds the k nodes of the highest scores. Every prompt of
a step is given a size of its own, log-uniform from 1 to the largest, so that the expected loss is
the area of the curve that circuits are scored by (CMD over the logarithm of the size):

    C_k = { i : s_i > τ_k },  τ_k midway between the k-th highest score and the next
    loss = mean over prompts of |m(M) − m(C_k)| / gap

The circuit that is run is hard; its gradient in the gates is passed on as if they had been
σ_i = σ(β(s_i − τ_k)), τ_k moving so that Σ σ_i stays k: nodes near the boundary compete, each
against the mean of what those there are worth.

    ∂loss/∂s_i = β σ_i(1 − σ_i) · (v_i − Σ_j σ_j(1 − σ_j) v_j / Σ_j σ_j(1 − σ_j)),  v = ∂loss/∂g

Scores begin at −log(rank) of the ranking that it starts from: a step moves a node by about as large
a factor in its rank wherever it stands.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.ground import Ground
from jobs.causal.methods.base import Arrays, Asked
from jobs.causal.methods.mask import Gap
from jobs.causal.moving import moving

STEPS = 100
"""Steps of Adam."""
BATCH = 24
"""Prompts of a step, each with a circuit of its own size."""
RATE = 0.05
"""Learning rate; over the second half of the steps it falls to nothing."""
BETA = 2.0
"""How sharp the boundary is: a rank off by a factor of e is βe off."""
CLOSE = 0.05
"""Share of the gap within which the loss is rounded off: where a circuit is faithful already, which
side of the model it is on is no reason to change it."""
BEYOND = 2
"""Sizes are drawn up to this many times the largest that is asked for."""
CHUNK = 20
"""Steps between two checkpoints."""
_MEANS = (0.9, 0.99)
"""How slowly Adam forgets."""
_NOISE = 1e-3
"""Slopes below this share of the steepest hardly move a node: to Adam rounding errors would be as
good a reason as any."""


class State(NamedTuple):
    """What is learned, and what Adam keeps of it."""

    score: Float[Tensor, " n"]
    slope: Float[Tensor, " n"]
    square: Float[Tensor, " n"]

    def written(self) -> Arrays:
        """As a checkpoint holds it."""
        return {key: value.numpy() for key, value in self._asdict().items()}

    @classmethod
    def read(cls, kept: Arrays) -> State:
        """What `written` gave."""
        return cls(*(torch.from_numpy(np.asarray(kept[key])) for key in cls._fields))


def nested(
    ground: Ground, asked: Asked, first: Int64[Tensor, " n"], gap: Gap
) -> Int64[Tensor, " n"]:
    """Every node, the first to be taken in first; `first` is the order to start from. `BATCH`
    passes each way a step, and a forward pass a prompt to see which nodes ever move.
    """
    n, steps = ground.nodes.n, asked.steps or STEPS
    moves = moving(ground, asked.batch)
    first = torch.cat([first[moves[first]], first[~moves[first]]])
    score = torch.full((n,), -torch.inf)  # what never moves is behind all, and in nobody's way
    score[first[: int(moves.sum())]] = -torch.arange(1.0, 1 + int(moves.sum())).log()
    state = State(score, torch.zeros(n), torch.zeros(n))
    for start in range(0, steps, CHUNK):
        work = partial(_stepped, ground, asked, gap, state, range(start, min(start + CHUNK, steps)))
        state = State.read(asked.keep(f"nested-{start}", work))
    # Of equals the one that was ahead before.
    return first[state.score[first].argsort(descending=True, stable=True)]


def _stepped(ground: Ground, asked: Asked, gap: Gap, state: State, part: range) -> Arrays:
    steps = asked.steps or STEPS
    draw = torch.Generator().manual_seed(1_000_003 * part.start + asked.seed)
    for step in part:
        asked.tick(step / steps)
        rows = torch.randperm(ground.prompts.n, generator=draw)[:BATCH]
        there = int(state.score.isfinite().sum())
        size = sizes(len(rows), BEYOND * max(asked.sizes), there, draw)
        slope = _slope(ground, asked, gap, state.score, rows, size)
        rate = RATE * min(1.0, 2 * (1 - step / steps))
        state = _moved(state, slope, rate, step + 1)
    return state.written()


def sizes(count: int, largest: int, n: int, draw: torch.Generator) -> Int64[Tensor, " count"]:
    """Log-uniform from 1 to `largest`, or to all but one; one from each of `count` equal parts of
    the axis, in random order.
    """
    at = (torch.randperm(count, generator=draw) + torch.rand(count, generator=draw)) / count
    most = max(1, min(largest, n - 1))
    return (at * math.log(most)).exp().round().long().clamp(1, most)


def _slope(
    ground: Ground, asked: Asked, gap: Gap, score: Tensor, rows: Tensor, size: Tensor
) -> Float[Tensor, " n"]:
    """Gradient of the loss in the scores."""
    ordered, on = score.sort(descending=True).values, ground.model.device
    found = torch.zeros_like(score)
    for one in torch.arange(len(rows)).split(max(1, asked.batch)):
        k = size[one]
        beyond = (
            score[None] - ((ordered[k - 1] + ordered[k.clamp_max(len(score) - 1)]) / 2)[:, None]
        )
        m, gradient = ground.gradient((beyond > 0).float().to(on), rows[one].to(on))
        apart = (m.double().cpu() - gap.clean[rows[one]]).float()
        pull = (apart / (CLOSE * gap.size)).clamp(-1, 1)
        worth = pull[:, None] * gradient.float().cpu() / (gap.size * len(rows))
        found += competing(worth, beyond)
    return found


def competing(worth: Float[Tensor, "b n"], beyond: Float[Tensor, "b n"]) -> Float[Tensor, " n"]:
    """Gradient in the scores of what has gradient `worth` in the gates, the sizes being held."""
    soft = torch.sigmoid(BETA * beyond)
    near = soft * (1 - soft)
    usual = (near * worth).sum(1, keepdim=True) / near.sum(1, keepdim=True).clamp_min(1e-12)
    return (BETA * near * (worth - usual)).sum(0)


def _moved(state: State, slope: Tensor, rate: float, step: int) -> State:
    """One step of Adam."""
    a, b = _MEANS
    mean = a * state.slope + (1 - a) * slope
    square = b * state.square + (1 - b) * slope.square()
    size = (square / (1 - b**step)).sqrt()
    size = size + _NOISE * size.max() + 1e-12
    return State(state.score - rate * mean / (1 - a**step) / size, mean, square)
