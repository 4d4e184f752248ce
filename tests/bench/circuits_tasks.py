"""Every method of circuit search on every task, at the level of features, clusters, neurons, and
heads and MLPs: the table of the README.

A workspace is made first, if it is not there: dictionaries of `smollm2` at five hooks, profiled and
clustered (twenty minutes; heads and MLPs need none). Then each search is a job like any other, run
in this process so that the model is loaded once; what is in the workspace already is not searched
again. Seeds draw other prompts and split them otherwise; all searches of a task and seed have the
same. ``python -m tests.bench.circuits_tasks [--folder DIR] [--tasks …] [--seeds 3] [--levels …]
[--methods …] [--prompts 120]``.
"""

from __future__ import annotations

import argparse
import functools
import json
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from store import SaetuiError, Workspace

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "circuits_tasks.json"
FOLDER = Path("circuits-bench")

TASKS = ("agreement", "agreement_pp", "agreement_rc", "ioi")
LEVELS: dict[str, tuple[str, ...]] = {
    "features": ("relp", "shapley", "cascade", "ig", "atp", "activation", "random", "acdc", "mask"),
    "clusters": ("relp", "cascade"),
    "neurons": ("relp", "shapley", "ig", "activation", "cascade", "mask"),
    "components": ("relp", "shapley", "atp", "random", "cascade", "acdc", "ig", "mask"),
    "few": ("relp", "shapley", "cascade"),
    "few-alone": ("relp", "shapley", "cascade"),
    "few-neurons": ("relp", "shapley"),
}
"""What is searched at each level; acdc and ig over heads and MLPs are the traditional ways."""
HELD_OUT = 0.3
"""Share of the prompts that circuits are scored on."""
SIZES = (1, 2, 5, 10, 14, 20, 30, 50, 70, 100, 200)
"""Nodes of circuits that are scored."""
BATCH = 96
"""Prompts of a pass: they are short."""
FEW = ("L13.attn_out", "L13.mlp_out", "L16.resid_post")
"""Hooks with one residual stream in place of three: ``few``; ``few-alone``, errors ablated always;
``few-neurons``, the standard basis of the same hooks."""

PIPELINE = """
[train]
kind = "train_sae"
model = "smollm2"
corpus = "docs:"
hooks = ["L10.resid_post", "L13.attn_out", "L13.mlp_out", "L16.resid_post", "L22.resid_post"]
d_sae = 4608
k = 32
learning_rate = 3e-3
tokens = 300_000
corpus_tokens = 300_000
passes = 3

[profile]
kind = "profile"
dictionaries = "@train"
tokens = 60_000
ce_tokens = 2_048

[cluster]
kind = "cluster"
dictionaries = "@train"
resolution = 6
name = "joint"
after = ["profile"]
"""
"""What the searches stand on."""


class Asked(NamedTuple):
    """One search."""

    task: str
    level: str
    method: str
    seed: int

    @property
    def name(self) -> str:
        """Its circuit id."""
        return f"{self.task}-{self.method}-{self.level}-s{self.seed}"


def main() -> None:
    """Searches what is asked for and is not there, then prints the table."""
    asked = _arguments()
    ws = workspace(asked.folder, asked.levels)
    done = {row["circuit"] for row in rows(ws) if row["method"] not in asked.again}
    with_model_kept()
    for one in searches(asked):
        if one.name not in done:
            search(ws, one, asked.prompts)
    found = {
        "machine": machine(),
        "prompts": asked.prompts,
        "held_out": HELD_OUT,
        "dictionaries": dictionaries(ws),
        "circuits": rows(ws),
        "means": means(asked.folder, rows(ws)),
        "paired": paired(asked.folder, rows(ws)),
    }
    RESULTS.write_text(json.dumps(found, indent=1, default=str) + "\n", encoding="utf-8")
    print(
        table(found["circuits"]), compact(found["means"]), differences(found["paired"]), sep="\n\n"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--tasks", type=words, default=list(TASKS))
    parser.add_argument("--levels", type=words, default=list(LEVELS))
    parser.add_argument("--methods", type=words, default=None)
    parser.add_argument("--again", type=words, default=[], help="methods to search anew")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="seed to begin with")
    parser.add_argument("--prompts", type=int, default=120)
    return parser.parse_args()


def searches(asked: argparse.Namespace) -> Iterator[Asked]:
    """A seed of everything first, so that a bench cut short is whole in breadth."""
    for seed in range(asked.first, asked.seeds):
        for task in asked.tasks:
            for level in asked.levels:
                for method in LEVELS[level]:
                    if asked.methods is None or method in asked.methods:
                        yield Asked(task, level, method, seed)


