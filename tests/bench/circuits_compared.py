"""What searches of the bench come to: means over seeds, and one beside another on the same prompts.

Curves are those that `circuits_tasks` keeps of each search: what every held-out prompt scored. Of
prompts that read the same, samples hold all or none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.causal.curve import Curve
from jobs.causal.scores import areas, score
from store import Workspace
from tests.bench.circuits_tables import grouped

LARGEST = 200
"""Nodes at which the axis of log CMD ends."""


Curves = Mapping[str, Curve]
"""By the id of their circuit."""


def curves(ws: Workspace) -> Curves:
    """Those that are kept, with what their prompts read."""
    rows = ws.sql(
        "SELECT circuit, clean FROM circuit_prompts WHERE half = 'held_out' "
        "ORDER BY circuit, prompt"
    ).fetchall()
    texts: dict[str, list[str]] = {}
    for circuit, clean in rows:
        texts.setdefault(circuit, []).append(clean)
    paths = sorted((ws.root / "curves").glob("*.npz"))
    return {path.stem: read(path, texts[path.stem]) for path in paths if path.stem in texts}


def read(path: Path, texts: list[str]) -> Curve:
    """A curve that was kept, `texts` being its prompts."""
    number = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    with np.load(path) as kept:
        parts = [torch.from_numpy(kept[key]) for key in ("inside", "outside", "clean")]
        content = torch.tensor([number[text] for text in texts])
        return Curve([int(size) for size in kept["sizes"]], *parts, content)


def means(kept: Curves, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Log CMD of every task, level and method: the mean over seeds, with a 95% interval over
    prompts, drawn anew within each seed.
    """
    made = []
    for (task, level, method), mine in grouped(found).items():
        own = [(kept[row["circuit"]], row["seed"]) for row in mine]
        drawn = np.mean([areas(curve, LARGEST, seed) for curve, seed in own], 0)
        low, high = np.quantile(drawn[1:], [0.025, 0.975])
        made.append(
            {"task": task, "level": level, "method": method, "seeds": [r["seed"] for r in mine]}
            | {"cmd_log": float(drawn[0]), "low": float(low), "high": float(high)}
            | {"nodes_for_80": [r["nodes_for_80"] for r in mine]}
            | {"crossing": [crossing(curve) for curve, _ in own]}
        )
    return made


def crossing(curve: Curve, level: float = 0.8) -> float | None:
    """`crosses` of a curve's faithfulness over all of its prompts."""
    found = [value for value, *_ in score(curve, LARGEST, 0).faithfulness]
    return crosses(curve.sizes, found, level)


def crosses(
    sizes: Sequence[int], faithfulness: Sequence[float], level: float = 0.8
) -> float | None:
    """Nodes at which `faithfulness` first reaches `level`, on straight lines over the logarithm of
    the number of nodes between the sizes that were scored; None where it never does.
    """
    before = (0.0, -math.inf)
    for size, value in zip(sizes, faithfulness, strict=True):
        if size and value >= level:
            (low, under), high = before, math.log(size)
            part = (level - under) / (value - under) if math.isfinite(under) else 1.0
            return math.exp(low + part * (high - low))
        before = (math.log(size), value) if size else before
    return None


def paired(kept: Curves, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By how much log CMD differs from that of ``cascade`` on the very same held-out prompts, the
    mean over seeds that both have; with a 95% interval over prompts, drawn anew within each seed.
    """
    groups, made = grouped(found), []
    for (task, level, than), mine in groups.items():
        ours = {row["seed"]: row["circuit"] for row in groups.get((task, level, "cascade"), ())}
        both = {row["seed"]: row["circuit"] for row in mine if row["seed"] in ours}
        if than == "cascade" or not both:
            continue
        apart = np.mean([_apart(kept[ours[s]], kept[both[s]], s) for s in sorted(both)], 0)
        low, high = np.quantile(apart[1:], [0.025, 0.975])
        made.append(
            {"task": task, "level": level, "than": than, "seeds": sorted(both)}
            | {"difference": float(apart[0]), "low": float(low), "high": float(high)}
        )
    return made


def _apart(ours: Curve, other: Curve, seed: int) -> np.ndarray:
    """[1 + samples]: log CMD of the one less that of the other, in the same samples of prompts."""
    return np.subtract(*(areas(curve, LARGEST, seed) for curve in (ours, other)))
