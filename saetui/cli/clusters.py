"""``saetui clusters``: runs of ``cluster``, the clusters of one, the features of one cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from saetui import queries_manifolds as queries
from saetui.cli.ask import ask, tell_damage, tell_removed
from saetui.cli.nearest import ending
from saetui.cli.output import as_json, fields, line, note, shown, table
from saetui.cli.sorting import sort_named
from saetui.cli.where import workspace_at, workspace_option
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace

RUNS = ("run", "method", "similarity", "n_features", "n_clusters", "n_significant", "null_clusters",
        "silhouette", "dictionaries")  # fmt: skip
"""Columns shown of a run."""
CLUSTERS = ("cluster", "label", "n_features", "cohesion", "random_cohesion", "q_value",
            "separation", "stability", "activation_share")  # fmt: skip
"""Columns shown of a cluster in a list."""
MEMBERS = ("dictionary", "feature", "membership", "density", "label", "top_tokens")


@click.command("clusters", context_settings={"ignore_unknown_options": True})
@click.argument("run", metavar="[RUN]", required=False)
@click.argument("cluster", metavar="[CLUSTER]", required=False, type=int)
@click.option("--sort", default="size", show_default=True, help="One of the columns.")
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option(
    "--search", default="", help="Words of labels or tokens, significant, size>10, q<0.01."
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(
    run: str | None,
    cluster: int | None,
    sort: str,
    reverse: bool,
    search: str,
    limit: int,
    json_: bool,
    workspace: Path | None,
) -> None:
    """List the clusters of RUN, or the features of its cluster CLUSTER; without RUN, the runs."""
    ws = workspace_at(workspace)
    if run is None:
        _runs(ws, json_)
        return
    of_run = _known(ws, run)
    tell_removed(ws, of_run["dictionaries"])
    if cluster is not None:
        _members(ws, of_run, cluster, limit, json_)
        return
    query = queries.clusters(
        run, sort=sort_named(sort, queries.SORTS, "Clusters"), reverse=reverse, search=search
    )
    found = ask(ws, query).records
    tell_damage(ws)
    if json_:
        as_json(found[:limit])
        return
    table(CLUSTERS, [[row[name] for name in CLUSTERS] for row in found[:limit]])
    if len(found) > limit:
        note(f"{limit} of {len(found)} clusters; --limit shows more.")
    elif not found:
        note(f"No cluster of {run} matches {search!r}." if search else f"{run} found no clusters.")


def _runs(ws: Workspace, json_: bool) -> None:
    found = ask(ws, queries.runs()).records
    tell_damage(ws)
    if json_:
        as_json(found)
        return
    table(RUNS, [[row[name] for name in RUNS] for row in found])
    if not found:
        note("No clusters yet; `saetui run cluster dictionaries=…` finds some.")


def _known(ws: Workspace, run: str) -> dict[str, Any]:
    """What is known of a run."""
    runs = {row["run"]: row for row in ask(ws, queries.runs()).records}
    if run not in runs:
        names = list(runs)
        hint = ending(run, names, f"there are {', '.join(names[:5])}" if names else "there is none")
        raise AskedWrongly(f"No run of cluster is called {run!r}{hint}")
    return runs[run]


def _beside_chance(run: dict[str, Any]) -> str:
    """How many planes of the run count, and how many of chance's groups would."""
    found = f"{run['n_irreducible']} of the run's {run['n_planes']} planes count as irreducible"
    if run["null_alike"] is None or run["n_alike"] is None:
        return f"{found}."
    random = run["random_alike"]
    also = "" if random is None else f", and {shown(random, 2)} of a random dictionary"
    return (
        f"{found}; before they are held against chance {run['n_alike']} pass, as do "
        f"{shown(run['null_alike'], 2)} of features put together anyhow{also}."
    )


def _members(ws: Workspace, of_run: dict[str, Any], number: int, limit: int, json_: bool) -> None:
    """Everything about one cluster, as JSON knows it, or as a page."""
    run, total = of_run["run"], of_run["n_clusters"]
    about = ask(ws, queries.cluster(run, number)).records
    if not about and number != -1:  # -1: the features that are in none
        there = f"it has 0 to {total - 1}" if total else "it found none"
        raise AskedWrongly(f"{run} has no cluster {number}; {there}.")
    page: dict[str, Any] = {
        **(about[0] if about else {"run": run, "cluster": number}),
        "members": ask(ws, queries.members(run, number)).records,
        "geometry": ask(ws, queries.geometry(run, number)).records,
    }
    tell_damage(ws)
    if json_:
        as_json(page)
        return
    fields((name, page[name]) for name in page if name not in ("members", "geometry", "run"))
    line()
    members = page["members"][:limit]
    table(MEMBERS, [[row[name] for name in MEMBERS] for row in members])
    if len(page["members"]) > limit:
        note(f"{limit} of {len(page['members'])} features; --limit shows more.")
    planes = [row for row in page["geometry"] if row["irreducible"]]
    if planes:
        line()
        numbers = ", ".join(str(row["plane"]) for row in planes)
        line(f"One feature of several dimensions, by its plane {numbers} (see cluster_geometry).")
        line(_beside_chance(of_run))
