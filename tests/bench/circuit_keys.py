"""Key to frame in the view of circuits, on circuits of several thousand nodes.

    python -m tests.bench.circuit_keys [DIR]

DIR is a workspace with profiled dictionaries at several layers; without it, or where it is not
there yet, one is made by `tests.bench.big`, with five dictionaries of 4,608 features. Two circuits
of their features are planted into it, unless it has them. Beside the time on the clock stands the
processor time of all threads, which a busy machine stretches less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from saetui.circuits.records import Circuit
from saetui.screens.circuits import CompareCircuits
from saetui.views.circuits.view import CircuitsView
from saetui.workbench import Workbench
from store import Workspace
from tests import traced
from tests.bench import big
from tests.bench.probe import SIZE, Probe, Watched
from tests.workspaces import NOW, provenance

NAMES = ("bench-ig", "bench-relp")
NODES, LEADS = 5_000, 8
"""Nodes of a circuit, and edges from each."""

MADE = 5, 4_608, 200_000
"""Dictionaries of the workspace that is made, features of each, activations of each."""

BUDGETS = {"circuit ": 50, "page of": 100, "comparison": 100}
"""Milliseconds that the 95th percentile shall stay under, by what the figure's name begins with: a
circuit that was not read yet is a page, as a feature's is.
"""

RESULTS = Path(__file__).parent / "results" / "circuit_keys.json"

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 4_000)


class Measured(Watched, Workbench):
    """The workbench."""


def plant(workspace: Workspace) -> None:
    """Publishes both circuits, unless they are there."""
    if workspace.sql(f"FROM circuits WHERE circuit = '{NAMES[0]}'").fetchall():
        return
    found = workspace.sql(
        "SELECT dictionary, max(feature) + 1 FROM features GROUP BY 1 ORDER BY 1"
    ).fetchall()
    random, about = np.random.default_rng(5), _about([row[0] for row in found])
    for name in NAMES:
        rows = _nodes(found, random)
        tables = {
            "circuits": [about | {"circuit": name, "method": name.removeprefix("bench-")}],
            "circuit_nodes": rows,
            "circuit_edges": _edges(rows, random),
            "circuit_curve": _curve(),
        }
        for table, each in tables.items():
            with workspace.publish_table(table, run=name, manifest=provenance(name)) as out:
                given = [{"circuit": name, **row} for row in each]
                nulls = {n: kind for n, kind in traced.NULLS.items() if n in given[0]}
                out.write(pl.DataFrame(given, schema_overrides=nulls, infer_schema_length=None))


def _about(dictionaries: list[str]) -> dict[str, Any]:
    texts = {"task": "bench", "model": "bench", "metric": "logit_diff", "nodes": "features"}
    texts |= {"ablation": "resample", "errors": "nodes"}
    numbers = dict.fromkeys(("clean_score", "corrupt_score", "seconds", "accuracy"), 1.0)
    numbers |= dict.fromkeys(("cpr", "cmd"), 0.5)
    nulls = ("cpr_low", "cpr_high", "cmd_low", "cmd_high", "cmd_log", "cpr_log", "node_auc")
    counts = {"forward_passes": 24, "backward_passes": 24, "n_search": 24, "n_held_out": 24}
    return {
        **texts, **numbers, **counts, **dict.fromkeys((*nulls, "edge_auc", "transfer_cmd"), 0.5),
        "transfer": None, "per_position": False, "dictionaries": dictionaries, "seed": 0,
        "n_nodes": NODES, "nodes_for_80": 50, "created_at": NOW,
    }  # fmt: skip


def _nodes(dictionaries: list[tuple[str, int]], random: np.random.Generator) -> list[Any]:
    """Features of all dictionaries in turn; effects fall as they do in real circuits."""
    rows = []
    for rank in range(NODES):
        dictionary, width = dictionaries[rank % len(dictionaries)]
        feature = int((rank * 977 + random.integers(977)) % width)
        effect = 2 * (1 + rank) ** -0.8 * (-1 if rank % 7 == 3 else 1)
        rows.append(
            {
                "node": f"{dictionary}#{feature}", "dictionary": dictionary, "feature": feature,
                "component": dictionary.split("/")[1], "position": None, "effect": effect,
                "rank": rank, "exact": None, "low": 0.8 * effect, "high": 1.2 * effect,
                "stability": 0.9, "label": None,
            }
        )  # fmt: skip
    return list({row["node"]: row for row in reversed(rows)}.values())[::-1]


def _edges(rows: list[Any], random: np.random.Generator) -> list[Any]:
    """Each node leads to some of the later layers, the strong to the strong, and to the metric."""
    later: dict[str, list[str]] = {}
    order = sorted({row["component"] for row in rows}, key=lambda c: int(c[1:].split(".")[0]))
    for at, component in enumerate(order):
        later[component] = [r["node"] for r in rows if r["component"] in order[at + 1 :]]
    found = []
    for row in rows:
        after = later[row["component"]]
        places = (len(after) * random.random(LEADS) ** 3).astype(int)
        targets = [*dict.fromkeys(after[at] for at in places if after), "logits"]
        found += [
            (row["node"], target, row["effect"] / (2 + at)) for at, target in enumerate(targets)
        ]
    found.sort(key=lambda edge: -abs(edge[2]))
    return [
        {"source": source, "target": target, "effect": effect, "rank": rank, "stability": 0.9}
        for rank, (source, target, effect) in enumerate(found)
    ]


def _curve() -> list[Any]:
    rows = []
    for size in SIZES:
        faithful = size / (size + 30)
        ends = {f"{m}_{end}": faithful for m in ("faithfulness", "completeness")
                for end in ("low", "high")}  # fmt: skip
        rows.append(
            {"n_nodes": size, "n_edges": size, "faithfulness": faithful,
             "completeness": 1 - faithful, "prompts": "held_out", **ends}
        )  # fmt: skip
    return rows


async def latencies(root: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of every operation."""
    plant(Workspace(root))
    app = Measured(root, view="circuits")
    async with app.run_test(size=SIZE):
        probe = Probe(app)
        view = app.query_one(CircuitsView)
        await probe.until(lambda: view.whole is not None)
        at = [view.listed.key(view.listed.row(at)) for at in range(view.listed.count)]
        view.listed.cursor = at.index(NAMES[0])
        await probe.until(lambda: view.whole and view.whole.about.circuit == NAMES[0])
        await asyncio.sleep(0.5)
        await _open(probe, view, repeats)
        await _next(probe, view, repeats)
        await _sizes(probe, view, repeats)
        await _walk(probe, view, repeats)
        await _compare(probe, view, repeats)
    return probe.summary()


