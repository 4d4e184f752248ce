"""The truths: what each model is made of, the task it does, the features it has."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from jobs.dictionary.architectures.standard import Standard
from jobs.dictionary.base import Dictionary
from jobs.model.truth.circuits.circuit import Reads
from jobs.model.truth.compiled import CIRCUITS, Plan, plan
from jobs.model.truth.listed import LISTED, PREFIX
from jobs.model.truth.room import JUNK
from jobs.names import Hook
from jobs.task.task import Example, Task

_RANDOM = 64
"""Random directions among the features of a dictionary."""
_QUIET = 0.05
"""Length along a direction below which its feature does not fire."""


class Known(NamedTuple):
    """A dictionary whose features are known."""

    hook: Hook
    dictionary: Dictionary
    true: tuple[int, ...]
    """Its features that are on the circuit, ascending."""
    names: tuple[str, ...]
    """What each feature is: subspace and token, e.g. ``previous=c``."""


class Truth(NamedTuple):
    """A truth model and what is true of it."""

    name: str
    """Without ``truth:``."""
    says: str
    nodes: tuple[str, ...]
    """Every head and MLP: ``L0.H3``, ``L0.mlp``; in the order of the model."""
    true_nodes: frozenset[str]
    """Those of the circuit."""
    true_edges: frozenset[tuple[str, str]]
    """The direct effects that matter to the answer, of a node on another or on ``logits``."""
    instead: tuple[frozenset[str], ...] = ()
    """True nodes that stand in for one another: of each group one is enough, so that none is missed
    alone."""

    @property
    def model(self) -> str:
        """Name of the model, and of its task."""
        return PREFIX + self.name

    def make_task(self, seed: int, n: int) -> Task:
        """Up to `n` different pairs, the same for the same `seed`."""
        circuit = CIRCUITS[LISTED[self.name].circuit]
        rng = random.Random(f"{self.name}:{seed}")
        found: dict[object, Example] = {}
        for _ in range(20 * n):
            example = circuit.draw(rng)
            found.setdefault(example.clean, example)
            if len(found) == n:
                break
        return Task(self.model, self.says, tuple(found.values()), self.model, None)

    def dictionaries(self) -> tuple[Known, ...]:
        """Dictionaries at the hooks where the circuit writes."""
        made = plan(self.name)
        return tuple(_known(made, reads) for reads in made.circuit.known)


def _known(made: Plan, reads: Reads) -> Known:
    """Features of the circuit, in an order that does not tell them, among decoys: directions that
    true components read but constants write, and random ones of those that idle talk writes.
    """
    named = [*_named(made, reads.true), *_others(made, reads)]
    generator = torch.Generator().manual_seed(len(named))
    order = torch.randperm(len(named), generator=generator).tolist()
    names = tuple(named[i][0] for i in order)
    directions = torch.stack([named[i][1] for i in order])
    true = tuple(i for i, name in enumerate(names) if _is_true(made, reads, name))
    dictionary = Standard(directions.shape[1], len(directions))
    dictionary.encoder.data = directions.clone()
    dictionary.W_dec.data = directions.clone()
    dictionary.b_enc.data.fill_(-_QUIET)
    layer = reads.layer + made.listed.early
    return Known(Hook(layer, reads.site), dictionary.requires_grad_(False), true, names)


def _is_true(made: Plan, reads: Reads, name: str) -> bool:
    """Whether a feature is of the circuit: directions of tokens that are never written are not."""
    subspace, _, token = name.partition("=")
    by_token = len(made.room[subspace]) == len(made.circuit.tokens)
    return subspace in reads.true and (token in reads.tokens or not by_token)


def _named(made: Plan, subspaces: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Every direction of `subspaces`; those of the size of the vocabulary are named by token."""
    tokens = made.circuit.tokens
    for subspace in subspaces:
        rows = made.room[subspace]
        labels = tokens if len(rows) == len(tokens) else [str(i) for i in range(len(rows))]
        for label, row in zip(labels, rows, strict=True):
            yield f"{subspace}={label}", row


def _others(made: Plan, reads: Reads) -> Iterator[tuple[str, Tensor]]:
    yield from _named(made, [name for name in made.circuit.read if name not in reads.true])
    # At right angles to all that is read: otherwise they would be true, a little.
    generator, junk = torch.Generator().manual_seed(reads.layer), made.room[JUNK]
    mixed = torch.randn(_RANDOM, len(junk), generator=generator)
    for i, row in enumerate(torch.nn.functional.normalize(mixed) @ junk):
        yield f"{JUNK}={i}", row


def _truth(name: str) -> Truth:
    listed = LISTED[name]
    circuit, places = CIRCUITS[listed.circuit], _places(name)
    nodes = [
        node
        for layer in range(listed.n_layers)
        for node in (*(f"L{layer}.H{head}" for head in range(listed.n_heads)), f"L{layer}.mlp")
    ]
    edges = {(places[a], places.get(b, b)) for a, b in circuit.edges}
    instead = tuple(frozenset(places[part] for part in group) for group in circuit.instead)
    true = frozenset(places.values())
    return Truth(name, listed.says, tuple(nodes), true, frozenset(edges), instead)


def _places(name: str) -> Mapping[str, str]:
    return plan(name).places


TRUTHS: dict[str, Truth] = {name: _truth(name) for name in LISTED}
"""By name, without ``truth:``."""
