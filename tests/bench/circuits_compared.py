"""What searches of the bench come to: means over seeds, and one beside another on the same prompts.

Curves are those that `circuits_tasks` keeps of each search: what every held-out prompt scored.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.causal.curve import Curve
from jobs.causal.scores import areas, score
from tests.bench.circuits_tables import grouped

LARGEST = 200
"""Nodes at which the axis of log CMD ends."""


def means(folder: Path, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Log CMD of every task, level and method: the mean over seeds, with a 95% interval over
    prompts, drawn anew within each seed.
    """
    made = []
    for (task, level, method), mine in grouped(found).items():
        files = [(folder / "curves" / f"{row['circuit']}.npz", row["seed"]) for row in mine]
        drawn = np.mean([_areas(*file) for file in files], 0)
        low, high = np.quantile(drawn[1:], [0.025, 0.975])
        made.append(
            {"task": task, "level": level, "method": method, "seeds": [r["seed"] for r in mine]}
            | {"cmd_log": float(drawn[0]), "low": float(low), "high": float(high)}
            | {"nodes_for_80": [r["nodes_for_80"] for r in mine]}
            | {"crossing": [crossing(_curve(path)) for path, _ in files]}
        )
    return made


def crossing(curve: Curve, level: float = 0.8) -> float | None:
    """Nodes at which faithfulness first reaches `level`, on straight lines over the logarithm of
    the number of nodes between the sizes that were scored; None where it never does.
    """
    found = [value for value, *_ in score(curve, LARGEST, 0).faithfulness]
    before = (0.0, -math.inf)
    for size, value in zip(curve.sizes, found, strict=True):
        if size and value >= level:
            (low, under), high = before, math.log(size)
            part = (level - under) / (value - under) if math.isfinite(under) else 1.0
            return math.exp(low + part * (high - low))
        before = (math.log(size), value) if size else before
    return None


def paired(folder: Path, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By how much log CMD differs from that of ``cascade`` on the very same held-out prompts, the
    mean over seeds that both have; with a 95% interval over prompts, drawn anew within each seed.
    """
    groups, made = grouped(found), []
    for (task, level, than), mine in groups.items():
        ours = {row["seed"]: row["circuit"] for row in groups.get((task, level, "cascade"), ())}
        both = {row["seed"]: row["circuit"] for row in mine if row["seed"] in ours}
        if than == "cascade" or not both:
            continue
        apart = np.mean([_apart(folder, ours[s], both[s], s) for s in sorted(both)], 0)
        low, high = np.quantile(apart[1:], [0.025, 0.975])
        made.append(
            {"task": task, "level": level, "than": than, "seeds": sorted(both)}
            | {"difference": float(apart[0]), "low": float(low), "high": float(high)}
        )
    return made


def _apart(folder: Path, ours: str, other: str, seed: int) -> np.ndarray:
    """[1 + samples]: log CMD of the one less that of the other, in the same samples of prompts."""
    return np.subtract(*(_areas(folder / "curves" / f"{name}.npz", seed) for name in (ours, other)))


def _areas(path: Path, seed: int) -> np.ndarray:
    return areas(_curve(path), LARGEST, seed)


def _curve(path: Path) -> Curve:
    with np.load(path) as kept:
        parts = [torch.from_numpy(kept[key]) for key in ("inside", "outside", "clean")]
        return Curve([int(size) for size in kept["sizes"]], *parts)
