"""The truths: what each model is made of, the task it does, the features it has."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jobs.model.truth.compiled import CIRCUITS, plan
from jobs.model.truth.features import Known as Known
from jobs.model.truth.features import known
from jobs.model.truth.listed import LISTED, PREFIX
from jobs.task.task import Example, Task


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
        return tuple(known(made, reads) for reads in made.circuit.known)

    def uses(self, clean: Sequence[int], answer: int, wrong: int) -> frozenset[str]:
        """Features, by `Known.names`, that a prompt of its task hangs on; given in tokens."""
        circuit = CIRCUITS[LISTED[self.name].circuit]
        words = [circuit.tokens[token] for token in clean]
        return frozenset(circuit.uses(words, circuit.tokens[answer], circuit.tokens[wrong]))


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
