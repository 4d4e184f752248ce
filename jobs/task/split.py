"""Splits pairs into those searched on and those scored on, by what they are about."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence


def components(keys: Sequence[Sequence[Hashable]]) -> list[list[int]]:
    """Items that share a key, directly or through others, together; in order of appearance."""
    parent = list(range(len(keys)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[Hashable, int] = {}
    for i, own in enumerate(keys):
        for key in own:
            a, b = root(first.setdefault(key, i)), root(i)
            parent[max(a, b)] = min(a, b)
    found: dict[int, list[int]] = defaultdict(list)
    for i in range(len(keys)):
        found[root(i)].append(i)
    return list(found.values())


def split(
    keys: Sequence[Sequence[Hashable]], held_out: float, seed: int
) -> tuple[list[int], list[int]]:
    """Items searched on and items held out, both ascending: about a share `held_out` of them, with
    no key on both sides. One side is empty where all hang together.
    """
    groups = components(keys)
    random.Random(seed).shuffle(groups)
    groups.sort(key=len, reverse=True)  # the large ones first: the small ones even it out
    sides: tuple[list[int], list[int]] = ([], [])
    shares = (1 - held_out, held_out)
    for group in groups:
        # Where it leaves the emptier side, each against its share.
        side = min((0, 1), key=lambda s: (len(sides[s]) + len(group)) / max(shares[s], 1e-9))
        sides[side].extend(group)
    return sorted(sides[0]), sorted(sides[1])
