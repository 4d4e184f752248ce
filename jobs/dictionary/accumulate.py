"""A batch learned part by part, its gradients added up: where a code depends on its token alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.code import stacked
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import Step


def accumulated(
    dictionary: Dictionary,
    xs: Sequence[Float[Tensor, "part d"]],
    ys: Sequence[Float[Tensor, "part d_out"]],
    encoder: FastEncoder,
    sparsity: float,
) -> Step:
    """`Dictionary.learn_pairs` of all parts together: losses and gradients are means over tokens,
    so those of a part count by its share of them.
    """
    tokens, steps, shares = sum(map(len, xs)), list[Step](), list[float]()
    sums: dict[str, Tensor] = {}
    for x, y in zip(xs, ys, strict=True):
        steps.append(dictionary.learn_pairs(x, y, encoder, sparsity))
        shares.append(len(x) / tokens)
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