async def _open(probe: Probe, view: CircuitsView, repeats: int) -> None:
    """From one circuit to the next."""
    for turn in range(repeats // 2):
        await asyncio.sleep(0.3)
        view.reading.forget()  # as when one jumps to a circuit that was not read ahead

        def shown() -> bool:
            row = view.listed.circuit
            return isinstance(row, Circuit) and bool(view.whole and view.whole.about == row)

        taken = await probe.key("n" if turn % 2 == 0 else "N", shown)
        probe.add("page of a circuit of 5,000 nodes", taken)


async def _next(probe: Probe, view: CircuitsView, repeats: int) -> None:
    """To the circuit beside, which was read ahead."""
    for turn in range(repeats // 2):
        await asyncio.sleep(0.5)
        before = view.whole
        taken = await probe.key("nN"[turn % 2], lambda before=before: view.whole is not before)
        probe.add("page of the circuit beside, read ahead", taken)


async def _sizes(probe: Probe, view: CircuitsView, repeats: int) -> None:
    """Takes in more nodes, up to the most, and fewer."""
    view.show_pane(view.tree_pane)
    for turn in range(max(repeats, 2 * len(SIZES))):
        up = turn % (2 * len(SIZES)) < len(SIZES)
        before = view.size_taken
        at = view.whole.sizes.index(before) if view.whole else 0
        if (up and at == len(SIZES) - 1) or (not up and at == 0):
            continue
        key = "greater_than_sign" if up else "less_than_sign"
        taken = await probe.key(key, lambda before=before: view.size_taken != before)
        size = max(view.size_taken, before)
        probe.add(f"circuit size, {'up to 500' if size <= 500 else '1,000 to 4,000'}", taken)
        await asyncio.sleep(0.2)


async def _walk(probe: Probe, view: CircuitsView, repeats: int) -> None:
    """Goes through the largest tree, closes and opens its branches."""
    tree = view.tree_pane
    view.take(SIZES[-1])
    tree.cursor = 1
    await asyncio.sleep(0.5)
    for _ in range(repeats):
        taken = await probe.key("j", lambda: tree.leaf and view.node.id_shown == tree.leaf.id)
        probe.add("circuit tree of 4,000, j", taken)
        await asyncio.sleep(0.05)
    for _ in range(repeats):
        probe.add("circuit tree of 4,000, page down", await probe.key("pagedown"))
        await asyncio.sleep(0.05)
    tree.cursor = 1
    for _ in range(repeats):
        while tree.leaf and (tree.leaf.again or not tree.leaf.line or not tree.leaf.line.many):
            tree.cursor += 1
        before = tree._edition
        taken = await probe.key("o", lambda before=before: tree._edition != before)
        probe.add("circuit tree of 4,000, branch", taken)
        await asyncio.sleep(0.05)


async def _compare(probe: Probe, view: CircuitsView, repeats: int) -> None:
    """Puts both side by side, one of them not read yet, and goes through what they share."""
    for _ in range(repeats // 4):

        def there() -> bool:
            box = probe.app.screen
            return isinstance(box, CompareCircuits) and box.query_one("#compare-lines").count > 0

        view.reading.forget(but=view.whole.about.circuit if view.whole else "")
        probe.add("comparison of two circuits opened", await probe.key("v", there))
        await asyncio.sleep(0.3)
        for _ in range(4):
            probe.add("circuit comparison, j", await probe.key("j"))
            await asyncio.sleep(0.03)
        probe.press("escape")
        await probe.until(lambda: len(probe.app.screen_stack) == 1)
        await asyncio.sleep(0.2)


def main() -> None:
    """Measures, prints and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, nargs="?")
    parser.add_argument("--repeats", type=int, default=40)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["XDG_STATE_HOME"] = home  # no session of before is taken up
        root = asked.root or Path(home) / "circuits"
        if not (root / "workspace.toml").exists():
            big.make(root, *MADE)
        found = asyncio.run(latencies(root, asked.repeats))
    print(f"{'':52}{'median':>9}{'p95':>9}{'budget':>9}{'CPU':>9}{'p95':>9}")
    for name, figures in found.items():
        wall = f"{figures['median']:9.1f}{figures['p95']:9.1f}{limit(name):>9}"
        print(f"{name:52}{wall}{figures['cpu_median']:9.1f}{figures['cpu_p95']:9.1f}")
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def limit(name: str) -> int | str:
    """Milliseconds that the 95th percentile shall stay under; empty where there is no budget."""
    return next((most for begins, most in BUDGETS.items() if name.startswith(begins)), "")


if __name__ == "__main__":
    main()
