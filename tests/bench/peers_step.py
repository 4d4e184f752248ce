"""Times one training step of every library that trains dictionaries, side by side.

``make bench-dictionary``, or ``python -m tests.bench.peers_step``; with ``--quick`` fewer sizes and
rounds (about six minutes on two quiet cores), with ``--only topk jumprelu`` some architectures,
with ``--sizes 576,65536,2048`` (d, m, batch) some sizes; ``--add`` keeps the other results.
``--again saetui`` measures that library alone, at every size that the results hold, and keeps the
others' figures: they were not taken in alternation then, which the results say.
``--memory`` measures memory alone, anew where the results hold a size, after `FIRST` steps and as
many as ``--rounds`` adds (with five the peaks are up to 6% higher); times stay as they are, so a
busy machine does no harm. ``--again``, ``--only`` and ``--sizes`` narrow it down.
Each library runs in its own environment (made on first use, which needs a package index), on the
same data and as many threads, in rounds that alternate, so that a busy machine slows all alike.
How many features fire changes what a step costs, and in the first steps of training it changes
fast: the rounds are steps `FIRST` to `FIRST` + rounds of a training of `STEPS`. The table goes to
stdout, the numbers to ``tests/bench/results/peers_step.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench import peers_memory
from tests.bench.peers import PEERS, default_environments, machine, workers
from tests.bench.quality_worlds import saved
from tests.bench.selection import selection_errors
from tests.bench.superposition import mapped, superposition

RESULTS = Path(__file__).parent / "results" / "peers_step.json"
K = 32
FIRST = 2
"""Steps that are not counted."""
STEPS = 1000
ALL = ("topk", "batchtopk", "matryoshka", "jumprelu", "gated", "standard", "transcoder")


class Size(NamedTuple):
    """What is trained."""

    architecture: str
    d: int
    m: int
    batch: int

    @property
    def named(self) -> str:
        """As ``--sizes`` takes it."""
        return f"{self.d},{self.m},{self.batch}"


def sizes(quick: bool) -> Iterable[Size]:
    """Every architecture at three widths and two input widths, with a batch size each; those that
    speed is promised for at both batch sizes where it is. `quick` is the narrowest of each and
    16,384 for two.
    """
    for architecture in ALL:
        both = architecture in ("topk", "batchtopk")
        yield Size(architecture, 576, 4608, 2048)
        if not quick or both:
            yield Size(architecture, 576, 16_384, 2048)
        if not quick:
            yield Size(architecture, 768, 4608, 4096)
            yield Size(architecture, 768, 16_384, 4096)
            yield Size(architecture, 576, 65_536, 2048)
            yield Size(architecture, 768, 65_536, 4096)
        if not quick and both:
            for m in (4608, 16_384):
                yield Size(architecture, 576, m, 4096)
                yield Size(architecture, 768, m, 2048)


def measure(size: Size, folder: Path, asked: argparse.Namespace, rounds: int) -> list[Any]:
    """Wall and CPU milliseconds of a step for each library, medians over alternating rounds."""
    order = ordered(size, folder, asked.threads)
    wall: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    memory: dict[str, peers_memory.Memory] = {}
    only = {asked.again} if asked.again else None
    with workers(size.architecture, asked.environments, asked.threads, only) as libraries:
        for name, worker in libraries.items():
            worker.ask("make", **order)
            worker.ask("train", until=FIRST)
            wall[name], cpu[name] = [], []
        for turn in range(rounds):
            for name, worker in libraries.items():
                spent = worker.ask("train", until=FIRST + turn + 1)
                wall[name].append(1e3 * spent["wall"])
                cpu[name].append(1e3 * spent["cpu"])
        for name, worker in libraries.items():
            memory[name] = peers_memory.asked(worker)
    return [
        {
            "library": name,
            **size._asdict(),
            "k": K,
            "cpu_ms": statistics.median(cpu[name]),
            "cpu_ms_quartiles": _quartiles(cpu[name]),
            "wall_ms": statistics.median(wall[name]),
            "wall_ms_quartiles": _quartiles(wall[name]),
            "peak_gib": memory[name].peak,
            "dictionary_gib": memory[name].peak - memory[name].before,
            "rounds": rounds,
            "load": os.getloadavg()[0],
        }
        for name in wall
    ]


def ordered(size: Size, folder: Path, threads: int) -> dict[str, Any]:
    """What a worker is told to make, its data written to `folder`."""
    data = superposition(folder, d=size.d, rows=20_000, held_out=1)
    order = {**size._asdict(), "k": K, "steps": STEPS, "seed": 0, "threads": threads}
    order["data"] = str(data.train)
    if size.architecture == "transcoder":
        order["target"] = str(mapped(data.train, folder / f"target-{size.d}.npy", d=size.d))
    return order


def with_ratios(rows: list[Any]) -> list[Any]:
    """The rows of one size, each with its CPU time over ours, and with that of the best peer."""
    cpu = {row["library"]: row["cpu_ms"] for row in rows}
    best = min((spent for name, spent in cpu.items() if name != "saetui"), default=0.0)
    more = {"best_peer_ratio": best / cpu["saetui"]}
    return [row | {"cpu_ratio": row["cpu_ms"] / cpu["saetui"]} | more for row in rows]


def _quartiles(values: list[float]) -> list[float]:
    low, _, high = statistics.quantiles(values, n=4)
    return [low, high]


def show(rows: list[Any]) -> None:
    """One line a library."""
    for row in rows:
        print(
            f"{row['architecture']:<10} d={row['d']} m={row['m']:>6} B={row['batch']} "
            f"{row['library']:<20} {row['cpu_ms']:9.0f} ms CPU {row['wall_ms']:8.0f} ms wall "
            f"{row['dictionary_gib']:5.2f} GiB {row['cpu_ratio']:5.1f}x our CPU",
            flush=True,
        )


def main() -> None:
    """Measures, prints a table, writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes and rounds")
    parser.add_argument("--rounds", type=int, help="default 8, quick 5")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=ALL, default=ALL, help="architectures")
    parser.add_argument("--sizes", nargs="+", metavar="D,M,BATCH", help="some sizes")
    parser.add_argument("--add", action="store_true", help="keep the other results")
    names = [peer.name for peer in PEERS]
    parser.add_argument("--again", choices=names, help="measure one library anew, it alone")
    parser.add_argument("--memory", action="store_true", help="memory alone, times stay")
    parser.add_argument("--environments", type=Path, default=default_environments())
    parser.add_argument("--to", type=Path, default=RESULTS)
    asked = parser.parse_args()
    rounds = asked.rounds or (5 if asked.quick else 8)
    if asked.memory:
        measure_memory(asked, saved(asked.to))
        return
    found = saved(asked.to) if asked.add or asked.again else {}
    found = found or {"about": facts(asked, rounds) | {"selection": selection_errors()}, "rows": []}
    if asked.again:
        found["about"].setdefault("apart", {})[asked.again] = facts(asked, rounds)
    with tempfile.TemporaryDirectory() as folder:
        for size in wanted(asked, found["rows"]):
            kept = [row for row in found["rows"] if asked.again and of(row) == size]
            rows = measure(size, Path(folder), asked, rounds)
            rows = with_ratios(rows + [row for row in kept if row["library"] != asked.again])
            show(rows)
            found["rows"] = [row for row in found["rows"] if of(row) != size] + rows
            asked.to.write_text(json.dumps(found, indent=2) + "\n")


