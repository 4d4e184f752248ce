"""A two-layer model worked by hand, for methods to be held against.

    L0 = (a, b, c, d), read off the last token
    L1 = (relu(a + b), relu(c), d)
    logit of RIGHT = 2 · L1₀, logit of WRONG = L1₁, and d goes nowhere

The clean prompt has a = b = 1, c = 0, so m = 4; the corrupt one a = b = 0, c = 1, so m = −1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from jobs.causal import nodes as make
from jobs.causal.basis import Axes, Site
from jobs.causal.ground import Ground
from jobs.causal.prompts import Prompts
from jobs.names import Hook

FIRST, SECOND = Hook(0, "resid_post"), Hook(1, "resid_post")
CLEAN, CORRUPT, RIGHT, WRONG = 1, 2, 3, 4
A, B, C, D, SUM, OTHER, DECOY = range(7)
"""The nodes."""


class Toy(nn.Module):
    """As much of `jobs.model.LanguageModel` as a ground needs."""

    name, device, n_heads = "toy", torch.device("cpu"), 1

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()
        self.embed = torch.zeros(5, 4)
        self.embed[CLEAN] = torch.tensor([1.0, 1.0, 0.0, 3.0])
        self.embed[CORRUPT] = torch.tensor([0.0, 0.0, 1.0, -3.0])
        self.into = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])

    def roots(self) -> list[nn.Module]:
        return [self]

    def width(self, hook: Hook) -> int:
        return 4 if hook == FIRST else 3

    def can_begin(self, hooks: Sequence[Hook]) -> bool:
        return False

    def run(self, tokens: Tensor, edits: Mapping[Hook, Any]) -> tuple[Tensor, Tensor, Tensor]:
        same = lambda x: x  # noqa: E731
        first = edits.get(FIRST, same)(self.embed[tokens])
        mixed = first @ self.into
        second = edits.get(SECOND, same)(torch.cat([self.act(mixed[..., :2]), mixed[..., 2:]], -1))
        logits = torch.zeros(*tokens.shape, 5)
        logits[..., RIGHT], logits[..., WRONG] = 2 * second[..., 0], second[..., 1]
        return first, second, logits

    def activations(self, tokens: Tensor, hooks: Sequence[Hook]) -> dict[Hook, Tensor]:
        first, second, _ = self.run(tokens, {})
        found = {FIRST: first, SECOND: second}
        return {hook: found[hook] for hook in hooks}

    def last_logits(
        self,
        tokens: Tensor,
        at: Tensor,
        edits: Mapping[Hook, Any] | None = None,
        only: Tensor | None = None,
    ) -> Tensor:
        logits = self.run(tokens, edits or {})[2][torch.arange(len(tokens)), at]
        return logits if only is None else logits.gather(1, only)


def prompts(n: int = 6) -> Prompts:
    last = torch.full((n, 1), CLEAN)
    return Prompts(
        torch.cat([torch.zeros(n, 2, dtype=torch.long), last], 1),
        torch.cat([torch.zeros(n, 2, dtype=torch.long), last + 1], 1),
        torch.full((n,), 3),
        torch.full((n,), RIGHT),
        torch.full((n,), WRONG),
    )


def ground(ablation: str = "zero", metric: str = "logit_diff", **more: Any) -> Ground:
    """The toy with every coordinate a node."""
    sites = [Site(FIRST, Axes(4)), Site(SECOND, Axes(3))]
    model: Any = Toy()
    return Ground(
        model, sites, make.neurons(sites, **more), prompts(), ablation=ablation, metric=metric
    )
