"""How far a mean over prompts or documents could be from the truth: what it is in samples of them.

What reads the same is looked at once, however often it is there (with other answers, say): all that
is measured of it hangs together. So samples are drawn of distinct contents, each with everything
that was measured of it (cluster bootstrap); each holds as many contents as there are.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

DRAWS = 1000


def contents(tokens: Int64[Tensor, "n t"], length: Int64[Tensor, " n"]) -> Int64[Tensor, " n"]:
    """The number of what each row reads, from 0 in order of appearance: rows have the same where
    their first `length` tokens are the same.
    """
    found: dict[tuple[int, ...], int] = {}
    rows = zip(tokens.tolist(), length.tolist(), strict=True)
    which = [found.setdefault(tuple(row[:size]), len(found)) for row, size in rows]
    return torch.tensor(which, dtype=torch.long)


def samples(content: Int64[Tensor, " n"], count: int, seed: int) -> Float[Tensor, "s n"]:
    """Weights of rows in the whole, in which all count alike, and in `count` samples, [1 + count,
    n], each summing to 1. `content` says which rows read the same (`contents`).
    """
    which, number = content.unique(return_inverse=True)
    draw = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(which), (count, len(which)), generator=draw)
    times = torch.zeros(count + 1, len(which), dtype=torch.float64)
    times[0] = 1
    times[1:].scatter_add_(1, drawn, torch.ones_like(drawn, dtype=torch.float64))
    weight = times[:, number]
    return weight / weight.sum(1, keepdim=True)


def interval(
    values: Float[np.ndarray, "n t"],
    seed: int,
    content: Int64[np.ndarray, " n"] | None = None,
    draws: int = DRAWS,
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """The 95% interval of the mean over n documents, by drawing as many of them anew (percentile
    bootstrap); NaN where there is but one. `content` says which of them read the same (none).
    """
    content = np.arange(len(values)) if content is None else content
    which, number = np.unique(content, return_inverse=True)
    n = len(which)
    if n < 2:
        return np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)[:, number]
    weight = times / times.sum(1, keepdims=True)
    low, high = np.quantile(weight @ values.astype(np.float64), (0.025, 0.975), axis=0)
    return low, high
