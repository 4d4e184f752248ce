"""What the model loses with a dictionary in its place: cross-entropy recovered, and KL divergence.

    CE recovered = (CE_zero − CE_sae) / (CE_zero − CE_clean)
    KL           = mean over tokens of Σ_v p(v) log(p(v) / q(v)),   p clean, q spliced

No error term is added; massive activations pass through unchanged, as in `profile.splice`. The
same two figures with the mean in place of every activation, and with a random dictionary, are the
controls: zero is so far from what the model knows that almost anything "recovers" much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.dictionary.profile import joined, splice
from jobs.dictionary.profile.documents import Reading
from jobs.dictionary.profile.splice import Edits, Ledger, meaned, silenced, span, spliced_in
from jobs.dictionary.profile.subject import Subject, batches, padded
from jobs.dictionary.quality.figures import Figure
from jobs.dictionary.quality.jackknife import jackknife

_LOGITS = 1 << 23
"""Logits held at once, in each of three tensors."""


class Predictor(splice.Predictor, Protocol):
    """What is asked of a language model: more than its losses."""

    @property
    def d_vocab(self) -> int:
        """Size of the vocabulary."""

    def logits(
        self, tokens: Int64[Tensor, "b t"], edits: Edits | None = None
    ) -> Float[Tensor, "b t v"]:
        """Logits, with `edits` in place."""


class Runs(NamedTuple):
    """Names of the runs that tell of a dictionary at a hook."""

    clean: str
    zero: str
    mean: str
    mine: str
    random: str
    about: str | None = None
    """The source of a crosscoder, which is spliced source by source."""


@torch.inference_mode()
def run_spliced(
    model: Predictor,
    reading: Reading,
    subjects: Sequence[Subject],
    twins: Sequence[Subject],
    kept: Path,
    *,
    batch: int,
    device: str,
    tick: Callable[[float], None],
) -> Ledger:
    """Sums of cross-entropy (``ce:RUN``) and KL (``kl:RUN``) over the probe documents; runs are
    named by `runs_of`.

    Args:
        model: gives logits.
        reading: the documents; only those of its probe are read.
        subjects: dictionaries, each spliced in alone.
        twins: their random twins, likewise.
        kept: file that holds what is done; a resumed job gives the same.
        batch: documents in a forward pass, at most.
        device: torch device of the model and the dictionaries.
        tick: called after every forward pass with the share done; may raise to stop.
    """
    ledger = Ledger(kept)
    size = max(1, min(batch, _LOGITS // (model.d_vocab * reading.tokens.shape[1])))
    parts = batches(np.flatnonzero(reading.probe), size)
    groups = _groups(model, subjects, twins)
    count = sum(len(runs) for _, runs in groups.values())
    for number in range(len(ledger.rows), len(parts)):
        tokens, mask = padded(reading, parts[number], device)
        predicted, then, sums, step = mask[:, 1:], tokens[:, 1:], dict[str, float](), 0
        for clean, (untouched, runs) in groups.items():
            p = _log_probabilities(model.logits(tokens, untouched))
            sums[f"ce:{clean}"] = _surprise(p, then, predicted)
            for run, edits in runs.items():
                q, step = _log_probabilities(model.logits(tokens, edits)), step + 1
                sums[f"ce:{run}"] = _surprise(q, then, predicted)
                sums[f"kl:{run}"] = _divergence(p, q, predicted)
                tick((number + step / count) / len(parts))
        ledger.add(int(predicted.sum()), sums)
    return ledger


def runs_of(mine: Subject, random: Subject) -> list[Runs]:
    """The runs that tell of `mine`, `random` being its twin: those of each source, where it is a
    crosscoder.
    """
    if not mine.parts:
        at = span(mine)
        return [Runs("clean", f"zero:{at}", f"mean:{at}", mine.id, random.id)]
    found = []
    for number, part in enumerate(mine.parts):
        of, by_chance = joined.names(mine, number), joined.names(random, number).spliced
        found.append(
            Runs(of.clean, of.zeroed, of.meaned, of.spliced, by_chance, part.hook.described)
        )
    return found


def spliced(ledger: Ledger, mine: Subject, random: Subject) -> list[Figure]:
    """``ce_recovered`` and ``kl`` of `mine`, `random` being its twin; nothing without tokens. Those
    of a crosscoder are of the means over its sources, then of each source.
    """
    if not ledger.rows or not ledger.total("n"):
        return []
    every = runs_of(mine, random)
    found = _figures(ledger, every, None)
    if mine.parts:
        for runs in every:
            found += _figures(ledger, [runs], runs.about)
    return found


def _figures(ledger: Ledger, every: Sequence[Runs], about: str | None) -> list[Figure]:
    n = int(ledger.total("n"))

    def ce(key: str) -> np.ndarray:
        return _sums(ledger, [f"ce:{getattr(runs, key)}" for runs in every])

    def kl(key: str) -> np.ndarray:
        return _sums(ledger, [f"kl:{getattr(runs, key)}" for runs in every]) / len(every)

    zero, clean = ce("zero"), ce("clean")
    lost = float(zero.sum() - clean.sum())

    def recovered(key: str) -> float:
        return float(zero.sum() - ce(key).sum()) / lost if lost > 0 else float("nan")

    def divergence(key: str) -> float:
        return float(kl(key).sum()) / n

    tokens = np.array([row["n"] for row in ledger.rows], np.float64)
    of_ce = jackknife(
        np.stack([zero, ce("mine"), clean], 1),
        lambda s: (s[0] - s[1]) / (s[0] - s[2]) if s[0] > s[2] else np.nan,
    )
    of_kl = jackknife(np.stack([tokens, kl("mine")], 1), lambda s: s[1] / s[0])
    note = None if lost > 0 else "not defined: the model does no worse without the site"
    return [
        Figure("ce_recovered", of_ce.value, about, of_ce.low, of_ce.high, n, note=note)._replace(
            random=recovered("random"), mean_ablation=recovered("mean")
        ),
        Figure("kl", of_kl.value, about, of_kl.low, of_kl.high, n)._replace(
            random=divergence("random"), mean_ablation=divergence("mean")
        ),
    ]


def _sums(ledger: Ledger, names: Sequence[str]) -> np.ndarray:
    """One number a batch, added up over the runs called `names`."""
    return np.array([sum(row[name] for name in names) for row in ledger.rows], np.float64)


Group = tuple[Edits | None, dict[str, Edits]]
"""What makes a clean run, and the runs that are held against it."""


def _groups(
    model: Predictor, subjects: Sequence[Subject], twins: Sequence[Subject]
) -> dict[str, Group]:
    """By the name of the clean run: one for each model."""
    groups: dict[str, Group] = {"clean": (None, {})}
    for subject, twin in zip(subjects, twins, strict=True):
        if not subject.parts:
            (of,), runs = runs_of(subject, twin), groups["clean"][1]
            runs[of.zero], runs[of.mean] = silenced(subject), meaned(subject)
            runs[of.mine], runs[of.random] = spliced_in(subject), spliced_in(twin)
            continue
        code, chance = joined.Written(model, subject), joined.Written(model, twin)
        for number, of in enumerate(runs_of(subject, twin)):
            untouched = joined.untouched(subject, number)
            runs = groups.setdefault(of.clean, (untouched, {}))[1]
            runs[of.zero], runs[of.mean] = code.zeroed(number), code.meaned(number)
            runs[of.mine], runs[of.random] = code.spliced(number), chance.spliced(number)
    return groups


def _log_probabilities(logits: Float[Tensor, "b t v"]) -> Float[Tensor, "b t_minus_1 v"]:
    return logits[:, :-1].float().log_softmax(-1)


def _surprise(
    log_p: Float[Tensor, "b t v"], then: Int64[Tensor, "b t"], predicted: Bool[Tensor, "b t"]
) -> float:
    """Σ −log p of the tokens that came."""
    return -float(log_p.gather(-1, then[..., None])[..., 0][predicted].double().sum())


def _divergence(
    log_p: Float[Tensor, "b t v"], log_q: Float[Tensor, "b t v"], predicted: Bool[Tensor, "b t"]
) -> float:
    """Σ KL(p ‖ q), a document at a time."""
    total = 0.0
    for p, q, of in zip(log_p, log_q, predicted, strict=True):
        total += float((p.exp() * (p - q)).sum(-1)[of].double().sum())
    return total
