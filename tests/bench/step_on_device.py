"""Times one training step on a GPU: ours, a dense one put through ``torch.compile``, sparsify's;
and tells how near each comes to what the device can do.

``make bench-dictionary-gpu``, or ``python -m tests.bench.step_on_device --device cuda``; on
``--device cpu`` it runs too, if slowly, to try it out. ``--only topk gated`` and
``--sizes 768,16384,4096`` (d, m, batch) narrow it down, ``--eager`` leaves the compiler out,
``--install`` makes sparsify's environment where it is not there (it is left out otherwise).

Each library runs in a process of its own, in rounds that alternate, on activations that lie on the
device already. A round is ``--steps`` steps one after another, of which a GPU is timed by events
around each, a CPU by the process's CPU seconds. Before that stand the limits of the device: a
large product in the encoder's precision and in float32, a large copy (`device_limits`). The share
of a limit is the time that a step's counted work (`step_counts`) takes there over the time that
the step took (its wall time on a CPU). Numbers go to ``tests/bench/results/step_on_cuda.json``, or
``step_on_cpu.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from jobs.dictionary.precision import encoder_precision
from tests.bench.device_limits import limits
from tests.bench.peers import PEERS, Peer, Worker, default_environments, machine
from tests.bench.peers_step import ALL, K, Size, ordered
from tests.bench.step_counts import WORK, Limits, shares

RESULTS = Path(__file__).parent / "results"
SHAPES = ((576, 4608, 2048), (768, 16_384, 4096), (768, 65_536, 4096))
"""d, m, batch."""
WARM_UP = 5
"""Steps that are not counted: the compiler works in the first."""
DENSE = Peer("dense", None, "with_dense.py", frozenset(ALL))
LIBRARIES = (*(peer for peer in PEERS if peer.name in ("saetui", "sparsify")), DENSE)


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints a table, writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu")
    parser.add_argument("--only", nargs="+", choices=ALL, default=ALL, help="architectures")
    parser.add_argument("--sizes", nargs="+", metavar="D,M,BATCH", help="default: three")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, help="in a round; default 10 on a GPU, else 1")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--eager", action="store_true", help="dense steps without torch.compile")
    parser.add_argument("--install", action="store_true", help="make sparsify's environment")
    parser.add_argument("--limit", type=int, nargs=2, metavar=("SIDE", "BYTES"), help="to try out")
    parser.add_argument("--environments", type=Path, default=default_environments())
    parser.add_argument("--to", type=Path)
    asked = parser.parse_args(arguments)
    if why := missing(asked.device):
        print(why, file=sys.stderr)
        raise SystemExit(2)
    kind = torch.device(asked.device).type
    asked.device = f"cuda:{torch.device(asked.device).index or 0}" if kind == "cuda" else "cpu"
    asked.steps = asked.steps or (10 if kind == "cuda" else 1)
    torch.set_num_threads(asked.threads)
    if kind == "cuda":
        torch.cuda.set_device(asked.device)
    low = torch.bfloat16 if encoder_precision(asked.device) == "bfloat16" else torch.float32
    most = limits(asked.device, low, *(asked.limit or ()))
    print(told(most), flush=True)
    about = {"device": name(asked.device), "encoder": str(low).removeprefix("torch.")}
    about |= {"limits": most._asdict(), "torch": torch.__version__, "eager": asked.eager}
    about |= {"rounds": asked.rounds, "steps": asked.steps, "threads": asked.threads}
    to = asked.to or RESULTS / f"step_on_{kind}.json"
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes(asked):
            rows += measure(size, Path(folder), asked, most, low.itemsize)
            to.write_text(json.dumps({"about": about, "rows": rows}, indent=2) + "\n")


def missing(device: str) -> str:
    """Why steps cannot run there, in a sentence; empty where they can."""
    try:
        asked = torch.device(device)
    except RuntimeError:
        return f"--device {device} is none; valid are cuda, cuda:0 (and on) and cpu."
    if asked.type not in ("cuda", "cpu"):
        return f"--device {device} is not measured here; valid are cuda, cuda:0 (and on) and cpu."
    if asked.type == "cuda" and not torch.cuda.is_available():
        return f"--device {device} was asked, but torch {torch.__version__} sees no GPU here."
    if asked.type == "cuda" and (asked.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        return f"--device {device} was asked, but there are only {count} GPUs, numbered from 0."
    return ""


def name(device: str) -> str:
    """What it is called."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else machine()


