"""Cross-entropy of the model with a dictionary in its place: how much of the work it carries.

    CE recovered = (CE_zero − CE_sae) / (CE_zero − CE_clean)

The reconstruction x̂ replaces x without error term; CE_zero replaces x by zero. Massive
activations pass through unchanged in both, so that both replace the same tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.dictionary.base import Dictionary
from jobs.dictionary.profile import joined
from jobs.dictionary.profile.documents import Reading
from jobs.dictionary.profile.subject import Site, Subject, batches, padded
from jobs.names import Hook

Edit = Callable[[Tensor], Tensor]
Edits = Mapping[Hook, Edit] | Callable[[Tensor], Mapping[Hook, Edit]]
"""At each hook; or a function that makes them for the tokens at hand."""


class Predictor(Protocol):
    """What is asked of a language model."""

    def loss(
        self, tokens: Int64[Tensor, "b t"], edits: Edits | None = None
    ) -> Float[Tensor, "b t_minus_1"]:
        """Cross-entropy of each next token, in nats."""

    def activations(
        self, tokens: Int64[Tensor, "b t"], hooks: list[Hook]
    ) -> dict[Hook, Float[Tensor, "b t d"]]:
        """Activations at `hooks`."""


class CrossEntropy(NamedTuple):
    """Mean over the same tokens, in nats."""

    clean: float
    sae: float
    zero: float
    sources: tuple[CrossEntropy, ...] = ()
    """Those of each source of a crosscoder, spliced in alone; the figures above are their means."""

    @property
    def recovered(self) -> float:
        """1: as good as the model; 0: as bad as nothing. NaN where the model does no worse without
        the site: then there is nothing to recover, and the ratio would mislead.
        """
        lost = self.zero - self.clean
        return (self.zero - self.sae) / lost if lost > 0 else float("nan")


def replaced(dictionary: Dictionary, site: Site) -> Edit:
    """An edit that writes the reconstruction in place of every activation that is not massive."""
    return _edit(site, lambda x: dictionary.reconstruct(dictionary.sparse(x)))


def zeroed(site: Site) -> Edit:
    """An edit that writes zero in place of every activation that is not massive."""
    return _edit(site, torch.zeros_like)


def transcoded(subject: Subject) -> dict[Hook, Edit]:
    """Edits that note what a transcoder reads and write what it makes of that, wherever neither
    is massive.
    """

    def write(x: Tensor, y: Tensor) -> Tensor:
        return subject.dictionary.written(x, subject.dictionary.sparse(x))

    return _pair(subject, write)


def silenced(subject: Subject) -> dict[Hook, Edit]:
    """Edits that write zero in place of the same activations as `spliced_in`."""
    if subject.source is None:
        return {subject.hook: zeroed(subject.site)}
    return _pair(subject, lambda x, y: torch.zeros_like(y))


def meaned(subject: Subject) -> dict[Hook, Edit]:
    """Edits that write the mean in place of the same activations as `spliced_in`."""
    if subject.source is None:
        return {subject.hook: averaged(subject.site)}
    return _pair(subject, lambda x, y: subject.site.centre.expand_as(y))


def spliced_in(subject: Subject) -> dict[Hook, Edit]:
    """Edits that write what the dictionary makes in place of what is not massive."""
    if subject.source is None:
        return {subject.hook: replaced(subject.dictionary, subject.site)}
    return transcoded(subject)


def _pair(subject: Subject, write: Callable[[Tensor, Tensor], Tensor]) -> dict[Hook, Edit]:
    source, heard = subject.source, subject.heard
    assert source is not None and heard is not None
    noted: list[Tensor] = []

    def note(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        noted[:] = [x]
        return x

    def edit(y: Float[Tensor, "b t d_out"]) -> Float[Tensor, "b t d_out"]:
        x = noted[0].reshape(-1, noted[0].shape[-1]).float()
        flat = y.reshape(-1, y.shape[-1])
        plain = flat.float()
        first = torch.arange(len(flat), device=y.device) % y.shape[1] == 0
        usual = heard.scale.keep(x, first) & subject.site.scale.keep(plain, first)
        out = flat.clone()
        for index in usual.nonzero()[:, 0].split(4096):
            out[index] = write(x[index], plain[index]).to(y.dtype)
        return out.reshape(y.shape)

    return {source: note, subject.hook: edit}


def averaged(site: Site) -> Edit:
    """An edit that writes the site's mean in place of every activation that is not massive."""
    return _edit(site, lambda x: site.centre.expand_as(x))


