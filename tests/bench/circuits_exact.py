"""What attribution says of nodes beside what ablating each of them alone does.

Every estimate of `ESTIMATES` and the exact effect (the fall of the metric when the node alone is
ablated, one forward pass a prompt and node) of the same nodes on the same prompts, in the workspace
of `circuits_tasks`: all heads, all MLPs, and of features and neurons those that some estimate
puts among its first `FIRST`, with as many drawn among the others that move. Pearson's r of the two,
with a 95% interval over prompts. ``python -m tests.bench.circuits_exact [--folder DIR] [--tasks …]
[--levels …] [--prompts 24]``; results in ``tests/bench/results/circuits_exact.json``, beside those
that are there.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from jobs.causal.bootstrap import samples
from jobs.causal.scores import SAMPLES
from store import Workspace
from tests.bench.circuit_search import BATCH
from tests.bench.circuits_tables import plain
from tests.bench.circuits_tasks import (
    FEW_STEPS,
    FOLDER,
    TASKS,
    Asked,
    of_level,
    with_model_kept,
    workspace,
)

if TYPE_CHECKING:
    from jobs.causal.ground import Ground

RESULTS = Path(__file__).parent / "results" / "circuits_exact.json"
LEVELS = ("components", "features", "neurons")
ESTIMATES = ("relp", "ig", "shapley", "atp")
ALL_BUT = "MLPs, all but the first"
FIRST = 50
FEW_SITES = 10
"""Beyond so many sites `ig`, which walks a path for each, takes `FEW_STEPS` midpoints."""

Row = dict[str, Any]


def main() -> None:
    """Measures what is asked for, then prints the table of all that is there."""
    words = lambda text: text.split(",")  # noqa: E731
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--tasks", type=words, default=list(TASKS))
    parser.add_argument("--levels", type=words, default=list(LEVELS))
    parser.add_argument("--prompts", type=int, default=24)
    asked = parser.parse_args()
    ws = workspace(asked.folder, asked.levels)
    with_model_kept()
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else []
    made = {(row["task"], row["kind"]): row for row in kept}
    for level in asked.levels:
        for task in asked.tasks:
            rows = measured(ground(ws, task, level, asked.prompts))
            made |= {(task, row["kind"]): {"task": task, **row} for row in rows}
            found = {"prompts": asked.prompts, "rows": list(made.values())}
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(list(made.values())))


def ground(ws: Workspace, task: str, level: str, prompts: int) -> Ground:
    """The prompts that a search of the bench would look at, the first `prompts` of them."""
    from jobs.context import DirectContext
    from jobs.kinds import circuit_ground
    from jobs.specs.circuit import Circuit
    from jobs.task.load import load_task
    from jobs.task.prepare import prepare

    how = of_level(ws, Asked(task, level, "atp", 0))
    spec = Circuit(task=task, limit=4 * prompts, batch=BATCH, **how)
    context = DirectContext(ws, spec, job=f"exact-{task}-{level}")
    model = circuit_ground.load(spec, context)
    loaded = load_task(task, model, limit=spec.limit, seed=0)
    pairs = prepare(loaded, model, held_out=0.3, seed=0).search
    place = circuit_ground.place(spec, context, model, 1)
    return circuit_ground.ground(spec, context, place, pairs.take(torch.arange(prompts)))


def measured(ground: Ground) -> list[Row]:
    """A row for each of `groups`."""
    from jobs.causal.exact import alone
    from jobs.causal.methods import METHODS, Asked

    began, estimates = time.process_time(), {}
    for name in ESTIMATES:
        steps = FEW_STEPS if name == "ig" and len(ground.sites) > FEW_SITES else None
        found = METHODS[name](ground, Asked(batch=BATCH, steps=steps))
        assert found.per_prompt is not None
        estimates[name] = found.per_prompt.double()
    nodes = looked_at(ground, estimates)
    exact = alone(ground, nodes, BATCH, lambda share: None)
    rows = []
    for name, own in groups([ground.nodes.name(node) for node in nodes.tolist()]).items():
        row: Row = {"kind": name, "nodes": int(own.sum()), "cpu": time.process_time() - began}
        for method, per_prompt in estimates.items():
            pair = per_prompt[:, nodes][:, own], exact[:, own]
            row[method] = correlation(*pair, ground.prompts.content)
        rows.append(row)
        print(row, flush=True)
    return rows


def groups(names: list[str]) -> dict[str, torch.Tensor]:
    """Which nodes are of each kind; of MLPs also all but the first, which adds to nearly bare
    embeddings and is worth so much that it decides what r is.
    """
    kinds = [kind(name) for name in names]
    found = {one: torch.tensor([own == one for own in kinds]) for one in dict.fromkeys(kinds)}
    if "MLP" in found:
        found[ALL_BUT] = found["MLP"].clone()
        found[ALL_BUT][kinds.index("MLP")] = False
    return found


def looked_at(ground: Ground, estimates: dict[str, torch.Tensor]) -> torch.Tensor:
    """All nodes where they are few; else the first of every estimate and as many others."""
    if ground.nodes.n <= 10 * FIRST:
        return torch.arange(ground.nodes.n)
    sizes = [per_prompt.mean(0).abs() for per_prompt in estimates.values()]
    first = torch.cat([size.topk(FIRST).indices for size in sizes]).unique()
    moves = torch.stack(sizes).amax(0) > 0
    moves[first] = False
    others = moves.nonzero()[:, 0]
    draw = torch.randperm(len(others), generator=torch.Generator().manual_seed(0))
    return torch.cat([first, others[draw[: len(first)]]])


def kind(node: str) -> str:
    """What a node is, for the rows of the table."""
    from saetui.circuits.records import kind_of

    found = kind_of(node)
    return {"feature": "features and errors", "error": "features and errors"}.get(found, found)


def correlation(estimate: torch.Tensor, exact: torch.Tensor, content: torch.Tensor) -> list[float]:
    """Pearson's r of the means over prompts, and its 95% interval over them."""
    weight = samples(content, SAMPLES, seed=0)
    one, other = (
        weight @ value - (weight @ value).mean(1, keepdim=True) for value in (estimate, exact)
    )
    found = (one * other).sum(1) / (one.norm(dim=1) * other.norm(dim=1))
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return [float(found[0]), float(low), float(high)]


def table(rows: list[Row]) -> str:
    """A line a task and kind of node."""
    lines = [
        f"| task | nodes | {' | '.join(f'`{name}`' for name in ESTIMATES)} |",
        "| --- " * (len(ESTIMATES) + 2) + "|",
    ]
    kinds = ("head", "MLP", ALL_BUT, "features and errors", "neuron")
    for row in sorted(rows, key=lambda row: (TASKS.index(row["task"]), kinds.index(row["kind"]))):
        figures = [[plain(figure, ".2f") for figure in row[method]] for method in ESTIMATES]
        cells = [f"{r} ({low}–{high})" for r, low, high in figures]
        what = f"{row['nodes']:,} {row['kind']}"
        what += "s" if row["kind"] in ("head", "MLP", "neuron") else ""
        lines.append(f"| {row['task']} | {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