def measure_memory(asked: argparse.Namespace, found: dict[str, Any]) -> None:
    """Measures memory where `found` has rows, and writes it there; times stay."""
    steps = FIRST + (asked.rounds or 0)
    about = facts(asked, asked.rounds or 0) | {"steps": steps}
    about["command"] += " --memory"
    there = {of(row): None for row in found["rows"] if asked.again in (None, row["library"])}
    memory: dict[tuple[str, Size], peers_memory.Memory] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in chosen(asked, there):
            order = ordered(size, Path(folder), asked.threads)
            named = [row["library"] for row in found["rows"] if of(row) == size]
            for name in named if asked.again is None else [asked.again]:
                with workers(size.architecture, asked.environments, asked.threads, {name}) as only:
                    now = memory[name, size] = peers_memory.measured(only[name], order, steps)
                print(f"{size} {name}: {now.peak:.3f} GiB, {now.before:.3f} before", flush=True)
            before = peers_memory.medians((name, it) for (name, _), it in memory.items())
            found["rows"] = [
                peers_memory.with_memory(row, memory.get((row["library"], of(row))), before)
                for row in found["rows"]
            ]
            kept = found["about"].get("memory", {})
            about["before_gib"] = kept.get("before_gib", {}) | before
            found["about"]["memory"] = about
            asked.to.write_text(json.dumps(found, indent=2) + "\n")


def wanted(asked: argparse.Namespace, rows: list[Any]) -> list[Size]:
    """The sizes to measure; where one library is measured again, those at which it is in `rows`."""
    again = [of(row) for row in rows if row["library"] == asked.again]
    return chosen(asked, again if asked.again else sizes(asked.quick))


def chosen(asked: argparse.Namespace, every: Iterable[Size]) -> list[Size]:
    """Those of `every` that ``--only`` and ``--sizes`` leave."""
    some = [size for size in every if size.architecture in asked.only]
    return [size for size in some if not asked.sizes or size.named in asked.sizes]


def facts(asked: argparse.Namespace, rounds: int) -> dict[str, Any]:
    """Of a measurement, for the results."""
    command = "python -m tests.bench.peers_step" + (" --quick" if asked.quick else "")
    command += f" --rounds {asked.rounds}" if asked.rounds else ""
    about = {"command": command, "rounds": rounds, "threads": asked.threads}
    return about | {"machine": machine(), "python": platform.python_version()}


def of(row: dict[str, Any]) -> Size:
    """What a row of the results measured."""
    return Size(*(row[key] for key in Size._fields))


if __name__ == "__main__":
    main()