def _edit(site: Site, write: Edit) -> Edit:
    def edit(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        flat = x.reshape(-1, x.shape[-1])
        plain = flat.float()
        first = torch.arange(len(flat), device=x.device) % x.shape[1] == 0
        usual = site.scale.keep(plain, first)
        out = flat.clone()
        for index in usual.nonzero()[:, 0].split(4096):
            out[index] = write(plain[index]).to(x.dtype)
        return out.reshape(x.shape)

    return edit


class Ledger:
    """Sums of one batch after another, kept in a file, so that a resumed job goes on from there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[dict[str, float]] = []
        """One a batch: sums by name, ``n`` being the tokens predicted."""
        if path.exists():
            self.rows = json.loads(path.read_text(encoding="utf-8"))

    def add(self, n: int, sums: Mapping[str, float]) -> None:
        """Adds one batch and saves."""
        self.rows.append({"n": n, **sums})
        staging = self._path.with_suffix(".tmp")
        staging.write_text(json.dumps(self.rows), encoding="utf-8")
        staging.replace(self._path)

    def total(self, name: str) -> float:
        """The sum over all batches."""
        return sum(row[name] for row in self.rows)


@torch.inference_mode()
def cross_entropy(
    model: Predictor,
    reading: Reading,
    subjects: Sequence[Subject],
    kept: Path,
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
        kept: file that holds what is done; a resumed job gives the same.
        batch: documents in a forward pass.
        device: torch device of the model and the dictionaries.
        tick: called after every forward pass with the share done; may raise to stop.
    """
    runs = _runs(model, subjects)
    parts = batches(np.flatnonzero(reading.probe), batch)
    ledger = Ledger(kept)
    for number in range(len(ledger.rows), len(parts)):
        tokens, mask = padded(reading, parts[number], device)
        predicted, losses = mask[:, 1:], {}
        for step, (run, edits) in enumerate(runs.items(), start=1):
            losses[run] = _total(model.loss(tokens, edits), predicted)
            tick((number + step / len(runs)) / len(parts))
        ledger.add(int(predicted.sum()), losses)
    if not ledger.total("n"):
        return None
    mean = {run: ledger.total(run) / ledger.total("n") for run in runs}
    return [_entropy(subject, mean) for subject in subjects]


def _entropy(subject: Subject, mean: Mapping[str, float]) -> CrossEntropy:
    if not subject.parts:
        return CrossEntropy(mean["clean"], mean[subject.id], mean[span(subject)])
    names = [joined.names(subject, number) for number in range(len(subject.parts))]
    each = tuple(CrossEntropy(mean[of.clean], mean[of.spliced], mean[of.zeroed]) for of in names)
    n = len(each)
    return CrossEntropy(
        sum(one.clean for one in each) / n,
        sum(one.sae for one in each) / n,
        sum(one.zero for one in each) / n,
        each,
    )


def _runs(model: Predictor, subjects: Sequence[Subject]) -> dict[str, Edits | None]:
    """Name → edits of every run: clean, each hook (its name) zeroed, each dictionary (its id)."""
    runs: dict[str, Edits | None] = {"clean": None}
    for subject in subjects:
        if subject.parts:
            runs |= joined.runs(model, subject)
        else:
            runs[span(subject)] = silenced(subject)
            runs[subject.id] = spliced_in(subject)
    return runs


def span(subject: Subject) -> str:
    """What a dictionary reads and writes, in words; the same for those that replace the same."""
    read = f"{subject.source.name} to " if subject.source else ""
    return read + subject.hook.name


def _total(loss: Float[Tensor, "b t"], predicted: Bool[Tensor, "b t"]) -> float:
    return float(loss[predicted].double().sum())
