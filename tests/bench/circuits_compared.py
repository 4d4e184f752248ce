"""What searches of the bench come to: means over seeds, and one beside another on the same prompts.

Curves are those that `circuits_tasks` keeps of each search: what every held-out prompt scored.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.causal.curve import Curve
from jobs.causal.scores import areas, score

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


def compact(
    found: list[dict[str, Any]], every: Sequence[str], rows: Mapping[str, Sequence[str]]
) -> str:
    """`means`, a column for each task of `every`, a row for each method of each level of `rows`:
    log CMD with its interval, then where .8 is crossed, seed by seed.
    """
    at = {(row["level"], row["method"], row["task"]): row for row in found}
    tasks = [task for task in every if any(row["task"] == task for row in found)]
    lines = [f"| | {' | '.join(tasks)} |", "| --- " * (1 + len(tasks)) + "|"]
    for level, methods in rows.items():
        for method in methods:
            cells = [_cell(at.get((level, method, task))) for task in tasks]
            if any(cells):
                lines.append(f"| {level}, `{method}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    cmd, low, high = (plain(row[key], ".3f") for key in ("cmd_log", "low", "high"))
    sizes = ", ".join("never" if n is None else f"{n:,.0f}" for n in row["crossing"])
    return f"{cmd} ({low}–{high}); {sizes}"


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


def grouped(found: list[dict[str, Any]]) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """Searches that differ in their seed alone, by task, level and method."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault((row["task"], row["level"], row["method"]), []).append(row)
    return groups


def plain(value: float, form: str) -> str:
    """A figure without the zero before its point."""
    return f"{value:{form}}".replace("0.", ".", 1)


def _apart(folder: Path, ours: str, other: str, seed: int) -> np.ndarray:
    """[1 + samples]: log CMD of the one less that of the other, in the same samples of prompts."""
    return np.subtract(*(_areas(folder / "curves" / f"{name}.npz", seed) for name in (ours, other)))


def _areas(path: Path, seed: int) -> np.ndarray:
    return areas(_curve(path), LARGEST, seed)


def _curve(path: Path) -> Curve:
    with np.load(path) as kept:
        parts = [torch.from_numpy(kept[key]) for key in ("inside", "outside", "clean")]
        return Curve([int(size) for size in kept["sizes"]], *parts)


def table(found: list[dict[str, Any]]) -> str:
    """Means over seeds, the best CMD of each task first."""
    groups = grouped(found)
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


def differences(found: list[dict[str, Any]], every: Sequence[str]) -> str:
    """`paired`, a column for each task of `every`: below zero `cascade` is better; then how many
    seeds, where that is more than one.
    """
    at = {(row["level"], row["than"], row["task"]): row for row in found}
    lines = [f"| `cascade` less | {' | '.join(every)} |", "| --- " * (1 + len(every)) + "|"]
    for level, than in dict.fromkeys((row["level"], row["than"]) for row in found):
        cells = [_apart_cell(at.get((level, than, task))) for task in every]
        lines.append(f"| {level}, `{than}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _apart_cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    apart, low, high = (plain(row[key], "+.3f") for key in ("difference", "low", "high"))
    seeds = f"; {len(row['seeds'])}" if len(row["seeds"]) > 1 else ""
    return f"{apart} ({low} to {high}){seeds}"
