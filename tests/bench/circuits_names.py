"""Why single features are no circuit of ``ioi``: nodes for .8 of it as its prompts have more names.

The prompts are those of ``ioi`` with 3, 6, 12 or 24 names, which stand on both sides of the split
(in ``ioi`` itself none does). If a circuit of features needs features for every name, it grows with
the names; one of heads and MLPs, which move whatever name there is, is the control: it should not.
The dictionaries are those of `circuits_tasks`. What is in the workspace already is not searched
again. ``python -m tests.bench.circuits_names [--folder DIR] [--seeds 2] [--names 3,6,12,24]
[--methods relp,shapley] [--levels features,components]``.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from jobs.task.templates.made import words
from jobs.task.templates.words import FEMALE, MALE, OBJECTS, PLACES
from store import Workspace
from tests.bench.circuit_search import searched
from tests.bench.circuits_compared import crosses
from tests.bench.circuits_tables import plain
from tests.bench.circuits_tasks import machine, with_model_kept, workspace

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "circuits_names.json"
MODEL = "smollm2"
PROMPTS = 120
HELD_OUT = 0.3
LEVELS = ("features", "components")
FORM = "When {first} and {second} went to the {place}, {giver} gave a {object} to"
COLUMNS = (
    *("circuit", "task", "method", "nodes", "seed", "n_nodes", "nodes_for_80", "cmd_log"),
    *("cmd_log_low", "cmd_log_high", "n_search", "n_held_out"),
)


def main() -> None:
    """Searches what is asked for and is not there, then prints the table."""
    asked = _arguments()
    ws = workspace(asked.folder, ["features"])
    seeds = range(asked.first, asked.seeds)
    paths = [(seed, written(asked.folder, n, seed)) for seed in seeds for n in asked.names]
    with_model_kept()
    done = {row["circuit"] for row in rows(ws)}
    for seed, path in paths:
        for level in asked.levels:
            for method in asked.methods:
                name = f"{path.stem}-{method}-{level}"
                if name not in done:
                    search(ws, name, path, method, level, seed)
    found = {"machine": machine(), "prompts": PROMPTS, "circuits": rows(ws)}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found["circuits"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    several = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--folder", type=Path, default=Path("circuits-bench"))
    parser.add_argument(
        "--names", type=lambda t: [int(n) for n in several(t)], default=[3, 6, 12, 24]
    )
    parser.add_argument("--methods", type=several, default=["relp", "shapley"])
    parser.add_argument("--levels", type=several, default=list(LEVELS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="seed to begin with")
    return parser.parse_args()


def written(folder: Path, n: int, seed: int) -> Path:
    """The file of the task with `n` names, `PROMPTS` pairs that all differ."""
    from jobs.model import load_model

    path = folder / f"names-{n}-s{seed}.jsonl"
    if not path.exists():
        tokenizer: Any = load_model(MODEL).tokenizer
        rng = random.Random(seed)
        names = rng.sample(words(tokenizer, FEMALE + MALE), n)
        places, objects = words(tokenizer, PLACES), words(tokenizer, OBJECTS)
        found: dict[str, dict[str, str]] = {}
        while len(found) < PROMPTS:
            row = pair(names, rng.choice(places), rng.choice(objects), rng)
            found[row["clean"]] = row
        lines = [json.dumps(row) for row in found.values()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def pair(names: Sequence[str], place: str, thing: str, rng: random.Random) -> dict[str, str]:
    """One of the two who were named gives; in the corrupt prompt a third one does."""
    receiver, giver, third = rng.sample(names, 3)
    first, second = rng.sample((receiver, giver), 2)
    told = {"first": first, "second": second, "place": place, "object": thing}
    clean, corrupt = (FORM.format(giver=who, **told) for who in (giver, third))
    return {"clean": clean, "corrupt": corrupt, "answer": f" {receiver}", "wrong": f" {giver}"}


def search(ws: Workspace, name: str, path: Path, method: str, level: str, seed: int) -> None:
    """One search of the bench."""
    searched(
        ws,
        name,
        task=str(path),
        model=MODEL,
        dictionaries=sorted(ws.dictionaries()) if level == "features" else [],
        nodes=level,
        method=method,
        seed=seed,
        limit=PROMPTS,
        held_out=HELD_OUT,
        bootstrap=0,
        transfer=False,
    )


def rows(ws: Workspace) -> list[dict[str, Any]]:
    """Every search of the bench, with the nodes at which its faithfulness crosses .8."""
    found = ws.sql(f"SELECT {', '.join(COLUMNS)} FROM circuits WHERE circuit LIKE 'names-%'")
    scored: dict[str, list[tuple[int, float]]] = {}
    for circuit, *point in ws.sql(
        "SELECT circuit, n_nodes, faithfulness FROM circuit_curve WHERE prompts = 'held_out' "
        "ORDER BY ALL"
    ).fetchall():
        scored.setdefault(circuit, []).append((point[0], point[1]))
    return [
        row
        | {"names": int(row["circuit"].split("-")[1]), "task": Path(row["task"]).stem}
        | {"crossing": crosses(*zip(*scored[row["circuit"]], strict=True))}
        for row in found.pl().sort("circuit").to_dicts()
    ]


def table(found: Sequence[dict[str, Any]]) -> str:
    """A line for each kind of node and method, a column for each number of names: where .8 is
    crossed, seed by seed, and the mean log CMD.
    """
    counts = sorted({row["names"] for row in found})
    lines = [
        f"| | {' | '.join(f'{n} names' for n in counts)} |",
        "| --- " * (len(counts) + 1) + "|",
    ]
    for level in LEVELS:
        for method in sorted({row["method"] for row in found}):
            own = [r for r in found if (r["nodes"], r["method"]) == (level, method)]
            cells = [_cell([r for r in own if r["names"] == n]) for n in counts]
            if any(cells):
                lines.append(f"| {level}, `{method}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(own: Sequence[dict[str, Any]]) -> str:
    if not own:
        return ""
    nodes = (row["crossing"] for row in sorted(own, key=lambda row: row["seed"]))
    told = ", ".join("never" if n is None else f"{n:,.0f}" for n in nodes)
    return f"{told}; {plain(mean(row['cmd_log'] for row in own), '.2f')}"


if __name__ == "__main__":
    main()
