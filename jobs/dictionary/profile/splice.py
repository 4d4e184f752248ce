"""Cross-entropy of the model with a dictionary in its place: how much of the work it carries.

    CE recovered = (CE_zero − CE_sae) / (CE_zero − CE_clean)

The reconstruction x̂ replaces x without error term; CE_zero replaces x by zero. Massive
activations pass through unchanged in both, so that both replace the same tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.profile.documents import Reading
from jobs.dictionary.profile.subject import Site, Subject, batches, padded
from jobs.names import Hook

Edit = Callable[[Tensor], Tensor]


class Predictor(Protocol):
    """What is asked of a language model."""

    def loss(
        self, tokens: Int64[Tensor, "b t"], edits: Mapping[Hook, Edit] | None = None
    ) -> Float[Tensor, "b t_minus_1"]:
        """Cross-entropy of each next token, in nats."""


class CrossEntropy(NamedTuple):
    """Mean over the same tokens, in nats."""

    clean: float
    sae: float
    zero: float

    @property
    def recovered(self) -> float:
        """1: as good as the model; 0: as bad as nothing. NaN where nothing depends on the site."""
        lost = self.zero - self.clean
        return (self.zero - self.sae) / lost if lost else float("nan")


def replaced(dictionary: Dictionary, site: Site) -> Edit:
    """An edit that writes the reconstruction in place of every activation that is not massive."""
    return _edit(site, lambda x: dictionary.reconstruct(dictionary.sparse(x)))


def zeroed(site: Site) -> Edit:
    """An edit that writes zero in place of every activation that is not massive."""
    return _edit(site, torch.zeros_like)


def _edit(site: Site, write: Edit) -> Edit:
    def edit(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        flat = x.reshape(-1, x.shape[-1])
        plain = flat.float()
        usual = plain.norm(dim=1) <= site.limit
        out = flat.clone()
        for index in usual.nonzero()[:, 0].split(4096):
            out[index] = write(plain[index]).to(x.dtype)
        return out.reshape(x.shape)

    return edit


@torch.inference_mode()
def cross_entropy(
    model: Predictor,
    reading: Reading,
    subjects: Sequence[Subject],
    *,
    batch: int,
    device: str,
    tick: Callable[[float], None],
) -> list[CrossEntropy] | None:
    """Cross-entropies of every dictionary on the probe documents; None without such documents.

    Dictionaries of one hook share the zero run, all share the clean run.

    Args:
        model: predicts tokens.
        reading: the documents; only those of its probe are read.
        subjects: the dictionaries, each spliced in alone.
        batch: documents in a forward pass.
        device: torch device of the model and the dictionaries.
        tick: called after every forward pass with the share done; may raise to stop.
    """
    parts = batches(reading, np.flatnonzero(reading.probe), batch)
    hooks = {subject.hook: zeroed(subject.site) for subject in subjects}
    runs: dict[tuple[str, object], Mapping[Hook, Edit] | None] = {("clean", None): None}
    runs |= {("zero", hook): {hook: edit} for hook, edit in hooks.items()}
    for subject in subjects:
        runs["sae", subject.id] = {subject.hook: replaced(subject.dictionary, subject.site)}
    totals, counted, step = dict.fromkeys(runs, 0.0), 0, 0
    for part in parts:
        tokens, mask = padded(reading, part, device)
        predicted = mask[:, 1:]
        counted += int(predicted.sum())
        for run, edits in runs.items():
            totals[run] += _total(model.loss(tokens, edits), predicted)
            step += 1
            tick(step / (len(parts) * len(runs)))
    if not counted:
        return None
    mean = {run: total / counted for run, total in totals.items()}
    return [
        CrossEntropy(mean["clean", None], mean["sae", s.id], mean["zero", s.hook]) for s in subjects
    ]


def _total(loss: Float[Tensor, "b t"], predicted: Bool[Tensor, "b t"]) -> float:
    return float(loss[predicted].double().sum())
