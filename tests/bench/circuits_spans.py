"""Heads and MLPs of `smollm2` as nodes of the whole prompt, of every position, and of every span.

The same method, prompts and split each time: only what a node is of differs. One task has prompts
of two lengths, so that positions are none that all share: every other pair of ``agreement_pp`` is
told inside a longer sentence. What is in the workspace already
is not searched again. ``python -m tests.bench.circuits_spans [--folder DIR] [--seeds 2] [--prompts
60] [--methods relp] [--tasks agreement_pp,mixed]``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs.task.task import Example
from store import Workspace
from tests.bench.circuit_search import searched
from tests.bench.circuits_tasks import machine, with_model_kept

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "circuits_spans.json"
MODEL = "smollm2"
MIXED = "mixed"
"""The task of two lengths; its file is written into the workspace's folder."""
LONGER = "We heard that t"
"""What takes the place of the first letter of every other pair."""
LEVELS: dict[str, Any] = {"prompt": False, "position": True, "span": "spans"}
"""What a node is of → ``per_position``."""
HELD_OUT = 0.4
COLUMNS = (
    *("circuit", "task", "method", "seed", "n_nodes", "nodes_for_80", "cmd", "cmd_low", "cmd_high"),
    *("cmd_log", "n_search", "n_held_out", "forward_passes", "backward_passes"),
)


def main() -> None:
    """Searches what is asked for and is not there, then prints the table."""
    asked = _arguments()
    folder: Path = asked.folder
    there = (folder / "workspace.toml").exists()
    ws = Workspace(folder) if there else Workspace.create(folder)
    mixed(folder)
    with_model_kept()
    done = {row["circuit"] for row in rows(ws)}
    for seed in range(asked.seeds):
        for task in asked.tasks:
            for method in asked.methods:
                for level in LEVELS:
                    name = f"{task}-{method}-{level}-s{seed}"
                    if name not in done:
                        search(ws, name, task, method, level, seed, asked.prompts)
    found = {"machine": machine(), "prompts": asked.prompts, "circuits": rows(ws)}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found["circuits"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--folder", type=Path, default=Path("spans-bench"))
    parser.add_argument("--tasks", type=words, default=["agreement_pp", MIXED])
    parser.add_argument("--methods", type=words, default=["relp"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--prompts", type=int, default=60)
    return parser.parse_args()


def search(
    ws: Workspace, name: str, task: str, method: str, level: str, seed: int, prompts: int
) -> None:
    """One search of the bench."""
    searched(
        ws,
        name,
        task=str(ws.root / f"{MIXED}.jsonl") if task == MIXED else task,
        model=MODEL,
        nodes="components",
        method=method,
        per_position=LEVELS[level],
        seed=seed,
        limit=prompts,
        held_out=HELD_OUT,
        bootstrap=0,
        transfer=False,
    )


def mixed(folder: Path) -> None:
    """Writes the file of the task of two lengths, with the spans of every prompt."""
    from jobs.model import load_model
    from jobs.task import templates

    path = folder / f"{MIXED}.jsonl"
    if not path.exists():
        tokenizer: Any = load_model(MODEL).tokenizer
        pairs = templates.make("agreement_pp", tokenizer, 200, 0)
        lines = [json.dumps(line(pair, LONGER if at % 2 else "")) for at, pair in enumerate(pairs)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def line(pair: Example, instead: str) -> dict[str, Any]:
    """A pair as a file has it, with `instead`, if anything, of the first letters."""
    by, row = max(0, len(instead) - 1), pair._asdict()
    for field, spans in (("clean", "spans"), ("corrupt", "corrupt_spans")):
        row[field] = instead + str(row[field])[1:] if instead else row[field]
        row[spans] = {span.name: [span.start + by, span.stop + by] for span in row[spans]}
    return row


def rows(ws: Workspace) -> list[dict[str, Any]]:
    """Every search, with what its nodes are of."""
    level = "if(spans IS NOT NULL, 'span', if(per_position, 'position', 'prompt')) AS level"
    found = ws.sql(f"SELECT {', '.join(COLUMNS)}, {level} FROM circuits ORDER BY circuit")
    return [row | {"task": Path(row["task"]).stem} for row in found.pl().to_dicts()]


def table(found: Sequence[dict[str, Any]]) -> str:
    """A line for each task, method, seed and level."""
    lines = [
        "| task | prompts | a node for every | nodes | reach .8 | of all | CMD | log CMD |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    order = list(LEVELS)
    for row in sorted(found, key=lambda r: (r["task"], r["seed"], order.index(r["level"]))):
        enough = row["nodes_for_80"]
        share = "—" if enough is None else f"{enough / row['n_nodes']:.1%}"
        lines.append(
            f"| `{row['task']}`, {row['method']}, seed {row['seed']} | "
            f"{row['n_search']} + {row['n_held_out']} | {row['level']} | "
            f"{row['n_nodes']:,} | {'—' if enough is None else enough} | {share} | "
            f"{row['cmd']:.3f} ({row['cmd_low']:.3f}–{row['cmd_high']:.3f}) | "
            f"{row['cmd_log']:.3f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
