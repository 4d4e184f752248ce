"""What the features of a cluster share: tokens that name it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

SHOWN = 12
"""Shared tokens kept of a cluster."""
_NAMED = 3
"""Tokens in a label."""


class Shared(NamedTuple):
    """What a cluster is about."""

    tokens: list[str]
    """Tokens that at least two of its features have, the most telling first."""
    label: str | None
    """The first of them; None where nothing is shared."""


def shared_tokens(
    words: Sequence[Sequence[str]], label: Int64[np.ndarray, " n"], count: int
) -> list[Shared]:
    """The shared tokens of each of `count` clusters.

    Args:
        words: the tokens of every feature: at its strongest activations, and those it promotes.
        label: cluster of every feature, negative for none.
        count: clusters.

    A token scores its share of the cluster's features times the logarithm of how much larger that
    share is than among all features (tf-idf with clusters as documents). Case and surrounding
    blanks do not tell tokens apart; the commonest spelling is shown.
    """
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    overall: Counter[str] = Counter()
    within = [Counter[str]() for _ in range(count)]
    for tokens, cluster in zip(words, label.tolist(), strict=True):
        plain = {_plain(token): token for token in tokens if token}
        overall.update(plain.keys())
        for key, token in plain.items():
            spelled[key][token.strip() or token] += 1
        if cluster >= 0:
            within[cluster].update(plain.keys())
    size = np.bincount(label[label >= 0], minlength=count)
    n = max(1, len(words))
    return [_shared(within[c], int(size[c]), overall, n, spelled) for c in range(count)]


def _plain(token: str) -> str:
    """What tells a token from others; of white space, whether it ends a line."""
    return token.strip().casefold() or ("\n" if "\n" in token else token[:1])


def _shared(
    counts: Counter[str],
    size: int,
    overall: Counter[str],
    n: int,
    spelled: dict[str, Counter[str]],
) -> Shared:
    scored = [
        (-share * math.log(share * n / overall[key]), key)
        for key, times in counts.items()
        if times >= 2 and (share := times / size) > overall[key] / n
    ]
    best = [key for _, key in sorted(scored)[:SHOWN]]
    tokens = [min(spelled[key].items(), key=lambda item: (-item[1], item[0]))[0] for key in best]
    return Shared(tokens, " · ".join(tokens[:_NAMED]) or None)
