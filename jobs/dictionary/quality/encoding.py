"""All tokens of a few documents, encoded by a dictionary and by its random twin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jobs.dictionary.profile.documents import Reading
from jobs.dictionary.profile.matching import Encoded, encoded
from jobs.dictionary.profile.subject import Model, Subject


def encode_both(
    model: Model,
    reading: Reading,
    mine: Subject,
    random: Subject,
    *,
    batch: int,
    device: str,
    tick: Callable[[float], None],
) -> Encoded:
    """Codes ``mine`` and ``random`` of what `mine` reads, and the activations themselves; all held
    in memory. `random` must read the same.
    """
    ways = {
        way: (subject.dictionary.sparse, subject.dictionary.d_sae)
        for way, subject in (("mine", mine), ("random", random))
    }
    return encoded(
        model,
        reading,
        mine,
        ways,
        batch=batch,
        device=device,
        keep_x=True,
        tick=tick,
    )


def few(reading: Reading, tokens: int, seed: int) -> Reading:
    """Documents drawn at random from `reading` until they hold `tokens` tokens."""
    order = np.random.default_rng([seed, 1]).permutation(len(reading.docs))
    before = np.cumsum(reading.lengths[order]) - reading.lengths[order]
    chosen = np.zeros(len(order), bool)
    chosen[order[before < tokens]] = True
    return reading.only(chosen)
