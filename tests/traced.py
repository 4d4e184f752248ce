"""Circuits of several methods and levels, and causal edges, planted into the synthetic workspace.

As in `tests.workspaces`, the numbers mean nothing but are the same at every run.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from store import Workspace
from tests import mapped, workspaces

MAIN = "agreement-cascade"
"""The circuit of features that the view begins with: the least CMD of the first task."""
HEADS, NEURONS, CLUSTERS, BY_POSITION = (
    "agreement-acdc-heads",
    "agreement-ig-neurons",
    "agreement-acdc-clusters",
    "ioi-cascade",
)
FEW = 8
"""Nodes among which edges of `HEADS` were measured; those of the other searches, among all."""
SEARCHES = "circuit-1"
"""The run that published them all: one is quicker than twelve."""
RUN = "ablate-1"
"""A run of ``ablate``."""

EARLY, ATTENTION, LATE = workspaces.PROFILED
SIZES = (1, 2, 5, 10, 20, 40, 60)
N_NODES = 60

METHODS: dict[str, tuple[float, float, int, int, float]] = {
    # ceiling, nodes to get there, forwards, backwards, seconds
    "cascade": (0.99, 6, 2_400, 5_200, 41.0),
    "mask": (0.95, 8, 5_120, 5_120, 46.0),
    "relp": (0.93, 12, 64, 64, 1.2),
    "ig": (0.91, 13, 512, 512, 4.6),
    "atp": (0.86, 18, 128, 64, 1.1),
    "acdc": (0.90, 11, 19_300, 0, 66.0),
    "activation": (0.62, 40, 64, 0, 0.5),
    "random": (0.30, 80, 0, 0, 0.0),
}


def plant(workspace: Workspace, *, hostile: bool = False) -> None:
    """Publishes twelve circuit searches and a run of ``ablate``; with names, labels and prompts
    that try to take over the terminal when told to.
    """
    random = np.random.default_rng(23)
    found: Found = {}
    features = _features(random, hostile)
    for method, said in METHODS.items():
        name = f"agreement-{method}"
        _circuit(found, name, "agreement", method, "features", said, features, random)
    _circuit(found, HEADS, "agreement", "acdc", "components", (0.9, 22, 900, 0, 9.0),
             _components(), random)  # fmt: skip
    _circuit(found, NEURONS, "agreement", "ig", "neurons", (0.97, 34, 512, 512, 4.4),
             _neurons(random), random)  # fmt: skip
    _circuit(found, CLUSTERS, "agreement", "acdc", "clusters", (0.88, 4, 420, 0, 5.0),
             _clusters(), random)  # fmt: skip
    task = "\x1b[2Jioi[/b]\u202e" if hostile else "ioi"
    _circuit(found, BY_POSITION, task, "cascade", "features", (0.94, 9, 2_900, 5_900, 52.0),
             _features(random, hostile, positions=(1, 4, 9)), random, by_position=True)  # fmt: skip
    for table, rows in found.items():
        _publish(workspace, table, SEARCHES, rows)
    _edges(workspace, random)


Node = dict[str, Any]
Found = dict[str, list[Node]]
"""Table → rows."""


def _features(
    random: np.random.Generator, hostile: bool, positions: tuple[int | None, ...] = (None,)
) -> list[Node]:
    """Sixty nodes: features of three dictionaries, and what those miss."""
    names = ["plural nouns", "the subject", None, "verbs of motion", "end of clause", None]
    if hostile:
        names[1] = "[red]bold[/] \x1b[2J\u202egone"
    nodes = []
    for at in range(N_NODES - 3):
        dictionary = (LATE, EARLY, ATTENTION)[at % 3]
        nodes.append(
            {
                "node": f"{dictionary}#{(at * 7 + 5) % workspaces.WIDTH}",
                "dictionary": dictionary,
                "feature": (at * 7 + 5) % workspaces.WIDTH,
                "component": dictionary.split("/")[1],
                "label": names[at % len(names)],
            }
        )
    for at, dictionary in enumerate(workspaces.PROFILED):
        place = dictionary.split("/")[1]
        error = {"node": f"{dictionary}#error", "component": place}
        nodes.insert(7 + 11 * at, error)
    if positions != (None,):
        for at, node in enumerate(nodes):
            position = positions[at % len(positions)]
            node |= {"node": f"{node['node']}@{position}", "position": position}
    return nodes


def _components() -> list[Node]:
    names = [f"L{layer}.H{head}" for layer in range(4) for head in range(4)]
    names += [f"L{layer}.mlp" for layer in range(4)]
    return [{"node": name, "component": name} for name in names[::-1]]


def _neurons(random: np.random.Generator) -> list[Node]:
    return [
        {"node": f"L2.resid_post#{neuron}", "component": "L2.resid_post"}
        for neuron in random.permutation(128)[:N_NODES].tolist()
    ]


def _clusters() -> list[Node]:
    return [
        {"node": f"{mapped.RUN}#{number}", "component": "L2.resid_post", "label": name}
        for number, name in enumerate(mapped.NAMES)
    ]


def _circuit(
    found: Found,
    name: str,
    task: str,
    method: str,
    level: str,
    said: tuple[float, float, int, int, float],
    nodes: list[Node],
    random: np.random.Generator,
    by_position: bool = False,
) -> None:
    ceiling, reach, forwards, backwards, seconds = said
    sizes = [size for size in SIZES if size <= len(nodes)]
    faithful = {size: ceiling * (1 - math.exp(-2 * size / reach)) for size in sizes}
    cmd = 1 - float(np.mean(list(faithful.values())))
    rows = _ranked(name, method, nodes, random)
    measured = 0 if method == "random" else FEW if name == HEADS else len(rows)
    edges = _circuit_edges(name, rows[:measured], random) if measured else []
    about = {
        "circuit": name,
        "task": task,
        "model": workspaces.MODEL,
        "method": method,
        "metric": "logit_diff",
        "clean_score": 3.42,
        "corrupt_score": -2.87,
        "forward_passes": forwards,
        "backward_passes": backwards,
        "seconds": seconds,
        "nodes": level,
        "ablation": "resample",
        "errors": "nodes" if level == "features" else "kept",
        "per_position": by_position,
        "dictionaries": [] if level in ("components", "neurons") else list(workspaces.PROFILED),
        "n_nodes": {"features": 771, "clusters": 7, "components": 20, "neurons": 384}[level],
        "n_search": 64,
        "n_held_out": 64,
        "accuracy": 0.97,
        "cpr": 1 - cmd,
        "cpr_low": 1 - cmd - 0.04,
        "cpr_high": 1 - cmd + 0.03,
        "cmd": cmd,
        "cmd_log": min(1.0, cmd + 0.2),
        "cpr_log": max(0.0, 0.8 - cmd),
        "cmd_low": cmd - 0.03,
        "cmd_high": cmd + 0.04,
        "nodes_for_80": next((size for size in sizes if faithful[size] >= 0.8), None),
        "node_auc": None,
        "edge_auc": None,
        "edges_among": measured,
        "transfer": "agreement_pp" if method == "cascade" else None,
        "transfer_cmd": cmd + 0.07 if method == "cascade" else None,
        "seed": 0,
        "created_at": workspaces.NOW.replace(hour=9, minute=len(name) % 60),
    }
    found.setdefault("circuits", []).append(about)
    found.setdefault("circuit_nodes", []).extend(rows)
    found.setdefault("circuit_edges", []).extend(edges)
    found.setdefault("circuit_curve", []).extend(_curve(name, faithful, edges, rows))
    found.setdefault("circuit_prompts", []).extend(_prompts(name, task))


def _ranked(name: str, method: str, nodes: list[Node], random: np.random.Generator) -> list[Node]:
    """The nodes in an order of the method's own; effects fall, every ninth is negative."""
    order = np.argsort(np.arange(len(nodes)) + random.normal(0, 3, len(nodes)))
    if method == "random":
        order = random.permutation(len(nodes))
    rows = []
    for rank, at in enumerate(order.tolist()):
        effect = 1.9 * math.exp(-rank / 11) * (-0.6 if rank % 9 == 4 else 1)
        rows.append(
            {
                "circuit": name,
                **{
                    key: nodes[at].get(key)
                    for key in ("node", "dictionary", "feature", "component", "position")
                },
                "effect": effect,
                "rank": rank,
                "exact": effect * 0.9 if method in ("cascade", "acdc") else None,
                "low": effect - 0.2 * abs(effect) - 0.01,
                "high": effect + 0.15 * abs(effect) + 0.01,
                "stability": max(0.3, 1 - 0.013 * rank) if method != "random" else None,
                "label": nodes[at].get("label"),
            }
        )
    return rows


