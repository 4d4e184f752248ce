"""Causal edges of single features: how many are there beside chance, and what they cost.

    python -m tests.bench.bench_ablate                      dictionaries of tiny, made here
    python -m tests.bench.bench_ablate --model smollm2      five of 4,608 features
    python -m tests.bench.bench_ablate --model smollm2 --workspace DIR      those that DIR holds

Sources are features of the first dictionary; everything later is looked at. The control is the same
job on the same features with the dictionary's decoder rows shuffled: they fire where they fire, and
what is taken away then is another feature's direction. The cost is held against the naive way,
which ablates every source and every null in every document, one at a time, through all of the
model: its passes are counted, and the CPU time of one is measured. Numbers go to
``tests/bench/results/ablate.json``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.causal.effects import Ablator, Change
from jobs.causal.ground import Cost
from jobs.context import DirectContext
from jobs.dictionary import load, save_folder
from jobs.kinds import ablate, profile, train_sae
from jobs.kinds.ablate_asked import read_inputs
from jobs.kinds.sites import dictionary_sites, model_of
from jobs.model import load_model
from jobs.specs import Ablate, Profile, TrainSae
from store import Workspace
from store.views import quoted

RESULTS = Path(__file__).parent / "results" / "ablate.json"
RECIPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "corpus": "grammar:",
        "hooks": ["L0.resid_post", "L2.attn_out", "L2.mlp_out", "L3.resid_post"],
        "d_sae": 512,
        "k": 16,
        "tokens": 200_000,
        "corpus_tokens": 200_000,
    },
    "smollm2": {
        "corpus": "docs:",
        "hooks": ["L10.resid_post", "L13.attn_out", "L13.mlp_out", "L16.resid_post",
                  "L22.resid_post"],
        "d_sae": 4608,
        "k": 32,
        "learning_rate": 3e-3,
        "tokens": 500_000,
        "corpus_tokens": 500_000,
    },
}  # fmt: skip
NAIVE = 6
"""Passes of the naive way that are timed."""


def workspace(asked: argparse.Namespace) -> tuple[Workspace, list[str]]:
    """Where the dictionaries are, and their ids in the order of the model; trained and profiled
    first where they are not there.
    """
    spec = TrainSae.model_validate({"model": asked.model, **RECIPES[asked.model]})
    names = spec.outputs()
    folder = Path(asked.workspace or tempfile.mkdtemp())
    ws = Workspace(folder) if (folder / "workspace.toml").exists() else Workspace.create(folder)
    if not set(names) <= set(ws.dictionaries()):
        train_sae.run(spec, DirectContext(ws, spec, "train"))
        seen = Profile(dictionaries=names, tokens=60_000, ce_tokens=2_048)
        profile.run(seen, DirectContext(ws, seen, "profile"))
    return ws, names


def shuffled(ws: Workspace, name: str, seed: int) -> str:
    """A copy of a dictionary whose features write what others do, at their own length."""
    twin = f"{name}-shuffled{seed}"
    if twin in ws.dictionaries():
        return twin
    made = load(ws, name)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(made.d_sae))
    rows = made.W_dec.detach()
    unit = torch.nn.functional.normalize(rows[order], dim=1)
    made.W_dec.data = unit * rows.norm(dim=1, keepdim=True)
    about = dict(ws.dictionary(name).manifest)
    for key in ("id", "files", "format", "name"):
        about.pop(key, None)
    with ws.publish_folder("dictionaries", twin, manifest=about) as folder:
        save_folder(folder, made, 1.0, {})
    return twin


def sources(ws: Workspace, name: str, n: int) -> list[int]:
    """Features that fire on some tokens but not on most, the same ones every time."""
    rows = ws.sql(
        f"SELECT feature FROM dictionary_features({quoted(name)}) "
        f"WHERE density BETWEEN 0.002 AND 0.02 ORDER BY hash(feature) LIMIT {n}"
    ).fetchall()
    return sorted(int(row[0]) for row in rows)


def run(ws: Workspace, asked: argparse.Namespace, dictionaries: list[str], job: str) -> dict:
    """One job: what it found, and what it took."""
    chosen = [f"{dictionaries[0]}#{f}" for f in asked.features]
    spec = Ablate(
        dictionaries=dictionaries,
        features=chosen,
        tokens=asked.tokens,
        per_source=asked.per_source,
        nulls=asked.nulls,
        reach=asked.reach,
        batch=asked.batch,
        name=job,
    )
    context = DirectContext(ws, spec, f"{job}-{time.time_ns()}")
    began, spent = time.perf_counter(), time.process_time()
    ablate.run(spec, context)
    row = ws.sql(f"SELECT * FROM edge_runs WHERE run = {quoted(job)}").pl().to_dicts()[-1]
    chance = float(context.said[-1].split("give ")[1].split(";")[0].replace(",", ""))
    keys = ("n_sources", "n_silent", "n_tested", "n_significant", "n_documents", "forward_passes")
    return {
        **{key: row[key] for key in keys},
        "by_chance": chance,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - spent,
    }


def naive(ws: Workspace, asked: argparse.Namespace, dictionaries: list[str]) -> dict[str, float]:
    """CPU seconds of a pass of the naive way, and of one of ours beside it."""
    spec = Ablate(dictionaries=dictionaries, density=0.5, tokens=asked.tokens, batch=asked.batch)
    context = DirectContext(ws, spec, "naive")
    name, revision = model_of(context, dictionaries)
    model = load_model(name, revision=revision, say=context.say)
    sites = dictionary_sites(context, model, dictionaries)
    read = read_inputs(spec, context, model, revision)
    work = ablate.Work(spec, context, model, sites, [], read, None, 0, [])  # type: ignore[arg-type]
    site, targets = work.site(dictionaries[0]), work.targets(dictionaries[0])
    direction = torch.ones(model.width(site.hook)) / 10
    amount = torch.ones(read.inputs.tokens.shape[1])

    def a_pass(onward: bool, batch: int, n: int) -> float:
        changes = [
            Change(row % read.inputs.n, (row,), direction, amount, amount > 0) for row in range(n)
        ]
        cost = Cost()
        ablator = Ablator(model, read.inputs, site.hook, targets, cost, onward)
        spent = time.process_time()
        for _ in ablator.measure(changes, batch, lambda share: None):
            pass
        return (time.process_time() - spent) / cost.forward

    a_pass(False, 2, 1)
    return {"naive_pass": a_pass(False, 2, NAIVE)}


def main() -> None:
    """Measures, prints, writes the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny", choices=sorted(RECIPES))
    parser.add_argument("--workspace")
    parser.add_argument("--sources", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=12_000)
    parser.add_argument("--per-source", type=int, default=6)
    parser.add_argument("--nulls", type=int, default=4)
    parser.add_argument("--reach", type=int, help="tokens after a firing that count too")
    parser.add_argument("--batch", type=int, default=32)
    asked = parser.parse_args()
    torch.set_num_threads(min(2, torch.get_num_threads()))
    ws, names = workspace(asked)
    asked.features = sources(ws, names[0], asked.sources)
    rows = {"features": run(ws, asked, names, "features")}
    twin = shuffled(ws, names[0], 0)
    rows["decoder rows shuffled"] = run(ws, asked, [twin, *names[1:]], "shuffled")
    own = rows["features"]
    passes = own["n_documents"] * (1 + len(asked.features) * (1 + 2 * asked.nulls))
    cost = naive(ws, asked, names)
    total = passes * cost["naive_pass"]
    for name, row in rows.items():
        print(
            f"{name:<24} {row['n_significant']:7,} of {row['n_tested']:,} pairs, "
            f"{row['by_chance']:.1f} by chance; {row['forward_passes']:,} passes, "
            f"{row['cpu_seconds']:,.0f} s CPU, {row['seconds']:,.0f} s"
        )
    print(
        f"naive: {passes:,} passes of {cost['naive_pass']:.2f} s CPU: "
        f"{passes / own['forward_passes']:.1f}x the passes, "
        f"{total / own['cpu_seconds']:.1f}x the CPU time"
    )
    about = {key: value for key, value in vars(asked).items() if key != "workspace"}
    found = {
        "about": about,
        "rows": rows,
        "naive": {"passes": passes, **cost, "cpu_seconds": total},
    }
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    key = asked.model if asked.reach is None else f"{asked.model}, reach {asked.reach}"
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**kept, key: found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
