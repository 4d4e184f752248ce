"""What an activation is made of at a hook: features and an error, or its own axes.

    y = f·W + b + ε

An intervention adds (f′ − f)·W to y (and ε′ − ε where the error is a node), so that with f′ = f and
ε′ = ε the model is unchanged, to the last bit.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.massive import Scale
from jobs.names import Hook


class Basis(Protocol):
    """Coordinates of an activation; differentiable."""

    @property
    def width(self) -> int:
        """Coordinates, m."""

    @property
    def leaves_error(self) -> bool:
        """Whether something is left that the coordinates do not tell."""

    @property
    def sparse(self) -> bool:
        """Whether most coordinates are zero, and those that are have no slope."""

    @property
    def constant(self) -> Float[Tensor, " d_out"] | float:
        """b: what is there where f = 0 and ε = 0."""

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """f(x) of what is read, in fp32."""

    def write(
        self, f: Float[Tensor, "... m"], columns: Int64[Tensor, " c"] | None = None
    ) -> Float[Tensor, "... d_out"]:
        """f·W: linear, without a constant; `columns`, where the basis is sparse: those of `f`."""

    def rest(
        self, y: Float[Tensor, "... d_out"], f: Float[Tensor, "... m"]
    ) -> Float[Tensor, "... d_out"]:
        """ε = y − f·W − b."""


class Axes(NamedTuple):
    """The standard basis: every coordinate of the activation itself."""

    width: int
    """d."""
    leaves_error: bool = False
    """Never."""
    sparse: bool = False
    """Never."""

    @property
    def constant(self) -> float:
        """Nothing."""
        return 0.0

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        """x."""
        return x

    def write(
        self, f: Float[Tensor, "... d"], columns: Int64[Tensor, " c"] | None = None
    ) -> Float[Tensor, "... d"]:
        """f."""
        return f

    def rest(self, y: Float[Tensor, "... d"], f: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        """Nothing."""
        return torch.zeros_like(y)


class Features(NamedTuple):
    """A dictionary's features. What a transcoder's linear skip writes counts as error: it passes
    by the features.
    """

    dictionary: Dictionary
    leaves_error: bool = True
    """Always."""
    sparse: bool = True
    """Always."""

    @property
    def width(self) -> int:
        """m."""
        return self.dictionary.d_sae

    @property
    def constant(self) -> Float[Tensor, " d_out"]:
        """b_dec."""
        return self.dictionary.b_dec

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """The dictionary's code of `x`, dense."""
        return self.dictionary.encode(x)

    def write(
        self, f: Float[Tensor, "... m"], columns: Int64[Tensor, " c"] | None = None
    ) -> Float[Tensor, "... d_out"]:
        """f·W_dec."""
        rows = self.dictionary.W_dec
        return f @ (rows if columns is None else rows[columns])

    def rest(
        self, y: Float[Tensor, "... d_out"], f: Float[Tensor, "... m"]
    ) -> Float[Tensor, "... d_out"]:
        """What the dictionary does not reconstruct."""
        return y - self.write(f) - self.dictionary.b_dec


class Site(NamedTuple):
    """A basis spliced into a model."""

    hook: Hook
    """Where it writes."""
    basis: Basis
    reads: Hook | None = None
    """Where it reads, if that is another place (a transcoder)."""
    scale: Scale | None = None
    """Which activations are massive: those pass through unchanged."""
    name: str | None = None
    """Id of the dictionary."""

    @property
    def read_at(self) -> Hook:
        """Where it reads."""
        return self.reads or self.hook

    def usual(self, y: Float[Tensor, "b t d"]) -> Tensor | None:
        """[b, t]: which activations are not massive; None where all count."""
        if self.scale is None:
            return None
        flat = y.detach().reshape(-1, y.shape[-1])
        first = torch.arange(len(flat), device=y.device) % y.shape[1] == 0
        return self.scale.keep(flat, first).view(y.shape[:2])