def workspace(folder: Path, levels: Sequence[str]) -> Workspace:
    """The workspace, with the dictionaries and clusters that `levels` need."""
    if not (folder / "workspace.toml").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _saetui("init", str(folder), "--model", "smollm2", "--corpus", "docs:")
    ws = Workspace(folder)
    needs = "components" not in levels or len(levels) > 1
    clustered = "clusters" not in levels or bool(ws.catalog().live("clusters"))
    if needs and not (clustered and ws.dictionaries()):
        pipeline = folder / "circuits.toml"
        pipeline.write_text(PIPELINE, encoding="utf-8")
        _saetui("run", str(pipeline), "--wait", "-w", str(folder))
        ws = Workspace(folder)
    return ws


def _saetui(*words: str) -> None:
    subprocess.run([sys.executable, "-P", "-m", "saetui", *words], check=True)


def with_model_kept() -> None:
    """Loads each model once, however many searches ask for it."""
    import jobs.model

    jobs.model.load_model = _once(jobs.model.load_model)  # type: ignore[assignment]


def _once(load: Any) -> Any:
    @functools.cache
    def kept(name: str, revision: str | None, device: str, dtype: str) -> Any:
        return load(name, revision=revision, device=device, dtype=dtype)

    def loaded(name: str, *, revision: Any = None, device: str, dtype: str, say: Any) -> Any:
        return kept(name, revision, device, dtype)

    return loaded


def search(ws: Workspace, one: Asked, prompts: int) -> None:
    """Runs one job in this process; a refusal is printed and passed over."""
    from jobs.context import DirectContext
    from jobs.kinds.circuit import run
    from jobs.specs.circuit import Circuit

    spec = Circuit(
        task=one.task,
        method=one.method,  # type: ignore[arg-type]
        seed=one.seed,
        limit=prompts,
        held_out=HELD_OUT,
        sizes=list(SIZES),
        batch=BATCH,
        name=one.name,
        edges=0,
        transfer=one.seed == 0 and one.method == "cascade",
        exact=0,
        **_of_level(ws, one),
    )
    began, context = time.process_time(), DirectContext(ws, spec, job=one.name)
    try:
        said = run(spec, context)
        keep_curve(ws.root, one.name, context.checkpoint)
    except SaetuiError as error:
        said = str(error)
    print(f"{one.name}: {time.process_time() - began:.0f} CPU s; {said}", flush=True)


def _of_level(ws: Workspace, one: Asked) -> dict[str, Any]:
    few = [name for name in ws.dictionaries() if name.split("/")[1] in FEW]
    every = {"model": "smollm2", "dictionaries": sorted(ws.dictionaries())}
    clusters = ws.catalog().live("clusters")
    special: dict[str, dict[str, Any]] = {
        "components": {"nodes": "components", "dictionaries": []},
        "clusters": {"nodes": "clusters", "clusters": "joint"},
        "neurons": {"nodes": "neurons"},
        "few": {"dictionaries": sorted(few)},
        "few-alone": {"dictionaries": sorted(few), "errors": "ablated"},
        "few-neurons": {"dictionaries": sorted(few), "nodes": "neurons"},
    }
    if (one.level, one.method) == ("features", "acdc") and clusters:
        return every | {"clusters": "joint"}
    return every | special.get(one.level, {})


def keep_curve(folder: Path, name: str, checkpoint: Path) -> None:
    """Keeps what each held-out prompt scored under circuits of each size: `paired` needs it."""
    (path,) = checkpoint.glob("*/curve-held_out.npz")
    (folder / "curves").mkdir(exist_ok=True)
    shutil.copyfile(path, folder / "curves" / f"{name}.npz")


def rows(ws: Workspace) -> list[dict[str, Any]]:
    """Every search of the bench, with its level."""
    found = ws.sql("FROM circuits ORDER BY task, circuit").pl().to_dicts()
    return [
        {k: v for k, v in row.items() if k != "created_at"} | {"level": level_of(row)}
        for row in found
    ]


def level_of(row: dict[str, Any]) -> str:
    """From its id, which is that of `Asked.name`."""
    name: str = row["circuit"]
    return name.removeprefix(f"{row['task']}-{row['method']}-").removesuffix(f"-s{row['seed']}")


def dictionaries(ws: Workspace) -> list[dict[str, Any]]:
    """How well those that are spliced in reconstruct, at the end of training."""
    query = (
        "SELECT dictionary, max(tokens) AS tokens, max_by(fvu, step) AS fvu, "
        "max_by(l0, step) AS l0 FROM training GROUP BY dictionary ORDER BY dictionary"
    )
    return ws.sql(query).pl().to_dicts() if ws.dictionaries() else []


def machine() -> str:
    """What it ran on."""
    return f"{platform.processor() or platform.machine()}, {platform.python_version()}"


