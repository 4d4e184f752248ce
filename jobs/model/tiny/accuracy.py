"""What ``tiny`` has learned: its choices where the grammar leaves one right answer."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import Any, NamedTuple

import torch

from jobs.corpus.grammar import BOS, Text, texts
from jobs.model.tiny.train import WORD_IDS


class Accuracy(NamedTuple):
    """How often the right answer got a higher logit than every wrong one."""

    kind: str
    """What is tested, e.g. ``attractor``; see `jobs.corpus.grammar.language`."""
    right: float
    """Share of places answered rightly."""
    chance: float
    """Share that guessing among the same answers would get."""
    places: int
    """Places tested."""


@torch.inference_mode()
def accuracies(model: Any, n_texts: int = 400, seed: str = "accuracy") -> list[Accuracy]:
    """Accuracies on texts that are not in the training text, by kind of probe."""
    right: dict[str, list[bool]] = defaultdict(list)
    chance: dict[str, list[float]] = defaultdict(list)
    source = texts(seed)
    while batch := list(islice(source, min(50, n_texts))):
        n_texts -= len(batch)
        logits = model(_padded(batch), use_cache=False).logits.numpy()
        for row, text in zip(logits, batch, strict=True):
            for probe in text.probes:
                scores = row[probe.position]  # after <bos> and the words before
                best = scores[[WORD_IDS[word] for word in probe.wrong]].max()
                right[probe.kind].append(bool(scores[WORD_IDS[probe.answer]] > best))
                chance[probe.kind].append(1 / (1 + len(probe.wrong)))
    return [
        Accuracy(kind, _mean(hits), _mean(chance[kind]), len(hits))
        for kind, hits in sorted(right.items())
    ]


def _padded(batch: list[Text]) -> torch.Tensor:
    rows = [[WORD_IDS[BOS], *(WORD_IDS[word] for word in text.words)] for text in batch]
    longest = max(map(len, rows))
    return torch.tensor([row + [WORD_IDS[BOS]] * (longest - len(row)) for row in rows])


def _mean(values: list[Any]) -> float:
    return sum(values) / len(values)
