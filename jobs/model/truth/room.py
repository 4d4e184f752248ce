"""The residual stream of a truth model, shared out into named subspaces."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

CONSTANT = 200.0
"""What stands in one coordinate at every position. It outweighs all else by far, so that the length
of the residual stream, and with it the scale of LayerNorm, hardly moves: LayerNorm is near linear.
"""
JUNK = "junk"
"""The subspace that no true component reads."""


class Room:
    """Orthonormal directions for named subspaces, all at right angles to (1, 1, …, 1).

    So the mean that LayerNorm takes away is always zero; with its weights at `gain` it gives back
    very nearly what is there. No coordinate of the stream is any one direction's: a neuron is a mix
    of all.
    """

    def __init__(self, width: int, sizes: Mapping[str, int], generator: torch.Generator) -> None:
        """What `sizes` leave over is `JUNK`."""
        used = sum(sizes.values()) + 1
        assert used + 8 < width, f"{used} of {width} directions leave no room for decoys"
        mixed = torch.randn(width, width, generator=generator, dtype=torch.float64)
        mixed[:, 0] = 1
        q, _ = torch.linalg.qr(mixed)
        rows = q.T[1:].float()  # the first is along (1, 1, …, 1)
        names = {"constant": 1, **sizes, JUNK: width - 1 - used}
        self.width = width
        self._parts = dict(zip(names, rows.split(list(names.values())), strict=True))
        self.gain = CONSTANT / width**0.5
        """Weights of every LayerNorm."""

    def __getitem__(self, name: str) -> Float[Tensor, "n d"]:
        """The directions of a subspace, one a row."""
        return self._parts[name]

    @property
    def constant(self) -> Float[Tensor, " d"]:
        """What is to stand at every position."""
        return CONSTANT * self._parts["constant"][0]
