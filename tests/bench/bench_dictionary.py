"""Times one training step of a TopK dictionary: ours against plain dense autograd.

Both read the same data in the same process, in rounds that alternate, so that a busy machine slows
both alike. Run with ``python -m tests.bench.bench_dictionary [--rounds N]``; the table goes to
stdout and the numbers to ``tests/bench/results/dictionary_step.json``.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from jobs.dictionary import ARCHITECTURES
from jobs.dictionary.initial import from_data
from jobs.dictionary.learner import Learner, Recipe
from jobs.dictionary.precision import encoder_precision

RESULTS = Path(__file__).parent / "results" / "dictionary_step.json"
SIZES = ((576, 4608, 32), (576, 16_384, 32))
"""d, m, k."""
BATCH = 2048
RATE = 1e-3

Step = Callable[[Tensor], object]


def activations(d: int, rows: int) -> Tensor:
    """Sums of 20 of 2,048 directions chosen by Zipf's law, with mean ‖x‖² = d."""
    generator = torch.Generator().manual_seed(0)
    true = F.normalize(torch.randn(2048, d, generator=generator))
    often = 1 / torch.arange(1, 2049).float()
    on = torch.multinomial(often, rows * 20, replacement=True, generator=generator).view(rows, 20)
    x = torch.zeros(rows, d)
    for column in range(20):
        x += true[on[:, column]] * torch.rand(rows, 1, generator=generator)
    return x * (d / x.square().sum(1).mean()).sqrt()


def ours(x: Tensor, m: int, k: int) -> Step:
    """The step that ``train_sae`` takes."""
    dictionary = ARCHITECTURES["topk"](d_in=x.shape[1], d_sae=m, k=k).requires_grad_(False)
    from_data(dictionary, x[:BATCH], torch.Generator().manual_seed(0))
    learner = Learner(dictionary, Recipe(RATE), encoder_precision("cpu"))
    return lambda batch: learner.step(batch, 0.5, measure=False)


def dense(x: Tensor, m: int, k: int) -> Step:
    """The textbook: dense codes, autograd, unit-norm decoder, fused Adam."""
    dictionary = ARCHITECTURES["topk"](d_in=x.shape[1], d_sae=m, k=k).requires_grad_(False)
    from_data(dictionary, x[:BATCH], torch.Generator().manual_seed(0))
    W_enc = dictionary.encoder.T.contiguous().requires_grad_()
    W_dec, b_enc, b_dec = (
        p.detach().clone().requires_grad_()
        for p in (dictionary.W_dec, dictionary.b_enc, dictionary.b_dec)
    )
    adam = torch.optim.Adam([W_enc, W_dec, b_enc, b_dec], lr=RATE, fused=True)

    def step(batch: Tensor) -> None:
        before = (batch - b_dec) @ W_enc + b_enc
        top = before.topk(k, dim=1)
        f = torch.zeros_like(before).scatter(1, top.indices, top.values.relu())
        loss = (batch - (f @ W_dec + b_dec)).square().sum() / len(batch)
        adam.zero_grad()
        loss.backward()
        adam.step()
        with torch.no_grad():
            W_dec.div_(W_dec.norm(dim=1, keepdim=True))

    return step


WAYS: dict[str, Callable[[Tensor, int, int], Step]] = {"ours": ours, "dense autograd": dense}


def measure(d: int, m: int, k: int, rounds: int) -> list[dict[str, Any]]:
    """Wall and CPU time of a step, median over alternating rounds."""
    x = activations(d, 4 * BATCH)
    steps = {name: make(x, m, k) for name, make in WAYS.items()}
    wall: dict[str, list[float]] = {name: [] for name in WAYS}
    cpu: dict[str, list[float]] = {name: [] for name in WAYS}
    for turn in range(rounds + 2):
        batch = x[turn % 4 * BATCH :][:BATCH]
        for name, step in steps.items():
            began, spent = time.perf_counter(), time.process_time()
            step(batch)
            if turn >= 2:  # the first ones warm caches up
                wall[name].append(time.perf_counter() - began)
                cpu[name].append(time.process_time() - spent)
    return [
        {
            "way": name,
            "d": d,
            "m": m,
            "k": k,
            "wall_ms": 1e3 * statistics.median(wall[name]),
            "wall_ms_fastest": 1e3 * min(wall[name]),
            "cpu_ms": 1e3 * statistics.median(cpu[name]),
            "tokens_per_second": BATCH / statistics.median(wall[name]),
        }
        for name in WAYS
    ]


def main() -> None:
    """Measures, prints a table, writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows = [row for size in SIZES for row in measure(*size, asked.rounds)]
    for row in rows:
        plain = next(r for r in rows if r["m"] == row["m"] and r["way"] == "dense autograd")
        row["cpu_ratio"] = plain["cpu_ms"] / row["cpu_ms"]
        print(
            f"m={row['m']:>6}  {row['way']:<15} {row['wall_ms']:8.1f} ms wall "
            f"{row['cpu_ms']:8.1f} ms CPU {row['tokens_per_second']:9,.0f} tokens/s "
            f"{row['cpu_ratio']:5.1f}x less CPU"
        )
    about = {
        "batch": BATCH,
        "threads": asked.threads,
        "rounds": asked.rounds,
        "torch": torch.__version__,
        "encoder_precision": encoder_precision("cpu"),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"about": about, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
