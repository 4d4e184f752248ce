"""How much of a behaviour is there, prompt by prompt: more is better."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.causal.prompts import Prompts
from store.errors import AskedWrongly

Metric = Callable[[Float[Tensor, "b v"], Int64[Tensor, " b"]], Float[Tensor, " b"]]
"""From the logits that follow the prompts at some rows to a score for each."""


def logit_diff(prompts: Prompts) -> Metric:
    """Logit of the right token less that of the wrong one; of the right one less the mean of all
    where there is no wrong one.
    """

    def metric(logits: Float[Tensor, "b v"], rows: Int64[Tensor, " b"]) -> Float[Tensor, " b"]:
        right = logits.gather(1, prompts.answer[rows, None])[:, 0]
        if prompts.wrong is None:
            return right - logits.mean(1)
        return right - logits.gather(1, prompts.wrong[rows, None])[:, 0]

    return metric


def pairs(prompts: Prompts) -> Int64[Tensor, "n 2"] | None:
    """The tokens whose logits are all that `logit_diff` looks at, the right one first; None where
    it looks at all.
    """
    return None if prompts.wrong is None else torch.stack([prompts.answer, prompts.wrong], 1)


def kl(clean: Float[Tensor, "n v"]) -> Metric:
    """−KL(p ‖ q) in nats, p being the model's own next token: 0 is the model itself. Its gradient
    there is zero.
    """
    log_p = clean.float().log_softmax(-1)

    def metric(logits: Float[Tensor, "b v"], rows: Int64[Tensor, " b"]) -> Float[Tensor, " b"]:
        p, q = log_p[rows], logits.log_softmax(-1)
        return (p.exp() * (q - p)).sum(-1)

    return metric


def metric_of(name: str, prompts: Prompts, clean: Callable[[], Float[Tensor, "n v"]]) -> Metric:
    """``logit_diff`` or ``kl``; `clean` gives the model's logits after every prompt."""
    if name == "kl":
        with torch.no_grad():
            return kl(clean())
    if name != "logit_diff":
        raise AskedWrongly(f"No metric is called {name!r}; there are logit_diff and kl.")
    return logit_diff(prompts)
