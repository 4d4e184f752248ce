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
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from store import Workspace
from tests.bench.circuit_search import searched
from tests.bench.circuits_compared import curves, means, paired
from tests.bench.circuits_tables import compact, costs, differences, short, table

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "circuits_tasks.json"
FOLDER = Path("circuits-bench")

TASKS = ("agreement", "agreement_pp", "agreement_rc", "ioi")
EVERY = ("cascade", "shapley", "relp", "ig", "mask", "acdc", "atp", "activation", "random")
LEVELS: dict[str, tuple[str, ...]] = {
    "features": EVERY,
    "clusters": EVERY,
    "shuffled": ("cascade", "relp"),
    "neurons": EVERY,
    "components": EVERY,
    "few": ("cascade", "shapley", "relp"),
    "few-alone": ("cascade", "shapley", "relp"),
    "few-neurons": ("shapley", "relp"),
    "ranked-features": ("acdc",),
    "flat-features": ("acdc",),
}
"""What is searched at each level: shuffled is the control of clusters, acdc and ig over heads and
MLPs are the traditional ways. acdc begins with clusters over features, with runs of the ranking of
`relp` over ranked-features, and tries those that move one by one over flat-features."""
IN_SHORT = ("clusters", "shuffled", "features", "components", "neurons")
"""Levels that stand side by side."""
FEW_STEPS = 2
"""Midpoints of `ig` over heads and MLPs, which walks a path for each of sixty sites."""
HELD_OUT = 0.3
"""Share of the prompts that circuits are scored on."""
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
    kept = curves(ws)  # another bench may be searching in the same workspace
    finished = [row for row in rows(ws) if row["circuit"] in kept]
    found = {
        "machine": machine(),
        "prompts": asked.prompts,
        "held_out": HELD_OUT,
        "dictionaries": dictionaries(ws),
        "circuits": finished,
        "means": means(kept, finished),
        "paired": paired(kept, finished),
    }
    RESULTS.write_text(json.dumps(found, indent=1, default=str) + "\n", encoding="utf-8")
    print(table(found["circuits"]), *shown(found), sep="\n\n")


def shown(found: dict[str, Any]) -> tuple[str, str, str, str]:
    """What the README shows: scores in brief and whole, `cascade` less the others, costs."""
    return (
        short(found["means"], TASKS, IN_SHORT),
        compact(found["means"], TASKS, LEVELS),
        differences(found["paired"], TASKS, LEVELS),
        costs(found["circuits"], TASKS, LEVELS),
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
    clustered = not {"clusters", "shuffled"} & {*levels} or bool(ws.catalog().live("clusters"))
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
    """One search of the bench, whose curve is kept."""
    context = searched(
        ws,
        one.name,
        task=one.task,
        method=one.method,
        seed=one.seed,
        limit=prompts,
        held_out=HELD_OUT,
        transfer=one.seed == 0 and one.method == "cascade",
        **of_level(ws, one),
    )
    if context is not None:
        keep_curve(ws.root, one.name, context.checkpoint)


def of_level(ws: Workspace, one: Asked) -> dict[str, Any]:
    few = [name for name in ws.dictionaries() if name.split("/")[1] in FEW]
    every = {"model": "smollm2", "dictionaries": sorted(ws.dictionaries())}
    clusters = ws.catalog().live("clusters")
    special: dict[str, dict[str, Any]] = {
        "components": {"nodes": "components", "dictionaries": []},
        "clusters": {"nodes": "clusters", "clusters": "joint"},
        "shuffled": {"nodes": "shuffled", "clusters": "joint"},
        "neurons": {"nodes": "neurons"},
        "few": {"dictionaries": sorted(few)},
        "few-alone": {"dictionaries": sorted(few), "errors": "ablated"},
        "few-neurons": {"dictionaries": sorted(few), "nodes": "neurons"},
        "flat-features": {"flat": True},
        "ranked-features": {},
    }
    if (one.level, one.method) == ("features", "acdc") and clusters:
        return every | {"clusters": "joint"}
    if (one.level, one.method) == ("components", "ig"):
        return every | special["components"] | {"steps": FEW_STEPS}
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
    """How well those that are spliced in reconstruct: held-out documents, where they are profiled,
    and the end of training.
    """
    query = (
        "SELECT dictionary, max(t.tokens) AS tokens, any_value(d.fvu) AS fvu, "
        "any_value(d.l0) AS l0, max_by(t.fvu, t.step) AS fvu_in_training "
        "FROM training t JOIN dictionaries d USING (dictionary) GROUP BY dictionary ORDER BY ALL"
    )
    return ws.sql(query).pl().to_dicts() if ws.dictionaries() else []


def machine() -> str:
    """What it ran on."""
    return f"{platform.processor() or platform.machine()}, {platform.python_version()}"


if __name__ == "__main__":
    main()
