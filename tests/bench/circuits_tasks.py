"""Every method of circuit search on every task, at the level of features, clusters, neurons, and
heads and MLPs: the table of the README.

A workspace is made first, if it is not there: dictionaries of `smollm2` at five hooks, profiled and
clustered (ten minutes). Then each search is a job like any other, run in this process so that the
model is loaded once; what is in the workspace already is not searched again. Seeds draw other
prompts and split them otherwise. ``python -m tests.bench.circuits_tasks [--folder DIR] [--tasks …]
[--seeds 3] [--prompts 64] [--levels …] [--methods …]``.
"""

from __future__ import annotations

import argparse
import functools
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from store import SaetuiError, Workspace

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "circuits_tasks.json"
FOLDER = Path("circuits-bench")

TASKS = ("agreement", "agreement_pp", "agreement_rc", "ioi")
LEVELS: dict[str, tuple[str, ...]] = {
    "features": ("cascade", "mask", "relp", "ig", "atp", "acdc", "activation", "random"),
    "clusters": ("cascade", "relp"),
    "neurons": ("cascade", "mask", "relp", "ig", "activation"),
    "components": ("cascade", "mask", "relp", "ig", "acdc", "random"),
}
"""What is searched at each level; acdc and ig over heads and MLPs are the traditional ways."""

PIPELINE = """
[train]
kind = "train_sae"
model = "smollm2"
corpus = "docs:"
hooks = ["L10.resid_post", "L13.attn_out", "L13.mlp_out", "L16.resid_post", "L22.resid_post"]
d_sae = 4608
k = 32
learning_rate = 3e-3
tokens = 500_000
corpus_tokens = 500_000

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
    ws = workspace(asked.folder)
    done = {row["circuit"] for row in rows(ws) if row["method"] not in asked.again}
    with_model_kept()
    for one in searches(asked):
        if one.name not in done:
            search(ws, one, asked.prompts)
    found = {"machine": machine(), "prompts": asked.prompts, "circuits": rows(ws)}
    RESULTS.write_text(json.dumps(found, indent=1, default=str) + "\n", encoding="utf-8")
    print(table(found["circuits"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--tasks", type=words, default=list(TASKS))
    parser.add_argument("--levels", type=words, default=list(LEVELS))
    parser.add_argument("--methods", type=words, default=None)
    parser.add_argument("--again", type=words, default=[], help="methods to search anew")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=64)
    return parser.parse_args()


def searches(asked: argparse.Namespace) -> Iterator[Asked]:
    """A seed of everything first, so that a bench cut short is whole in breadth."""
    for seed in range(asked.seeds):
        for task in asked.tasks:
            for level in asked.levels:
                for method in LEVELS[level]:
                    if asked.methods is None or method in asked.methods:
                        yield Asked(task, level, method, seed)


def workspace(folder: Path) -> Workspace:
    """The workspace with its dictionaries and clusters, made where it is missing."""
    if not (folder / "workspace.toml").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _saetui("init", str(folder), "--model", "smollm2", "--corpus", "docs:")
    ws = Workspace(folder)
    if not ws.catalog().live("clusters"):
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

    more: dict[str, Any] = {"model": "smollm2"}
    if one.level != "components":
        more["dictionaries"] = sorted(ws.dictionaries())
    if one.level == "clusters" or (one.level, one.method) == ("features", "acdc"):
        more["clusters"] = "joint"
    spec = Circuit(
        task=one.task,
        method=one.method,  # type: ignore[arg-type]
        nodes=one.level,  # type: ignore[arg-type]
        seed=one.seed,
        limit=prompts,
        name=one.name,
        edges=0,
        transfer=one.seed == 0,
        exact=0,
        **more,
    )
    began = time.monotonic()
    try:
        said = run(spec, DirectContext(ws, spec, job=one.name))
    except SaetuiError as error:
        said = str(error)
    print(f"{one.name}: {time.monotonic() - began:.0f} s; {said}", flush=True)


def rows(ws: Workspace) -> list[dict[str, Any]]:
    """Every search of the bench, with its level."""
    found = ws.sql("FROM circuits ORDER BY task, nodes, method, seed").pl().to_dicts()
    return [{k: v for k, v in row.items() if k != "created_at"} for row in found]


def machine() -> str:
    """What it ran on."""
    return f"{platform.processor() or platform.machine()}, {platform.python_version()}"


COLUMNS = ("cmd_log", "cpr_log", "nodes_for_80", "forward_passes", "backward_passes", "seconds")


def table(found: list[dict[str, Any]]) -> str:
    """Means over seeds, the best CMD of each task first."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault((row["task"], row["nodes"], row["method"]), []).append(row)
    lines = [
        "| task | nodes | method | seeds | CMD (least to most) | CPR | nodes for .8 "
        "| passes forward, backward | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    key = lambda group: (group[0], statistics.mean(r["cmd_log"] for r in groups[group]))  # noqa: E731
    lines += [_line(group, groups[group]) for group in sorted(groups, key=key)]
    return "\n".join(lines)


def _line(group: tuple[str, str, str], mine: list[dict[str, Any]]) -> str:
    cmd, cpr = ([row[name] for row in mine] for name in ("cmd_log", "cpr_log"))
    sizes = [row["nodes_for_80"] for row in mine]
    reach = ", ".join("never" if size is None else str(size) for size in sizes)
    passes = [
        statistics.mean(row[f"{way}_passes"] for row in mine) for way in ("forward", "backward")
    ]
    seconds = statistics.mean(row["seconds"] for row in mine)
    return (
        f"| {' | '.join(group)} | {len(mine)} | {statistics.mean(cmd):.3f} "
        f"({min(cmd):.3f} to {max(cmd):.3f}) | {statistics.mean(cpr):.3f} | {reach} | "
        f"{passes[0]:,.0f}, {passes[1]:,.0f} | {seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
