"""A batch learned part by part, its gradients added up."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.code import stacked
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import Step


def accumulated(
    dictionary: Dictionary,
    x: Float[Tensor, "batch d"],
    y: Float[Tensor, "batch d_out"],
    encoder: FastEncoder,
    sparsity: float,
) -> Step:
    """`Dictionary.learn_pairs` with `encoder.rows` tokens at a time: losses and gradients are means
    over tokens, so those of a part count by its share of them.
    """
    steps, shares = list[Step](), list[float]()
    sums: dict[str, Tensor] = {}
    for step in _each(dictionary, x, y, encoder, sparsity):
        steps.append(step)
        shares.append(len(step.error) / len(x))
        for name, parameter in dictionary.named_parameters():
            if parameter.grad is not None:
                part = parameter.grad.mul_(shares[-1])
                sums[name] = sums[name].add_(part) if name in sums else part
                parameter.grad = None
    for name, parameter in dictionary.named_parameters():
        parameter.grad = sums.get(name)
    loss = sum((step.loss * share for step, share in zip(steps, shares, strict=True)), start=0.0)
    return Step(
        torch.as_tensor(loss),
        torch.cat([step.error for step in steps]),
        torch.stack([step.active for step in steps]).sum(0),
        stacked([step.code for step in steps if step.code is not None]),
    )


def _each(
    dictionary: Dictionary, x: Tensor, y: Tensor, encoder: FastEncoder, sparsity: float
) -> Iterator[Step]:
    """One part after another; where tokens compete for features, all have been chosen for first."""
    rows = encoder.rows or len(x)
    parts = zip(x.split(rows), y.split(rows), strict=True)
    if not dictionary.chooses_by_batch:
        for some, written in parts:
            yield dictionary.learn_pairs(some, written, encoder, sparsity)
        return
    codes = dictionary.choose(x, encoder).split(rows)
    for (some, written), code in zip(parts, codes, strict=True):
        yield dictionary.learn_chosen(some, written, code, encoder.low, sparsity)
