"""What a circuit search costs as dictionaries widen, up to 100,000 features.

Random dictionaries (k = 32, half of the features at each of two hooks) are spliced into `tiny` on
its agreement task, 32 prompts; what they mean does not matter for the cost. Each search runs in a
process of its own, on one thread, and tells its passes, CPU seconds, peak memory beyond what the
model alone takes, and the CMD of what it found on other prompts. ACDC without groups tries nodes
one by one; here those that never move are left out even then, so that it is no straw man. It is run
where that is feasible. ``python -m tests.bench.circuits_scale
[--sizes 1000,…]``; results in ``tests/bench/results/circuits_scale.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.log_log import chart
from tests.bench.peers.peak import peak

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "circuits_scale.json"
SIZES = (1_000, 4_000, 16_000, 64_000, 100_000)
METHODS = ("relp", "shapley", "ig", "acdc", "cascade", "acdc one by one")
FLAT_UP_TO = 4_000
HOOKS = ("L1.resid_post", "L2.resid_post")
K, PROMPTS = 32, 64

Row = dict[str, Any]


def main() -> None:
    """Every size with every method, then the table and the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "N"))
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one[0], int(asked.one[1]))))
        return
    rows = []
    for n in asked.sizes or SIZES:
        for method in METHODS:
            if method != METHODS[-1] or n <= FLAT_UP_TO:
                rows.append(_apart(method, n))
                print(rows[-1], flush=True)
    RESULTS.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")
    lines = {m: [(r["n"], r["cpu"]) for r in rows if r["method"] == m] for m in METHODS}
    title = "CPU seconds of a circuit search"
    lines["n log n"] = _as_n_log_n(lines["relp"])
    picture = chart(title, "features", "CPU seconds", lines, dashed=["n log n"])
    RESULTS.with_suffix(".svg").write_text(picture, encoding="utf-8")
    print(table(rows))


def _as_n_log_n(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where the first of `points` would lead."""
    n, cost = points[0]
    return [(x, cost * x * math.log(x) / (n * math.log(n))) for x, _ in points]


def _apart(method: str, n: int) -> Row:
    command = [sys.executable, "-m", "tests.bench.circuits_scale", "--one", method, str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: Row = json.loads(done.stdout.splitlines()[-1])
    return found


def one(method: str, n: int) -> Row:
    """One search in this process."""
    import torch

    from jobs.causal.curve import curve, grid
    from jobs.causal.methods import METHODS as SEARCHES
    from jobs.causal.methods import Asked
    from jobs.causal.methods.base import silent
    from jobs.causal.moving import moving
    from jobs.causal.scores import score

    torch.set_num_threads(1)
    ground, held_out = spliced(n)
    before, began = _peak(), time.process_time()
    name, flat = ("acdc", True) if method == "acdc one by one" else (method, False)
    found = SEARCHES[name](ground, Asked(batch=16, flat=flat))
    row = {
        "method": method,
        "n": n,
        "cpu": time.process_time() - began,
        "forward": ground.cost.forward,
        "backward": ground.cost.backward,
        "prompts": ground.prompts.n,
        "peak_mb": _peak() - before,
        "kept": found.kept,
        "moving": int(moving(ground, 16).sum()),
    }
    line = curve(held_out, found.order, grid(Asked().sizes, n), 16, silent)
    return row | {"cmd_log": score(line, max(Asked().sizes), 0).cmd_log}


def spliced(n: int) -> Any:
    """`tiny` with random dictionaries of `n` features in all, on either half of its prompts."""
    from jobs.causal import nodes
    from jobs.causal.basis import Features, Site
    from jobs.causal.ground import Ground
    from jobs.model import load_model
    from jobs.names import parse_hook
    from jobs.task.load import load_task
    from jobs.task.prepare import prepare

    model = load_model("tiny", say=lambda text: None)
    task = load_task("agreement", model, limit=PROMPTS, seed=0)
    prompts = prepare(task, model, force=True, held_out=0.5, seed=0, aligned=False)
    hooks = [parse_hook(text) for text in HOOKS]
    sites = [
        Site(hook, Features(_random(model.width(hook), n // 2, seed)), name=f"random-{seed}")
        for seed, hook in enumerate(hooks)
    ]
    every = nodes.features(sites)
    return Ground(model, sites, every, prompts.search), Ground(
        model, sites, every, prompts.held_out
    )


def _random(d: int, m: int, seed: int) -> Any:
    import torch

    from jobs.dictionary.architectures.topk import TopK

    made = TopK(d, m, k=K)
    rows = torch.randn(m, d, generator=torch.Generator().manual_seed(seed))
    made.W_dec.data = torch.nn.functional.normalize(rows)
    made.encoder.data = made.W_dec.data.clone()
    return made.requires_grad_(False)


def _peak() -> float:
    return peak() / 1e6


def table(rows: list[Row]) -> str:
    """Markdown; the exponent is that of the last two sizes, 1 being linear."""
    lines = [
        "| features, that move | method | forward passes a prompt | backward | CMD, log | CPU s "
        "| peak MB | exponent |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    last: dict[str, Row] = {}
    for row in rows:
        before = last.get(row["method"])
        slope = ""
        if before is not None:
            steps = math.log(row["cpu"] / before["cpu"]) / math.log(row["n"] / before["n"])
            slope = f"{steps:.2f}"
        last[row["method"]] = row
        each = (row["forward"] / row["prompts"], row["backward"] / row["prompts"])
        lines.append(
            f"| {row['n']:,}, {row['moving']:,} | {row['method']} | {each[0]:,.0f} | "
            f"{each[1]:,.0f} | {row['cmd_log'][0]:.3f} | {row['cpu']:.1f} | "
            f"{row['peak_mb']:,.0f} | {slope} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
