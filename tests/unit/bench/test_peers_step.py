"""One library's times measured anew leave the others' as they are."""

from __future__ import annotations

import argparse
from typing import Any

from tests.bench.peers_memory import Memory, medians, with_memory
from tests.bench.peers_step import ALL, Size, wanted, with_ratios


def row(library: str, cpu: float, **changes: Any) -> dict[str, Any]:
    size = {"architecture": "topk", "d": 576, "m": 4608, "batch": 2048}
    return {"library": library, "cpu_ms": cpu, **size, **changes}


def test_ratios_are_of_our_time() -> None:
    found = with_ratios([row("saetui", 10.0), row("saelens", 50.0), row("sparsify", 20.0)])
    assert [one["cpu_ratio"] for one in found] == [1.0, 5.0, 2.0]
    assert {one["best_peer_ratio"] for one in found} == {2.0}


def test_a_library_is_measured_again_where_it_was_before() -> None:
    there = [row("saetui", 10.0), row("sparsify", 20.0), row("saetui", 10.0, m=99)]
    asked = argparse.Namespace(again="sparsify", quick=False, only=ALL, sizes=None)
    assert wanted(asked, there) == [Size("topk", 576, 4608, 2048)]
    asked.again, asked.sizes = "saetui", ["576,99,2048"]
    assert wanted(asked, there) == [Size("topk", 576, 99, 2048)]
    asked.again = None
    assert wanted(asked, there) == []  # a size that nobody asks for without --again


def test_memory_measured_anew_leaves_times_and_other_libraries() -> None:
    there = row("saetui", 10.0, peak_gib=0.6, dictionary_gib=0.0)
    before = medians([("saetui", Memory(0.5, 0.2)), ("saetui", Memory(0.9, 0.3))])
    assert before == {"saetui": 0.25}
    found = with_memory(there, Memory(0.5, 0.2), before)
    assert found == there | {"peak_gib": 0.5, "dictionary_gib": 0.25}
    larger = there | {"m": 99, "peak_gib": 1.25}  # measured at another size, which told `before`
    assert with_memory(larger, None, before)["dictionary_gib"] == 1.0
    other = row("saelens", 9.0, peak_gib=1.0, dictionary_gib=0.5)
    assert with_memory(other, None, before) == other
