"""The inputs that features are ablated on: documents or prompts, and what is measured of each.

documents   the metric is the mean log-probability, in nats, of the tokens that follow from the
            first firing on: clean minus ablated above zero means that the feature helps
prompts     the task's own metric (`jobs.causal.metric`), after the last token
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.causal.bootstrap import contents
from jobs.causal.metric import Metric
from jobs.model import LanguageModel
from jobs.model.plain import Edit
from jobs.names import Hook


class Inputs(NamedTuple):
    """Documents, or the clean prompts of a task."""

    tokens: Int64[Tensor, "n t"]
    """Padded at the end."""
    length: Int64[Tensor, " n"]
    metric: Metric | None = None
    """Of a task; None: how well the tokens that follow are predicted."""
    corrupt: Int64[Tensor, "n t"] | None = None
    """Counterparts of the prompts, of the same lengths."""

    @property
    def n(self) -> int:
        """How many."""
        return len(self.tokens)

    def content(self, rows: Int64[Tensor, " b"]) -> Int64[Tensor, " b"]:
        """Which of the inputs at `rows` read the same (`jobs.causal.bootstrap.contents`)."""
        return contents(self.tokens[rows], self.length[rows])

    def counts(self, t: int | None = None) -> Bool[Tensor, "n t"]:
        """The first `t` positions (all): those at which a firing can change what the model says
        of the inputs: all but padding, and of documents all but the last, which nothing follows.
        """
        until = self.length if self.metric else self.length - 1
        return torch.arange(t or self.tokens.shape[1]) < until[:, None].cpu()


def run(
    model: LanguageModel,
    inputs: Inputs,
    rows: Int64[Tensor, " b"],
    length: int,
    edits: Mapping[Hook, Edit],
) -> Float[Tensor, "b p"]:
    """One pass over the inputs at `rows`, their first `length` tokens, with `edits` in place.

    Returns the metric of each (p = 1), or of documents the log-probability of every next token
    (p = length - 1).
    """
    tokens = inputs.tokens[rows, :length]
    if inputs.metric is None:
        return -model.loss(tokens, edits)
    logits = model.last_logits(tokens, inputs.length[rows] - 1, edits)
    return inputs.metric(logits.float(), rows.to(logits.device))[:, None]


def metric_change(
    inputs: Inputs,
    clean: Float[Tensor, "a p"],
    ablated: Float[Tensor, "a p"],
    counted: Bool[Tensor, "a t"],
) -> Float[Tensor, " a"]:
    """Clean minus ablated: of prompts as it is, of documents the mean over the next tokens of the
    positions that count.
    """
    if inputs.metric is not None:
        return (clean - ablated)[:, 0]
    counted = counted[:, :-1]
    return ((clean - ablated) * counted).sum(1) / counted.sum(1).clamp_min(1)
