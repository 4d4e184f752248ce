"""Times a model's forward pass: our fast way against the bridge, in bf16 and fp32.

All ways read the same tokens in the same process, in rounds that alternate, so that a busy machine
slows them alike. Run with ``python -m tests.bench.bench_model [--model smollm2] [--layer 12]``; the
table goes to stdout and the numbers to ``tests/bench/results/model_forward.json``.
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

from jobs.model import LanguageModel, load_model
from jobs.names import Hook

RESULTS = Path(__file__).parent / "results" / "model_forward.json"
SITES = ("resid_post", "mlp_out", "attn_out")
"""Read together, as the demo does: one forward pass serves all of them."""


def ways(model: LanguageModel, tokens: Tensor, layer: int) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    hooks = [Hook(layer, site) for site in SITES]

    @torch.inference_mode()
    def by_bridge() -> object:
        return model._bridge_activations(tokens, hooks)

    @torch.inference_mode()
    def logits_by_bridge() -> object:
        return model._bridge_logits(tokens, {})

    return {
        f"activations to layer {layer}": lambda: model.activations(tokens, hooks),
        f"bridge to layer {layer}": by_bridge,
        "loss of every token": lambda: model.loss(tokens),
        "bridge logits": logits_by_bridge,
    }


def measure(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Tokens a second, of the wall's and of the processor's time, median over the rounds."""
    tokens = torch.randint(
        5, 400, (asked.batch, asked.context), generator=torch.Generator().manual_seed(0)
    )
    todo: dict[tuple[str, str], Callable[[], object]] = {}
    for dtype in ("bfloat16", "float32"):
        model = load_model(asked.model, dtype=dtype, device=asked.device)
        todo |= {(dtype, name): run for name, run in ways(model, tokens, asked.layer).items()}
    wall: dict[tuple[str, str], list[float]] = {key: [] for key in todo}
    cpu: dict[tuple[str, str], list[float]] = {key: [] for key in todo}
    for turn in range(asked.rounds + 1):
        for key, run in todo.items():
            began, spent = time.perf_counter(), time.process_time()
            run()
            if asked.device != "cpu":
                torch.cuda.synchronize()
            if turn:  # the first warms caches up
                wall[key].append(time.perf_counter() - began)
                cpu[key].append(time.process_time() - spent)
    return [
        {
            "dtype": dtype,
            "way": name,
            "tokens_per_second": tokens.numel() / statistics.median(wall[dtype, name]),
            "tokens_per_second_best": tokens.numel() / min(wall[dtype, name]),
            "cpu_ms_per_1000_tokens": 1e6 * statistics.median(cpu[dtype, name]) / tokens.numel(),
        }
        for dtype, name in todo
    ]


def main() -> None:
    """Measures, prints a table, writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--layer", type=int, default=12)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows = measure(asked)
    for row in rows:
        print(
            f"{row['dtype']:<9} {row['way']:<28} {row['tokens_per_second']:9,.0f} tokens/s "
            f"(best {row['tokens_per_second_best']:9,.0f}) "
            f"{row['cpu_ms_per_1000_tokens']:9,.0f} ms CPU per 1,000 tokens"
        )
    about = vars(asked) | {
        "torch": torch.__version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"about": about, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
