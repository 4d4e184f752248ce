"""Every method against circuits that are known: ROC AUC over nodes and over edges.

The truth models are compiled with decoys (`jobs.model.truth`), so that which heads and MLPs belong,
and which act on which, is known and not judged. Each method searches each of them, over three
seeds; `random` is what chance gives, `truth` what a search that knew the nodes would get.
``python -m tests.bench.circuits_truth [--seeds 3] [--truths induction,…]
[--methods …]``; results in ``tests/bench/results/circuits_truth.json``, beside those that are
there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from jobs.model.truth.listed import LISTED, PREFIX
from store import SaetuiError, Workspace
from tests.bench.circuits_tasks import with_model_kept

RESULTS = Path(__file__).parent / "results" / "circuits_truth.json"
METHODS = (
    *("cascade", "mask", "acdc", "shapley", "relp", "ig", "atp"),
    *("activation", "random", "truth"),
)
PROMPTS = 64

Row = dict[str, Any]


def main() -> None:
    """Searches everything, then prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--truths", type=lambda text: text.split(","), default=list(LISTED))
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS))
    asked = parser.parse_args()
    with_model_kept()
    with tempfile.TemporaryDirectory() as folder:
        ws = Workspace.create(Path(folder) / "truth")
        found = [
            search(ws, name, method, seed)
            for name in asked.truths
            for method in asked.methods
            for seed in range(asked.seeds)
        ]
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else []
    made = {(row["truth"], row["method"], row["seed"]): row for row in [*kept, *found]}
    rows = list(made.values())
    RESULTS.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")
    print(table(rows))


def search(ws: Workspace, truth: str, method: str, seed: int) -> Row:
    """One search over heads and MLPs, with direct effects between all of them."""
    from jobs.context import DirectContext
    from jobs.kinds.circuit import run
    from jobs.specs.circuit import Circuit

    name = f"{truth}-{method}-{seed}"
    spec = Circuit(
        task=PREFIX + truth,
        model=PREFIX + truth,
        nodes="components",
        method=method,  # type: ignore[arg-type]
        seed=seed,
        limit=PROMPTS,
        name=name,
        edges=1000,
        exact=0,
        transfer=False,
    )
    row: Row = {"truth": truth, "method": method, "seed": seed}
    try:
        run(spec, DirectContext(ws, spec, job=name))
    except SaetuiError as error:
        return {**row, "failed": str(error)}
    query = f"SELECT node_auc, edge_auc, forward_passes, cmd FROM circuits WHERE circuit = '{name}'"
    found = ws.sql(query).pl().to_dicts()[0]
    print(row | found, flush=True)
    return row | found


def table(rows: list[Row]) -> str:
    """Node AUC and edge AUC, means over seeds with the least in brackets."""
    lines = [
        "| truth model | " + " | ".join(METHODS) + " |",
        "| --- " * (len(METHODS) + 1) + "|",
    ]
    for truth in dict.fromkeys(row["truth"] for row in rows):
        cells = [
            _cell([r for r in rows if (r["truth"], r["method"]) == (truth, m)]) for m in METHODS
        ]
        lines.append(f"| `{truth}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(mine: list[Row]) -> str:
    parts = []
    for which in ("node_auc", "edge_auc"):
        values = [row[which] for row in mine if row.get(which) is not None]
        parts.append(f"{statistics.mean(values):.3f}" if values else "·")
    return " / ".join(parts)


if __name__ == "__main__":
    main()