def _layer(node: Node) -> tuple[int, int]:
    place = str(node["component"])
    layer, _, site = place.removeprefix("L").partition(".")
    return int(layer), ("H", "attn_out", "mlp", "resid_post").index(
        "H" if site.startswith("H") else site
    )


def _circuit_edges(name: str, rows: list[Node], random: np.random.Generator) -> list[Node]:
    """Each node leads to one or two of later components or to the metric; the tokens lead to those
    of the first component.
    """
    found = []
    first = min(map(_layer, rows))
    for row in rows:
        after = [other for other in rows if _layer(other) > _layer(row)]
        targets = [other["node"] for other in after[: 1 + row["rank"] % 3]]
        if not after or row["rank"] % 5 == 0:
            targets.append("logits")
        if row["rank"] % 13 == 12:
            targets = []
        found += [(row["node"], target, row["effect"] / (1 + at)) for at, target in
                  enumerate(targets)]  # fmt: skip
        if _layer(row) == first and row["rank"] % 4 == 0:
            position = row.get("position")
            tokens = "embed" if position is None else f"embed@{position}"
            found.append((tokens, row["node"], 0.7 * row["effect"]))
    found.sort(key=lambda edge: -abs(edge[2]))
    return [
        {
            "circuit": name,
            "source": source,
            "target": target,
            "effect": effect,
            "rank": rank,
            "stability": max(0.2, 1 - 0.01 * rank),
        }
        for rank, (source, target, effect) in enumerate(found)
    ]


