"""The dictionary of everything that a truth model writes at a hook.

Its features are the directions that were compiled into the weights: those that the circuit writes,
those that it reads but only constants write there, and those of idle talk. Each fires by as much of
it as is there, b_dec is what constants write in any case. So next to nothing is left over, and the
error is no cause of anything: where it holds a part of what is true, as it does if features fire by
less, a search that names it is right and counts as wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.architectures.jumprelu import JumpReLU
from jobs.dictionary.base import Dictionary
from jobs.model.threads import threads
from jobs.model.truth.circuits.circuit import Reads
from jobs.model.truth.compiled import Plan
from jobs.model.truth.parts import Head
from jobs.names import Hook

_QUIET = 1e-3
"""Length along a direction below which its feature does not fire: heads that attend to one place
attend a little to all others, and write a thousandth of what is there.
"""


class Known(NamedTuple):
    """A dictionary whose features are known."""

    hook: Hook
    dictionary: Dictionary
    true: tuple[int, ...]
    """Its features that are on the circuit, ascending."""
    names: tuple[str, ...]
    """What each feature is: subspace and token, e.g. ``previous=c``; of idle talk the head and the
    number of what it writes, e.g. ``L0.H3=7``, ``L0.H3=-7`` being the opposite."""


@threads(1)
def known(made: Plan, reads: Reads) -> Known:
    """Features of the circuit, in an order that does not tell them, among decoys."""
    layer = reads.layer + made.listed.early
    plain = dict([*_named(made, reads.true), *_constant(made, reads)])
    idle = dict(_idle(made, layer))
    every = [*plain, *idle, *(_opposite(name) for name in idle)]
    order = torch.randperm(len(every), generator=torch.Generator().manual_seed(len(every)))
    names = tuple(every[i] for i in order.tolist())
    true = tuple(i for i, name in enumerate(names) if _is_true(made, reads, name))
    directions = torch.stack([*plain.values(), *idle.values()])
    amounts = torch.linalg.pinv(directions.double()).T.float()  # of each, whatever lies across it
    turned = slice(len(plain), None)
    dictionary = JumpReLU(made.room.width, len(every))
    dictionary.encoder.data = torch.cat([amounts, -amounts[turned]])[order]
    dictionary.W_dec.data = torch.cat([directions, -directions[turned]])[order]
    dictionary.threshold.data.fill_(_QUIET)
    if reads.site == "attn_out":
        dictionary.b_dec.data = _always(made, layer)
    return Known(Hook(layer, reads.site), dictionary.requires_grad_(False), true, names)


def _opposite(name: str) -> str:
    return name.replace("=", "=-")


def _is_true(made: Plan, reads: Reads, name: str) -> bool:
    """Whether a feature is of the circuit: directions of tokens that are never written are not."""
    subspace, _, token = name.partition("=")
    if subspace not in reads.true:
        return False
    by_token = len(made.room[subspace]) == len(made.circuit.tokens)
    return token in reads.tokens or not by_token


def _named(made: Plan, subspaces: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Every direction of `subspaces`; those of the size of the vocabulary are named by token."""
    tokens = made.circuit.tokens
    for subspace in subspaces:
        rows = made.room[subspace]
        labels = tokens if len(rows) == len(tokens) else [str(i) for i in range(len(rows))]
        for label, row in zip(labels, rows, strict=True):
            yield f"{subspace}={label}", row


def _constant(made: Plan, reads: Reads) -> Iterator[tuple[str, Tensor]]:
    """Directions that true components read and none of them writes here."""
    return _named(made, [name for name in made.circuit.read if name not in reads.true])


def _idle(made: Plan, layer: int) -> Iterator[tuple[str, Tensor]]:
    """What decoy heads write of what they read, which may be less than nothing."""
    for node, head in _decoys(made, layer):
        if head.value_bias is None:
            rows = torch.nn.functional.normalize(head.out)
            for number, row in enumerate(rows):
                yield f"{node}={number}", row


def _always(made: Plan, layer: int) -> Float[Tensor, " d"]:
    """What is written at every position by the heads of a layer: by constants, and by true heads
    that carry on those which stand in the stream already (attention sums to one).
    """
    stream, true = torch.zeros(made.room.width), set(made.places.values())
    for below in range(layer + 1):
        written = torch.zeros(made.room.width)
        for number in range(made.listed.n_heads):
            head = made.heads[below, number]
            if head.value_bias is not None:
                written += head.value_bias @ head.out
            elif f"L{below}.H{number}" in true:
                written += stream @ head.value @ head.out
        stream = stream + written
        if f"L{below}.mlp" not in true:
            stream = stream + made.mlps[below].out_bias
    return written


def _decoys(made: Plan, layer: int) -> Iterator[tuple[str, Head]]:
    true = set(made.places.values())
    for number in range(made.listed.n_heads):
        if (node := f"L{layer}.H{number}") not in true:
            yield node, made.heads[layer, number]
