"""Memory that each library's training takes, without its times: steps are few, and a busy machine
does not distort what is held. ``python -m tests.bench.peers_step --memory``.

What a process holds before it makes a dictionary is its interpreter and its library, the same at
every size: where it was measured anew it is taken off the peaks of all the library's rows.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.bench.peers import Worker

Row = dict[str, Any]


class Memory(NamedTuple):
    """Of a training process, GiB."""

    peak: float
    """At its most."""
    before: float
    """At its most until the dictionary was made."""


def measured(worker: Worker, order: Mapping[str, Any], steps: int) -> Memory:
    """What making a dictionary and `steps` steps of its training take."""
    worker.ask("make", **order)
    worker.ask("train", until=steps)
    return asked(worker)


def asked(worker: Worker) -> Memory:
    """What the process has taken so far."""
    found = worker.ask("memory")
    peak = found["peak_bytes"] / 2**30
    return Memory(peak, peak - found["dictionary_bytes"] / 2**30)


def medians(found: Iterable[tuple[str, Memory]]) -> dict[str, float]:
    """GiB there before a dictionary, by library."""
    by_library: dict[str, list[float]] = {}
    for library, memory in found:
        by_library.setdefault(library, []).append(memory.before)
    return {library: statistics.median(values) for library, values in by_library.items()}


def with_memory(row: Row, memory: Memory | None, before: Mapping[str, float]) -> Row:
    """`row` with the peak of `memory`, or its own where that is None, and what of it came with the
    dictionary; a library that is not in `before` keeps what it has.
    """
    peak = row["peak_gib"] if memory is None else memory.peak
    if row["library"] not in before:
        return row
    return row | {"peak_gib": peak, "dictionary_gib": peak - before[row["library"]]}
