"""What README.md says first of saetui beside other libraries: a line an architecture, from the
same results files as the long tables.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.peers_quality import NEAR, off
from tests.bench.quality_worlds import saved
from tests.bench.written import number

Row = dict[str, Any]


class Measure(NamedTuple):
    """A column."""

    name: str
    results: str
    key: str
    sign: int
    """1 where less is better, -1 where more is."""


MEASURES = (
    Measure("FVU, synthetic", "quality_synthetic_quick", "fvu", 1),
    Measure("directions found", "quality_synthetic_quick", "found", -1),
    Measure("FVU, `smollm2`", "quality_smollm2_quick", "fvu", 1),
    Measure("CE recovered", "quality_smollm2_quick", "ce_recovered", -1),
)


TRANSCODERS = {"quality_smollm2_quick": "quality_mlp_quick"}
"""Where transcoders were measured: on what an MLP writes for what it reads."""


def dictionaries(results: Path) -> str:
    """How many times our CPU time a step of the fastest other library takes, the least and the
    most over the sizes that were measured; then the mean over seeds of each of `MEASURES`, at the
    same L0 after the same tokens, and that of the best other library. Empty where results lack.
    """
    step = saved(results / "peers_step.json")
    quality = {measure: saved(results / f"{measure.results}.json") for measure in MEASURES}
    if not step or not all(quality.values()):
        return ""
    head = ["architecture", "a step of the fastest other", *(each.name for each in MEASURES)]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for architecture in dict.fromkeys(row["architecture"] for row in step["rows"]):
        cells = [_ratio(step["rows"], architecture)]
        for each, found in quality.items():
            if architecture == "transcoder" and each.results in TRANSCODERS:
                found = saved(results / f"{TRANSCODERS[each.results]}.json")
            cells.append(_beside(found, architecture, each) if found else "")
        lines.append(f"| {architecture} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratio(rows: list[Row], architecture: str) -> str:
    ratios = [row["best_peer_ratio"] for row in rows if row["architecture"] == architecture]
    return f"{min(ratios):.1f} to {max(ratios):.1f}×"


def _beside(found: Row, architecture: str, measure: Measure) -> str:
    """Ours, then the best of the others; the better in bold."""
    about, runs = found["about"], {}
    for row in found["rows"]:
        same = row["architecture"] == architecture and row.get("k", about["k"]) == about["k"]
        whole = row["steps"] == about["rows"] // about["batch"]
        if same and whole and row["chosen"] and measure.key in row:
            runs.setdefault(row["library"], []).append(row)
    means = {
        library: statistics.fmean(row[measure.key] for row in mine)
        for library, mine in runs.items()
        if off(statistics.fmean(row["l0"] for row in mine), about["k"]) <= NEAR
    }
    ours = means.pop("saetui", None)
    if ours is None or not means:
        return ""
    best = min(means.values(), key=lambda value: measure.sign * value)
    ahead = measure.sign * ours <= measure.sign * best
    texts = (
        f"**{number(value)}**" if mine else number(value)
        for value, mine in ((ours, ahead), (best, not ahead))
    )
    return ", ".join(texts)
