"""``saetui edges``: runs of ``ablate``, or the causal edges of one feature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from saetui import queries_circuits as queries
from saetui.cli.ask import ask, tell_damage
from saetui.cli.output import as_json, line, note, table
from saetui.cli.where import workspace_at, workspace_option
from saetui.links import feature_id, parse_feature
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace

RUNS = ("run", "ablation", "contexts", "n_sources", "n_silent", "n_edges", "n_significant", "fdr",
        "forward_passes", "seconds")  # fmt: skip
"""Columns shown of a run."""
SHOWN = ("effect", "low", "high", "null_effect", "q_value", "n", "method", "label")
"""Columns shown of an edge, after what it leads to."""


@click.command("edges", context_settings={"ignore_unknown_options": True})
@click.argument("feature", metavar="[DICT#FEATURE]", required=False)
@click.option("--in", "in_", is_flag=True, help="Only edges into it.")
@click.option("--out", is_flag=True, help="Only edges out of it.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(
    feature: str | None,
    in_: bool,
    out: bool,
    limit: int,
    json_: bool,
    workspace: Path | None,
) -> None:
    """Show what ablating DICT#FEATURE changes, and whose ablation changes it; without it, the runs
    of `ablate`.
    """
    ws = workspace_at(workspace)
    if feature is None:
        _runs(ws, json_)
        return
    found = parse_feature(feature)
    if found is None or not found[0]:
        raise AskedWrongly(f"Which feature is {feature!r}? Say `saetui edges DICT#0`.")
    both = in_ == out
    page = {
        name: ask(ws, queries.effects(*found, into=into)).records
        for name, into, wanted in (("out", False, out or both), ("in", True, in_ or both))
        if wanted
    }
    if not any(page.values()):
        _refuse_unknown(ws, *found)
    tell_damage(ws)
    if json_:
        as_json({"dictionary": found[0], "feature": found[1], **page})
        return
    if not any(page.values()) and not ask(ws, queries.edge_runs()).records:
        note("Nothing was ablated yet; `saetui run ablate …` measures causal edges.")
    for name, rows in page.items():
        line(f"What ablating {feature} changes" if name == "out" else f"What changes {feature}")
        _list(rows, limit, "target" if name == "out" else "source")
        if name == "out" and "in" in page:
            line()


def _refuse_unknown(ws: Workspace, dictionary: str, number: int) -> None:
    """Raises AskedWrongly for a feature that is none, of which nothing can have been measured."""
    width = ws.dictionary(dictionary).manifest.get("d_sae")
    if isinstance(width, int) and number >= width:
        raise AskedWrongly(f"{dictionary} has no feature {number}; it has 0 to {width - 1}.")


def _runs(ws: Workspace, json_: bool) -> None:
    found = ask(ws, queries.edge_runs()).records
    tell_damage(ws)
    if json_:
        as_json(found)
        return
    table(RUNS, [[row[name] for name in RUNS] for row in found])
    if not found:
        note("Nothing was ablated yet; `saetui run ablate …` measures causal edges.")


def _list(rows: list[dict[str, Any]], limit: int, end: str) -> None:
    if not rows:
        line("  none was measured")
        return
    table(
        ("", end, *SHOWN),
        [
            ("●" if row["significant"] else "○", _end(row, end), *(row[name] for name in SHOWN))
            for row in rows[:limit]
        ],
    )
    if len(rows) > limit:
        note(f"{limit} of {len(rows)} edges; --limit shows more.")


def _end(row: dict[str, Any], end: str) -> str:
    if row[f"{end}_feature"] is not None:
        return feature_id(row[f"{end}_dictionary"], row[f"{end}_feature"])
    return row["target_component"] or "the metric"