def means(folder: Path, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Log CMD of every task, level and method: the mean over seeds, with a 95% interval over
    prompts, drawn anew within each seed.
    """
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault(group(row), []).append(row)
    made = []
    for (task, level, method), mine in groups.items():
        files = [(folder / "curves" / f"{row['circuit']}.npz", row["seed"]) for row in mine]
        drawn = np.mean([_areas(*file) for file in files], 0)
        low, high = np.quantile(drawn[1:], [0.025, 0.975])
        made.append(
            {"task": task, "level": level, "method": method, "seeds": [r["seed"] for r in mine]}
            | {"cmd_log": float(drawn[0]), "low": float(low), "high": float(high)}
            | {"nodes_for_80": [r["nodes_for_80"] for r in mine]}
        )
    return made


def compact(found: list[dict[str, Any]]) -> str:
    """`means`, a column a task: log CMD with its interval, then the nodes for .8, seed by seed."""
    at = {(row["level"], row["method"], row["task"]): row for row in found}
    tasks = [task for task in TASKS if any(row["task"] == task for row in found)]
    lines = [f"| | {' | '.join(tasks)} |", "| --- " * (1 + len(tasks)) + "|"]
    for level, methods in LEVELS.items():
        for method in methods:
            cells = [_cell(at.get((level, method, task))) for task in tasks]
            if any(cells):
                lines.append(f"| {level}, `{method}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    plain = lambda x: f"{x:.3f}".removeprefix("0")  # noqa: E731
    sizes = ", ".join("never" if size is None else f"{size:,}" for size in row["nodes_for_80"])
    return f"{plain(row['cmd_log'])} ({plain(row['low'])}–{plain(row['high'])}); {sizes}"


def paired(folder: Path, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By how much log CMD differs from that of ``cascade`` on the very same held-out prompts, the
    mean over seeds that both have; with a 95% interval over prompts, drawn anew within each seed.
    """
    kept = {row["circuit"]: row for row in found}
    made = []
    for row in found:
        first = row["seed"] == min(r["seed"] for r in found if group(r) == group(row))
        if row["method"] == "cascade" or not first:
            continue
        seeds = sorted(r["seed"] for r in found if group(r) == group(row))
        names = {
            s: [f"{row['task']}-{m}-{row['level']}-s{s}" for m in ("cascade", row["method"])]
            for s in seeds
        }
        names = {s: both for s, both in names.items() if all(name in kept for name in both)}
        if names:
            apart = np.mean([_apart(folder, *both, s) for s, both in names.items()], 0)
            low, high = np.quantile(apart[1:], [0.025, 0.975])
            made.append(
                {
                    "task": row["task"],
                    "level": row["level"],
                    "than": row["method"],
                    "seeds": list(names),
                    "difference": float(apart[0]),
                    "low": float(low),
                    "high": float(high),
                }
            )
    return made


def group(row: dict[str, Any]) -> tuple[str, str, str]:
    """What seeds are alike in."""
    return row["task"], row["level"], row["method"]


def _apart(folder: Path, ours: str, other: str, seed: int) -> np.ndarray:
    """[1 + samples]: log CMD of the one less that of the other, in the same samples of prompts."""
    return np.subtract(*(_areas(folder / "curves" / f"{name}.npz", seed) for name in (ours, other)))


def _areas(path: Path, seed: int) -> np.ndarray:
    from jobs.causal.curve import Curve
    from jobs.causal.scores import areas

    with np.load(path) as kept:
        parts = [torch.from_numpy(kept[key]) for key in ("inside", "outside", "clean")]
        curve = Curve([int(size) for size in kept["sizes"]], *parts)
    return areas(curve, max(SIZES), seed)


def table(found: list[dict[str, Any]]) -> str:
    """Means over seeds, the best CMD of each task first."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault(group(row), []).append(row)
    lines = [
        "| task | level | method | seeds | log CMD (least to most) | nodes for .8 "
        "| passes forward, backward | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    key = lambda group: (group[0], statistics.mean(r["cmd_log"] for r in groups[group]))  # noqa: E731
    lines += [_line(group, groups[group]) for group in sorted(groups, key=key)]
    return "\n".join(lines)


def _line(group: tuple[str, str, str], mine: list[dict[str, Any]]) -> str:
    cmd = [row["cmd_log"] for row in mine]
    sizes = [row["nodes_for_80"] for row in mine]
    reach = ", ".join("never" if size is None else f"{size:,}" for size in sizes)
    passes = [
        statistics.mean(row[f"{way}_passes"] for row in mine) for way in ("forward", "backward")
    ]
    seconds = statistics.mean(row["seconds"] for row in mine)
    return (
        f"| {' | '.join(group)} | {len(mine)} | {statistics.mean(cmd):.3f} "
        f"({min(cmd):.3f} to {max(cmd):.3f}) | {reach} | "
        f"{passes[0]:,.0f}, {passes[1]:,.0f} | {seconds:.0f} |"
    )


def differences(found: list[dict[str, Any]]) -> str:
    """`paired` as a table: below zero `cascade` is better."""
    lines = [
        "| task | level | cascade less | seeds | difference of log CMD |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['task']} | {row['level']} | {row['than']} | {len(row['seeds'])} | "
        f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f}) |"
        for row in found
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
