"""Massive activations: attention sinks and other tokens far longer than the rest.

At some layers a few tokens (position 0, some delimiters) are 10 to 100 times longer than all
others; they would swallow scaling, training and every mean. They are left out, and that is
recorded.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor


class Scale(NamedTuple):
    """What activations at one hook are like, from a first sample of them."""

    factor: float
    """Training multiplies activations by this, so that mean ‖x‖² = d over those kept."""
    median: float
    """Median norm; of those that are not zero, where most are."""
    limit: float
    """Activations longer than this are left out."""
    skip_first: bool
    """Whether position 0 is a sink, and left out whatever its norm."""

    def keep(self, x: Float[Tensor, "n d"], first: Bool[Tensor, " n"]) -> Bool[Tensor, " n"]:
        """Which activations take part; `first` marks those at position 0."""
        kept = torch.linalg.vector_norm(x, dim=1, dtype=torch.float32) <= self.limit
        return kept & ~first if self.skip_first else kept

    def facts(self) -> dict[str, Any]:
        """For manifests and ``cfg.json``."""
        return self._asdict()


def measure(x: Float[Tensor, "n d"], first: Bool[Tensor, " n"], norm_limit: float) -> Scale:
    """The scale of activations `x`, `first` marking position 0: whatever is longer than
    `norm_limit` medians is massive, and so is position 0 where its median is. Where a site writes
    nothing on most tokens, the median is that of the tokens on which it writes: else all that it
    does would be massive.
    """
    norms = torch.linalg.vector_norm(x, dim=1, dtype=torch.float32)
    rest = norms[~first] if bool((~first).any()) else norms
    median = float(rest.median())
    if median == 0 and bool(rest.any()):
        median = float(rest[rest > 0].median())
    limit = norm_limit * median
    skip_first = bool(first.any()) and float(norms[first].median()) > limit
    kept = (norms <= limit) & ~(first & skip_first)
    mean_square = float(norms[kept].double().square().mean())
    factor = math.sqrt(x.shape[1] / mean_square) if mean_square > 0 else 1.0
    return Scale(factor, median, limit, skip_first)
