"""What README.md says first of saetui beside other libraries: a line an architecture, from the
same results files as the long tables.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.chosen_runs import Runs, after_all_tokens, in_our_time
from tests.bench.quality_worlds import saved
from tests.bench.seeking import NEAR, off
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
    same L0, and that of the best other library after the same tokens and after our CPU time. Empty
    where results lack.
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
    """Ours, then the best of the others after as many tokens, then after our CPU seconds; the best
    in bold. A dash where no other has the L0.
    """
    full = _means(found, after_all_tokens(found, architecture), measure)
    timed = _means(found, in_our_time(found, architecture), measure)
    ours = full.pop("saetui", None)
    timed.pop("saetui", None)
    if ours is None or not full:
        return ""
    others = [
        min(means.values(), key=lambda value: measure.sign * value, default=None)
        for means in (full, timed)
    ]
    values = [ours, *others]
    best = min(measure.sign * value for value in values if value is not None)
    texts = ("–" if value is None else number(value) for value in values)
    return ", ".join(
        f"**{text}**" if value is not None and measure.sign * value == best else text
        for value, text in zip(values, texts, strict=True)
    )


def _means(found: Row, runs: Runs, measure: Measure) -> dict[str, float]:
    """By library, of those that have the asked L0."""
    return {
        library: statistics.fmean(row[measure.key] for row in rows)
        for library, rows in runs.items()
        if off(statistics.fmean(row["l0"] for row in rows), found["about"]["k"]) <= NEAR
        and all(measure.key in row for row in rows)
    }