def _curve(
    name: str, faithful: dict[int, float], edges: list[Node], rows: list[Node]
) -> list[Node]:
    ranks = {row["node"]: row["rank"] for row in rows} | {"logits": -1, "embed": -1}
    found = []
    for prompts, less in (("held_out", 0.0), ("search", -0.02)):
        for size, value in {0: 0.0, **faithful}.items():
            inside = sum(
                ranks.get(edge["source"], 0) < size and ranks.get(edge["target"], 0) < size
                for edge in edges
            )
            value = value - less if size else value
            found.append(
                {
                    "circuit": name,
                    "n_nodes": size,
                    "n_edges": inside if size else 0,
                    "faithfulness": value,
                    "completeness": 1 - 0.8 * value,
                    "prompts": prompts,
                    "faithfulness_low": value - 0.05 if size else 0.0,
                    "faithfulness_high": value + 0.04 if size else 0.0,
                    "completeness_low": 0.95 - 0.8 * value,
                    "completeness_high": 1.05 - 0.8 * value,
                }
            )
    return found


def _prompts(name: str, task: str) -> list[Node]:
    nouns = (("dog", "dogs"), ("king", "kings"), ("bird", "birds"), ("teacher", "teachers"))
    found = []
    for prompt in range(8):
        one, many = nouns[prompt % 4]
        found.append(
            {
                "circuit": name,
                "prompt": prompt,
                "half": "held_out" if prompt % 2 else "search",
                "clean": f"the {one} near the old gardens" if "\x1b" not in task else "\x1b[2J[b]x",
                "corrupt": f"the {many} near the old gardens",
                "answer": " sleeps",
                "wrong": " sleep",
                "clean_score": 3.4 - 0.1 * prompt,
                "corrupt_score": -2.9 + 0.1 * prompt,
            }
        )
    return found