def sizes(asked: argparse.Namespace) -> list[Size]:
    """What is trained."""
    shapes = [tuple(map(int, text.split(","))) for text in asked.sizes or ()] or SHAPES
    every = [Size(architecture, *shape) for architecture in ALL for shape in shapes]
    return [size for size in every if size.architecture in asked.only]


@contextmanager
def started(size: Size, asked: argparse.Namespace) -> Iterator[Mapping[str, Worker]]:
    """A worker of every library that trains the architecture and is there."""
    with ExitStack() as stack:
        found = {}
        for peer in LIBRARIES:
            if size.architecture not in peer.architectures:
                continue
            if peer.made(asked.environments) or asked.install:
                variables = {"SAETUI_EAGER": "1"} if asked.eager else {}
                worker = peer.start(asked.environments, asked.threads, variables)
                found[peer.name] = stack.enter_context(worker)
            else:
                print(f"{peer.name} is left out: its environment is not there (--install)")
        yield found


def measure(
    size: Size, folder: Path, asked: argparse.Namespace, most: Limits, itemsize: int
) -> list[dict[str, Any]]:
    """A row a library: milliseconds of a step, medians over alternating rounds, and its shares of
    the limits.
    """
    order = ordered(size, folder, asked.threads) | {"device": asked.device}
    times: dict[str, list[dict[str, float]]] = {}
    memory: dict[str, int] = {}
    with started(size, asked) as libraries:
        for library, worker in libraries.items():
            worker.ask("make", **order)
            worker.ask("train", until=WARM_UP)
            times[library] = []
        for turn in range(asked.rounds):
            for library, worker in libraries.items():
                until = WARM_UP + (turn + 1) * asked.steps
                times[library].append(worker.ask("train", until=until))
        for library, worker in libraries.items():
            memory[library] = worker.ask("memory")["device_bytes"]
    rows = []
    for library, spent in times.items():
        median = {
            key: statistics.median(each[key] for each in spent) / asked.steps
            for key in ("device", "wall", "cpu")
        }
        work = WORK[library](size, K, itemsize)
        on_gpu = asked.device != "cpu"
        row = {"library": library, **size._asdict(), "k": K}
        row |= {f"{key}_ms": 1e3 * value for key, value in median.items()}
        row |= {"device_ms_all": [1e3 * each["device"] / asked.steps for each in spent]}
        row |= {"tokens_per_second": size.batch / median["wall"], **work._asdict()}
        row |= shares(work, most, median["device" if on_gpu else "wall"])
        row |= {"device_gib": memory[library] / 2**30, "load": os.getloadavg()[0]}
        rows.append(row)
        print(line(row), flush=True)
    return rows


def line(row: Mapping[str, Any]) -> str:
    """As the table on stdout has it."""
    return (
        f"{row['architecture']:<10} d={row['d']} m={row['m']:>6} B={row['batch']} "
        f"{row['library']:<9} {row['device_ms']:9.2f} ms {row['wall_ms']:9.2f} ms wall "
        f"{row['tokens_per_second']:11,.0f} tokens/s {row['of_matmul']:6.1%} of matmul "
        f"{row['of_bandwidth']:6.1%} of bandwidth {row['device_gib']:6.2f} GiB"
    )


def told(most: Limits) -> str:
    """The limits in a sentence."""
    return (
        f"Limits measured: {most.low / 1e12:.3g} TFLOP/s in the encoder's precision, "
        f"{most.full / 1e12:.3g} in float32, {most.moved / 1e9:,.3g} GB/s copying."
    )


if __name__ == "__main__":
    main()
