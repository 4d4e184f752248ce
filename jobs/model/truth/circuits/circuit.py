"""What a known circuit is, whatever decoys are put beside it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from jobs.model.truth.parts import Head, Mlp
from jobs.model.truth.room import Room
from jobs.task.task import Example

BOS, UNK = "<bos>", "<unk>"


class Reads(NamedTuple):
    """A hook whose features are known, within the circuit."""

    layer: int
    """Of the circuit, from 0."""
    site: str
    true: tuple[str, ...]
    """Subspaces whose directions are features of the circuit."""
    tokens: tuple[str, ...] = ()
    """Of those with a direction a token, the tokens that are ever written."""


class Circuit(NamedTuple):
    """A circuit."""

    tokens: tuple[str, ...]
    """Its vocabulary; the first two are `BOS` and `UNK`."""
    subspaces: Mapping[str, int]
    """What it needs of the residual stream beside tokens, positions and answers."""
    read: tuple[str, ...]
    """Subspaces that its components, or the unembedding, read."""
    parts: Callable[[Room], Mapping[str, tuple[int, Head | Mlp]]]
    """Its components by name, each with its layer; see `edges`."""
    edges: tuple[tuple[str, str], ...]
    """Pairs of components of which one acts on the other, by name, or on ``logits``."""
    draw: Callable[[random.Random], Example]
    """An example of its task."""
    known: Sequence[Reads]
    """Where its features are known."""
    uses: Callable[[Sequence[str], str, str], tuple[str, ...]]
    """Features that an example hangs on, of its clean words, its answer and what is wrong. Of the
    circuit's features others are idle then: an example says nothing of them."""
    instead: tuple[tuple[str, ...], ...] = ()
    """Components that stand in for one another: of each group one is enough."""


def ids(tokens: Sequence[str], some: Sequence[str]) -> list[int]:
    """Token ids of `some`."""
    return [tokens.index(token) for token in some]


def answers(answer: str, wrong: str) -> tuple[str, str]:
    """The features of what is said and what is not."""
    return f"answer={answer}", f"answer={wrong}"


def pair(clean: Sequence[str], corrupt: Sequence[str], answer: str, wrong: str) -> Example:
    """An example that is about itself."""
    text = " ".join(clean)
    return Example(text, " ".join(corrupt), answer, wrong, text)
