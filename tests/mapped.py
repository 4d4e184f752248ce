"""Clusters, their map and how features split, planted into the synthetic workspace.

As in `tests.workspaces`, the numbers mean nothing but are the same at every run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from store import Workspace
from tests import workspaces

RUN, OLDER, SPLIT = "cluster-2", "cluster-1", "split-1"
"""Runs: one with clusters above chance, one without, and one of splits."""

NARROW, WIDE = workspaces.PROFILED[0], workspaces.PROFILED[2]

NAMES = (
    "plural nouns",
    "verbs of motion",
    None,
    "colours",
    "days of the week",
    None,
    "punctuation",
)
"""Labels of the clusters of `RUN`, largest first; those without one are not significant."""

RING = 4
"""The cluster of `RUN` that is one feature of two dimensions."""

HOSTILE = 3
"""The cluster of `RUN` whose label and tokens try to take over the terminal."""


DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def plant(workspace: Workspace, *, hostile: bool = False) -> None:
    """Publishes two runs of ``cluster`` and one of ``split``; with labels and tokens that try to
    take over the terminal when told to.
    """
    random = np.random.default_rng(11)
    features = [(d, f) for d in (NARROW, WIDE) for f in range(workspaces.WIDTH) if f % 16 != 15]
    sizes = [64, 48, 40, 32, 24, 20, 12]
    _run(workspace, RUN, features, sizes, random, hostile=hostile)
    _geometry(workspace, random, hostile)
    _run(workspace, OLDER, features[: len(features) // 2], [30, 20], random, chance=True)
    _splits(workspace, random)


def _publish(workspace: Workspace, table: str, run: str, rows: list[dict[str, Any]]) -> None:
    manifest = workspaces.provenance(run)
    with workspace.publish_table(table, run=run, manifest=manifest) as out:
        types = {"label": pl.String, "fvu_share": pl.Float64}  # columns that may hold nulls alone
        known = {name: kind for name, kind in types.items() if name in rows[0]}
        out.write(pl.DataFrame(rows, schema_overrides=known, infer_schema_length=None))


def _run(
    workspace: Workspace,
    run: str,
    features: list[tuple[str, int]],
    sizes: list[int],
    random: np.random.Generator,
    chance: bool = False,
    hostile: bool = False,
) -> None:
    """Clusters of such sizes as blobs on the map; what is left is scattered between them."""
    cluster = np.full(len(features), -1)
    cluster[: sum(sizes)] = np.repeat(np.arange(len(sizes)), sizes)
    random.shuffle(cluster)
    angles = np.linspace(0, 2 * np.pi, len(sizes), endpoint=False)
    centres = 0.62 * np.stack([np.cos(angles), np.sin(angles)], 1)
    places = centres[cluster] + random.normal(0, 0.08, (len(features), 2))
    places[cluster < 0] = random.uniform(-0.95, 0.95, (int((cluster < 0).sum()), 2))
    rows = [
        {
            "run": run,
            "dictionary": dictionary,
            "feature": feature,
            "cluster": int(cluster[at]),
            "membership": float(random.uniform(0.3, 1)) if cluster[at] >= 0 else None,
            "x": float(places[at, 0]),
            "y": float(places[at, 1]),
        }
        for at, (dictionary, feature) in enumerate(features)
    ]
    _publish(workspace, "clusters", run, rows)
    names = [None] * len(sizes) if chance else NAMES
    firsts = [features[int(np.flatnonzero(cluster == number)[0])] for number in range(len(sizes))]
    _publish(
        workspace,
        "cluster_summary",
        run,
        [
            _summary(run, number, size, names[number], firsts[number], hostile)
            for number, size in enumerate(sizes)
        ],
    )
    _publish(workspace, "cluster_runs", run, [_about(run, features, sizes, names)])


def _summary(
    run: str,
    number: int,
    size: int,
    name: str | None,
    medoid: tuple[str, int],
    hostile: bool,
) -> dict[str, Any]:
    real = name is not None
    words = [" dog", " cat", " bird", " king", " queen", " river"]
    tokens = [words[(number + at) % len(words)] for at in range(4)]
    if number == HOSTILE and real and hostile:
        name, tokens = "[red]colours[/] \x1b[2J\u202egone", ["\x1b[31mred", "[b]x[/b]", *tokens]
    return {
        "run": run,
        "cluster": number,
        "n_features": size,
        "cohesion": 0.62 - 0.03 * number if real else 0.21 + 0.01 * number,
        "separation": 0.41 if real else -0.02,
        "intrinsic_dimension": 1.8 + 0.7 * number if size >= 20 else None,
        "null_cohesion": 0.08,
        "random_cohesion": 0.19 + 0.002 * number,
        "p_value": 0.0005 if real else 0.31,
        "q_value": 0.0012 * (number + 1) if real else 0.4,
        "significant": real,
        "stability": 0.93 - 0.05 * number if real else 0.33,
        "activation_share": 0.09 / (1 + number),
        "fvu_share": 0.06 / (1 + number) if real else None,
        "medoid_dictionary": medoid[0],
        "medoid_feature": medoid[1],
        "tokens": tokens,
        "label": name if real else None,
    }


def _about(run: str, features: list[tuple[str, int]], sizes: list[int], names: Any) -> Any:
    real = sum(name is not None for name in names)
    return {
        "run": run,
        "dictionaries": sorted({dictionary for dictionary, _ in features}),
        "method": "hdbscan",
        "similarity": "decoder",
        "n_features": len(features),
        "n_clusters": len(sizes),
        "n_clustered": sum(sizes),
        "n_planes": 3,
        "n_irreducible": 1,
        "n_alike": 1,
        "null_alike": 0.2,
        "null_draws": 19,
        "n_significant": real,
        "null_clusters": 3.4,
        "fdr": 0.05,
        "silhouette": 0.31,
        "seed": 0,
        "seconds": 4.2,
        "created_at": workspaces.NOW.replace(hour=10 if run == RUN else 9),
    }


def _geometry(workspace: Workspace, random: np.random.Generator, hostile: bool) -> None:
    """The ring: its tokens lie on a circle. Its neighbour's lie on two lines."""
    rows, drawn = [], []
    for cluster, plane, ring in ((RING, 0, True), (RING, 1, False), (0, 0, False)):
        rows.append(
            {
                "run": RUN,
                "cluster": cluster,
                "plane": plane,
                "variance": 0.74 if ring else 0.2,
                "separability": 0.46 if ring else 0.03,
                "mixture": 0.07 if ring else 0.44,
                "null_separability": 0.02,
                "null_mixture": 0.31,
                "round_mixture": 0.09,
                "p_value": 0.001 if ring else 0.6,
                "p_exchanged": 0.001 if ring else None,
                "by_chance": 0.0 if ring else 0.4,
                "q_value": 0.003 if ring else 1.0,
                "irreducible": ring,
                "n": 812,
            }
        )
        angle = random.uniform(0, 2 * np.pi, 240)
        u, v = np.cos(angle), np.sin(angle)
        if not ring:
            u, v = np.where(angle < np.pi, u, 0), np.where(angle < np.pi, 0, v)
        noise = random.normal(0, 0.06, (2, 240))
        words = (
            DAYS
            if ring or not hostile
            else ("\x1b[31mred", "[b]x[/b]", "\u202ego", "日本", "\n", "", "a\tb")
        )
        drawn += [
            {
                "run": RUN,
                "cluster": cluster,
                "plane": plane,
                "corpus": workspaces.CORPUS,
                "doc": at % 96,
                "pos": at % workspaces.CONTEXT,
                "token": " " + words[int(angle[at] / (2 * np.pi) * 7)],
                "u": float(4 * (u[at] + noise[0, at])),
                "v": float(4 * (v[at] + noise[1, at])),
            }
            for at in range(240)
        ]
    _publish(workspace, "cluster_geometry", RUN, rows)
    _publish(workspace, "cluster_planes", RUN, drawn)


