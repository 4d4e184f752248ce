"""A model that reads fewer documents at a time once the device's memory has been full."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.model.fitting import Fitting
from jobs.names import Hook

if TYPE_CHECKING:
    from jobs.model import LanguageModel, SideBySide

Result = TypeVar("Result")
Edits = Mapping[Hook, Any] | Callable[[Tensor], Mapping[Hook, Any]]


class Halving:
    """`jobs.model.LanguageModel`, as far as a profile needs it; out of memory halves the batch."""

    def __init__(self, model: LanguageModel | SideBySide, say: Callable[[str], None]) -> None:
        self.model = model
        self._parts = Fitting("reading {} documents at a time from here on", say)

    def activations(
        self, tokens: Int64[Tensor, "b t"], hooks: list[Hook]
    ) -> dict[Hook, Float[Tensor, "b t d"]]:
        """Activations at `hooks`."""
        parts = self._in_parts(tokens, lambda part: self.model.activations(part, hooks))
        return {hook: torch.cat([part[hook] for part in parts]) for hook in hooks}

    def loss(
        self, tokens: Int64[Tensor, "b t"], edits: Edits | None = None
    ) -> Float[Tensor, "b t_minus_1"]:
        """Cross-entropy of each next token, in nats. Edits that depend on the tokens are made by a
        function of them.
        """

        def run(part: Tensor) -> Tensor:
            return self.model.loss(part, edits(part) if callable(edits) else edits)

        return torch.cat(self._in_parts(tokens, run))

    def logits(
        self, tokens: Int64[Tensor, "b t"], edits: Edits | None = None
    ) -> Float[Tensor, "b t v"]:
        """Logits, with `edits` in place."""

        def run(part: Tensor) -> Tensor:
            return self.model.logits(part, edits(part) if callable(edits) else edits)

        return torch.cat(self._in_parts(tokens, run))

    @property
    def d_vocab(self) -> int:
        """Size of the vocabulary."""
        return self.model.d_vocab

    def unembed(self, directions: Float[Tensor, "n d"]) -> Float[Tensor, "n vocab"]:
        """Logits that directions in the residual stream add, the final norm accounted for."""
        return self.model.unembed(directions)

    def token_strings(self, ids: Sequence[int]) -> list[str]:
        """The text of tokens."""
        return self.model.token_strings(ids)

    def _in_parts(self, tokens: Tensor, run: Callable[[Tensor], Result]) -> list[Result]:
        return self._parts.of(len(tokens), lambda rows: run(tokens[rows]))
