"""Prompts of a task as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from jobs.causal.bootstrap import contents


class Prompts(NamedTuple):
    """Pairs of prompts with the token that should follow, padded at the end: attention is causal,
    so padding changes nothing before it.
    """

    clean: Int64[Tensor, "n t"]
    """Prompts that show the behaviour."""
    corrupt: Int64[Tensor, "n t"] | None
    """Their counterparts, of the same lengths pair by pair; None for tasks without any."""
    length: Int64[Tensor, " n"]
    """Tokens of each pair; what follows is read at position ``length - 1``."""
    answer: Int64[Tensor, " n"]
    """The token that is right."""
    wrong: Int64[Tensor, " n"] | None
    """The token that it is held against; None where there is none."""
    spans: Int64[Tensor, "n t"] | None = None
    """Of every token, clean and corrupt alike, the number of the span that it is of; None where
    spans are not told apart."""

    @property
    def n(self) -> int:
        """How many pairs."""
        return len(self.clean)

    @property
    def aligned(self) -> bool:
        """Whether all prompts have one length, so that a position means the same in each."""
        return bool((self.length == self.length[0]).all())

    @property
    def content(self) -> Int64[Tensor, " n"]:
        """The number of what each pair's clean prompt reads (`jobs.causal.bootstrap.contents`)."""
        return contents(self.clean, self.length)

    def to(self, device: torch.device) -> Prompts:
        """The same on another device."""
        return Prompts(*(None if p is None else p.to(device) for p in self))  # type: ignore[arg-type]

    def take(self, rows: Int64[Tensor, " b"]) -> Prompts:
        """The prompts at `rows`, trimmed to the longest of them."""
        longest = int(self.length[rows].max())
        return Prompts(
            self.clean[rows, :longest],
            None if self.corrupt is None else self.corrupt[rows, :longest],
            self.length[rows],
            self.answer[rows],
            None if self.wrong is None else self.wrong[rows],
            None if self.spans is None else self.spans[rows, :longest],
        )

    def named(self, own: Sequence[str], others: Sequence[str]) -> Prompts:
        """The same with spans numbered as they are among `others`, `own` being their names here."""
        assert self.spans is not None
        number = torch.tensor([others.index(name) for name in own], device=self.spans.device)
        return self._replace(spans=number[self.spans])


def padded(rows: Sequence[Sequence[int]]) -> Int64[Tensor, "n t"]:
    """Rows as long as the longest: what ends before repeats its last."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[row[-1]] * (longest - len(row))] for row in rows])