def _edges(workspace: Workspace, random: np.random.Generator) -> None:
    """What ablating some early features changes: later features, heads, the metric."""
    rows = []
    for source in range(64):
        strength = 1.2 * math.exp(-source / 30)
        targets: list[tuple[str | None, int | None, str | None]] = [
            (LATE, (source * 5 + 3 * at) % workspaces.WIDTH, None) for at in range(6)
        ]
        targets += [(ATTENTION, (source * 3 + 1) % workspaces.WIDTH, None)]
        targets += [(None, None, "L2.H1"), (None, None, "L3.mlp"), (None, None, None)]
        for at, (dictionary, feature, component) in enumerate(targets):
            effect = strength * (1 - 0.1 * at) * (-1 if at % 4 == 3 else 1)
            rows.append(
                {
                    "run": RUN,
                    "source_dictionary": EARLY,
                    "source_feature": source,
                    "target_dictionary": dictionary,
                    "target_feature": feature,
                    "effect": effect,
                    "low": effect - 0.12,
                    "high": effect + 0.1,
                    "n": 40 - source // 2,
                    "null_effect": 0.08 + 0.01 * at,
                    "method": "mean",
                    "target_component": component,
                    "direction_effect": 0.07,
                    "matched_effect": 0.09 + 0.01 * at,
                    "p_value": 0.001 if at < 7 else 0.3,
                    "q_value": 0.004 if at < 7 else 0.4,
                    "significant": at < 7,
                }
            )
    _publish(workspace, "edges", RUN, rows)
    about = {
        "run": RUN,
        "model": workspaces.MODEL,
        "dictionaries": list(workspaces.PROFILED),
        "n_sources": 66,
        "n_silent": 2,
        "n_edges": len(rows),
        "n_tested": 66 * 540,
        "n_significant": sum(row["significant"] for row in rows),
        "ablation": "mean",
        "contexts": workspaces.CORPUS,
        "n_documents": 96,
        "fdr": 0.05,
        "nulls": 16,
        "forward_passes": 64 * 33 * 40,
        "seed": 0,
        "seconds": 12.5,
        "created_at": workspaces.NOW.replace(hour=11),
    }
    _publish(workspace, "edge_runs", RUN, [about])


NULLS = {
    **dict.fromkeys(
        ("dictionary", "component", "label", "corrupt", "wrong", "transfer"), pl.String
    ),
    **dict.fromkeys(("target_dictionary", "target_component"), pl.String),
    **dict.fromkeys(("feature", "target_feature", "nodes_for_80"), pl.UInt32),
    **dict.fromkeys(("exact", "stability", "node_auc", "edge_auc", "transfer_cmd"), pl.Float64),
    "position": pl.Int32,
    "dictionaries": pl.List(pl.String),
    "spans": pl.List(pl.String),
}
"""Columns that may hold nulls alone."""


def _publish(workspace: Workspace, table: str, run: str, rows: list[Node]) -> None:
    known = {name: kind for name, kind in NULLS.items() if name in rows[0]}
    with workspace.publish_table(table, run=run, manifest=workspaces.provenance(run)) as out:
        out.write(pl.DataFrame(rows, schema_overrides=known, infer_schema_length=None))


def make(folder: Any, *, hostile: bool = False) -> workspaces.Made:
    """The synthetic workspace with clusters, circuits and causal edges in it."""
    made = workspaces.make(folder)
    mapped.plant(made.workspace, hostile=hostile)
    plant(made.workspace, hostile=hostile)
    return made