def _splits(workspace: Workspace, random: np.random.Generator) -> None:
    rows = []
    for parent in range(60):
        if parent % 16 == 15:
            continue
        children = 1 + (parent * 5) % 4
        shares = random.dirichlet(np.ones(children))
        for child in range(children):
            same = bool(random.random() < 0.7)
            rows.append(
                {
                    "run": SPLIT,
                    "parent_dictionary": NARROW,
                    "parent_feature": parent,
                    "child_dictionary": WIDE,
                    "child_feature": (parent * 4 + child) % workspaces.WIDTH,
                    "cosine": 0.92 - 0.11 * child,
                    "implication": 0.9 - 0.05 * child,
                    "coverage": float(shares[child] * 0.9),
                    "family_coverage": 0.9,
                    "absorbed": 0.04 * child if child else None,
                    "same_manifold": same if parent % 7 else None,
                    "null_same_manifold": 0.22 if parent % 7 else None,
                }
            )
    _publish(workspace, "splits", SPLIT, rows)
    summary = {
        "run": SPLIT,
        "parent_dictionary": NARROW,
        "child_dictionary": WIDE,
        "n_parents": 240,
        "n_kept": 60,
        "n_split": 42,
        "n_lost": 138,
        "n_children": 128,
        "absorption": 0.05,
        "same_manifold": 0.69,
        "null_same_manifold": 0.22,
        "odds": 7.9,
        "odds_low": 5.1,
        "odds_high": 12.4,
        "n_compared": 128,
        "n_families": 42,
        "n_rivalled": 0,
        "verdict": "Features split within their manifold: 69% of children are in their parent's "
        "cluster, 22% of matched features are; odds ratio 7.9, 95% interval 5.1 to 12.4.",
    }
    _publish(workspace, "split_summary", SPLIT, [summary])
    run = {
        "dictionaries": [NARROW, WIDE],
        "n_pairs": 1,
        "n_within": 1,
        "n_out": 0,
        "method": "leiden",
        "neighbors": 16,
        "resolution": 1.0,
        "cosine": 0.5,
        "implication": 0.3,
        "nulls": 20,
        "seed": 0,
        "created_at": workspaces.NOW,
    }
    shared = (
        *("run", "same_manifold", "null_same_manifold", "odds", "odds_low", "odds_high"),
        *("n_compared", "n_families", "n_rivalled", "verdict"),
    )
    run |= {name: summary[name] for name in shared}
    _publish(workspace, "split_runs", SPLIT, [run])


def make(folder: Any) -> workspaces.Made:
    """The synthetic workspace with all this in it."""
    made = workspaces.make(folder)
    plant(made.workspace)
    return made
