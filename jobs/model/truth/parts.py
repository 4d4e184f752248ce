"""Heads and MLPs of a truth model: what they look for, what they read there, what they write.

LayerNorm gives back what is in the residual stream (see `jobs.model.truth.room`), so directions are
read as they were written.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Term(NamedTuple):
    """A part of an attention score: ``strength · (x_i·query + query_bias)·(x_j·key)``."""

    strength: float
    query: Float[Tensor, "d r"]
    query_bias: Float[Tensor, " r"]
    key: Float[Tensor, "d r"]


def where_equal(strength: float, query: Float[Tensor, "r d"], key: Float[Tensor, "r d"]) -> Term:
    """Highest where the query's position holds direction i of `query` and the key's that of `key`:
    equal tokens, or neighbours, by which rows are given.
    """
    return Term(strength, query.T, torch.zeros(len(query)), key.T)


def wherever(strength: float, key: Float[Tensor, "n d"]) -> Term:
    """The same for every query: how much of `key` a position holds."""
    nothing = torch.zeros(key.shape[1], 1)
    return Term(strength, nothing, torch.ones(1), key.sum(0)[:, None])


class Head(NamedTuple):
    """An attention head."""

    terms: tuple[Term, ...]
    """Its score is their sum."""
    value: Float[Tensor, "d s"]
    """What it reads where it attends."""
    out: Float[Tensor, "s d"]
    """What it writes for that."""
    value_bias: Float[Tensor, " s"] | None = None
    """What it writes in any case: attention sums to one."""


def carries(
    *terms: Term, reads: Float[Tensor, "s d"], writes: Float[Tensor, "s d"], gain: float = 1.0
) -> Head:
    """A head that writes direction i of `writes` for direction i of `reads` where it attends."""
    return Head(terms, reads.T, gain * writes)


class Mlp(NamedTuple):
    """An MLP with ReLU."""

    into: Float[Tensor, "d h"]
    into_bias: Float[Tensor, " h"]
    out: Float[Tensor, "h d"]
    out_bias: Float[Tensor, " d"]


def table(reads: Float[Tensor, "n d"], writes: Float[Tensor, "n d"], threshold: float = 0.5) -> Mlp:
    """Writes row i of `writes` where direction i of `reads` is there, one unit for one unit, and
    nothing below `threshold`.
    """
    n, d = reads.shape
    steep = 1 / (1 - threshold)
    bias = torch.full((n,), -threshold * steep)
    return Mlp(steep * reads.T, bias, writes, torch.zeros(d))
