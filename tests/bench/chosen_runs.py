"""The runs that libraries are compared by, from a results file of `peers_quality`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.bench.seeking import steps_in_time

Row = dict[str, Any]
Runs = dict[str, list[Row]]
"""A run a seed, by library."""


def after_all_tokens(found: Row, architecture: str) -> Runs:
    """The chosen runs over all tokens at the asked sparsity."""
    return _by_library(row for row in _chosen(found, architecture) if row["steps"] == _all(found))


def in_our_time(found: Row, architecture: str) -> Runs:
    """Our runs, and the others' of as many steps as fit into the CPU seconds of ours with the same
    seed: that over all tokens where all fit.
    """
    full = after_all_tokens(found, architecture)
    short = [row for row in _chosen(found, architecture) if row["steps"] != _all(found)]
    there = {(row["library"], row["seed"]) for row in short}
    ours = {row["seed"]: row for row in full.get("saetui", ())}
    for library, rows in full.items():
        for row in rows:
            if (library, row["seed"]) in there or row["seed"] not in ours:
                continue
            fits = steps_in_time(_all(found), ours[row["seed"]]["cpu"], row["cpu"]) == _all(found)
            if library == "saetui" or fits:
                short.append(row)
    return _by_library(short)


def shares(found: Row, architectures: Iterable[str]) -> list[float]:
    """What each of the others' runs in our time took, as a share of our CPU seconds, ascending."""
    there = []
    for architecture in architectures:
        runs = in_our_time(found, architecture)
        ours = {row["seed"]: row["cpu"] for row in runs.pop("saetui", ())}
        there += [row["cpu"] / ours[row["seed"]] for rows in runs.values() for row in rows]
    return sorted(there)


def _all(found: Row) -> int:
    """Steps over all tokens."""
    return found["about"]["rows"] // found["about"]["batch"]  # type: ignore[no-any-return]


def _chosen(found: Row, architecture: str) -> list[Row]:
    k = found["about"]["k"]
    return [
        row
        for row in found["rows"]
        if row["chosen"] and row["architecture"] == architecture and row.get("k", k) == k
    ]


def _by_library(rows: Iterable[Row]) -> Runs:
    groups: Runs = {}
    for row in rows:
        groups.setdefault(row["library"], []).append(row)
    return groups
