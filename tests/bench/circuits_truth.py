"""Every method against circuits that are known: ROC AUC over nodes and over edges.

The truth models are compiled with decoys (`jobs.model.truth`), so that which heads and MLPs belong,
which act on which, and which features are the circuit's, is known and not judged. Each method
searches each of them, over heads and MLPs (components) and over the features that are known, with
several seeds, which draw other prompts; `random` is what chance gives, `truth` what a search that
knew the nodes would get. Which feature acts on which hangs on the prompts and is no part of the
truth, so edges are scored between components alone.

``python -m tests.bench.circuits_truth [--seeds 3] [--truths induction,…] [--methods …]
[--nodes components,features] [--anew]``; results in ``tests/bench/results/circuits_truth.json``,
written after each search; what is there is not searched again, unless ``--anew``. All methods, both
kinds of node and three seeds take the small models a quarter of an hour of one core, the large ones
about four times as long.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jobs.model.truth.listed import LISTED, PREFIX
from store import SaetuiError, Workspace
from tests.bench.circuits_tables import plain
from tests.bench.circuits_tasks import with_model_kept

RESULTS = Path(__file__).parent / "results" / "circuits_truth.json"
METHODS = (
    *("cascade", "shapley", "ig", "mask", "acdc", "atp", "relp"),
    *("activation", "random", "truth"),
)
SHOWN = METHODS[:-1]
"""In the README: that `truth` knows the nodes is no news."""
NODES = ("components", "features")
PROMPTS = 64
TOKENS = 2000
"""On which a known dictionary is looked at as it is imported."""

Row = dict[str, Any]


class Asked(NamedTuple):
    """One search, and the key of its row."""

    truth: str
    nodes: str
    method: str
    seed: int

    @property
    def name(self) -> str:
        """Its circuit id."""
        return "-".join(map(str, self))


def main(words: Sequence[str] | None = None) -> None:
    """Searches what is asked for and not there, then prints the table."""
    listed = lambda text: text.split(",")  # noqa: E731
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--truths", type=listed, default=list(LISTED))
    parser.add_argument("--methods", type=listed, default=list(METHODS))
    parser.add_argument("--nodes", type=listed, default=list(NODES))
    parser.add_argument("--anew", action="store_true", help="search again what is there")
    asked = parser.parse_args(words)
    rows = read(RESULTS)
    with_model_kept()
    with tempfile.TemporaryDirectory() as folder:
        ws = Workspace.create(Path(folder) / "truth")
        for one in searches(asked):
            if asked.anew or one not in rows:
                rows[one] = one._asdict() | search(ws, one)
                print(rows[one], flush=True)
                found = {"rows": list(rows.values())}
                RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(list(rows.values())))


def read(path: Path) -> dict[Asked, Row]:
    """The rows that are there."""
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    return {Asked(*(row[key] for key in Asked._fields)): row for row in rows}


def searches(asked: argparse.Namespace) -> Iterator[Asked]:
    """A seed of everything first, so that a bench cut short is whole in breadth."""
    for seed in range(asked.seeds):
        for truth in asked.truths:
            for nodes in asked.nodes:
                for method in asked.methods:
                    yield Asked(truth, nodes, method, seed)


def search(ws: Workspace, one: Asked) -> Row:
    """What one search came to: over heads and MLPs with direct effects between all of them."""
    from jobs.context import DirectContext
    from jobs.kinds.circuit import run
    from jobs.specs.circuit import Circuit

    features = one.nodes == "features"
    spec = Circuit(
        task=PREFIX + one.truth,
        model=PREFIX + one.truth,
        dictionaries=known(ws, one.truth) if features else [],
        nodes=one.nodes,  # type: ignore[arg-type]
        method=one.method,  # type: ignore[arg-type]
        seed=one.seed,
        limit=PROMPTS,
        name=one.name,
        edges=0 if features else 1000,
        exact=0,
        transfer=False,
    )
    began = time.process_time()
    try:
        run(spec, DirectContext(ws, spec, job=one.name))
    except SaetuiError as error:
        return {"failed": str(error)}
    query = (
        "SELECT node_auc, edge_auc, n_nodes, forward_passes, backward_passes, cmd, cmd_log "
        f"FROM circuits WHERE circuit = '{one.name}'"
    )
    (found,) = ws.sql(query).pl().to_dicts()
    return {**found, "cpu": round(time.process_time() - began, 1)}


def known(ws: Workspace, truth: str) -> list[str]:
    """The dictionaries whose features are known, imported where they are not there yet."""
    from jobs.context import DirectContext
    from jobs.kinds.import_sae import run
    from jobs.model.truth import TRUTHS
    from jobs.specs import ImportSae

    model, there = PREFIX + truth, []
    for one in TRUTHS[truth].dictionaries():
        source = f"{model}/{one.hook.label}"
        spec = ImportSae(source=source, corpus=model, tokens=TOKENS)
        name = spec.dictionary(model, one.hook)
        if name not in ws.dictionaries():
            run(spec, DirectContext(ws, spec, job=source.replace(":", "-").replace("/", "-")))
        there.append(name)
    return there


def table(rows: list[Row], methods: Sequence[str] = METHODS) -> str:
    """A line a truth model and kind of node: node AUC / edge AUC, means over seeds; the least in
    brackets, where seeds differ.
    """
    head = ["", "seeds", *(f"`{method}`" for method in methods)]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    there = {(row["truth"], row["nodes"]) for row in rows}
    for nodes in NODES:
        for truth in [truth for truth in LISTED if (truth, nodes) in there]:
            mine = [row for row in rows if (row["truth"], row["nodes"]) == (truth, nodes)]
            cells = [_cell([row for row in mine if row["method"] == method]) for method in methods]
            seeds = len({row["seed"] for row in mine})
            lines.append(f"| `{truth}`, {nodes} | {seeds} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(mine: list[Row]) -> str:
    parts = []
    for which in ("node_auc", "edge_auc"):
        values = [row[which] for row in mine if row.get(which) is not None]
        if values:
            mean, least = (plain(value, ".3f") for value in (statistics.fmean(values), min(values)))
            parts.append(mean if mean == least else f"{mean} ({least})")
    return " / ".join(parts)


if __name__ == "__main__":
    main()
