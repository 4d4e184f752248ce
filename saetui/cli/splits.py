"""``saetui splits``: what became of features as a dictionary widened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from saetui import queries_splits as queries
from saetui.cli.ask import ask, tell_damage, tell_removed
from saetui.cli.nearest import ending
from saetui.cli.output import as_json, line, note, shown, table
from saetui.cli.where import workspace_at, workspace_option
from saetui.links import feature_id, parse_feature
from saetui.queries import named
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace

Record = dict[str, Any]

_STAYING = ("same_manifold", "null_same_manifold", "odds", "odds_low", "odds_high",
            "rival_same_manifold", "rival_odds")  # fmt: skip
PAIRS = ("parent_dictionary", "child_dictionary", "n_parents", "n_kept", "n_split", "n_lost",
         "absorption", *_STAYING)  # fmt: skip
"""Columns shown of a pair of dictionaries."""
SEEDS = ("parent_seed", "child_seed", "n_pairs", *_STAYING, "rival_odds_low", "rival_odds_high")
"""Columns shown of two seeds."""


@click.command("splits")
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--parent", metavar="DICT#FEATURE", help="Show the tree of this feature instead.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Parents to list, those with most children first.",
)
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(
    run: str | None, parent: str | None, limit: int, json_: bool, workspace: Path | None
) -> None:
    """Show which features of a narrow dictionary split in wider ones, and whether they stay in
    their manifold: of RUN, or of the newest run of split.
    """
    ws = workspace_at(workspace)
    runs = ask(ws, queries.runs()).records
    if not runs and run is None:
        tell_damage(ws)
        if json_:
            as_json(None)
        note("No run of split yet; `saetui run split dictionaries=NARROW,WIDE` makes one.")
        return
    chosen = _chosen(runs, run)
    found = _tree_of(ws, chosen, parent) if parent else _page(ws, chosen, limit)
    tell_damage(ws)
    tell_removed(ws, chosen["dictionaries"])
    if json_:
        as_json(found)
    elif parent:
        _print_tree(found, "", "")
    else:
        _print(found, [other["run"] for other in runs if other is not chosen])


def _chosen(runs: list[Record], run: str | None) -> Record:
    by_name = {record["run"]: record for record in runs}
    if run is None:
        return runs[0]
    if run not in by_name:
        raise AskedWrongly(
            f"No run of split is called {run!r}{ending(run, by_name, 'see `saetui jobs`')}"
        )
    return by_name[run]


def _page(ws: Workspace, chosen: Record, limit: int) -> Record:
    """The run, its pairs, and the parents with most children."""
    parents = queries.parents(chosen["run"], least=2, limit=limit)
    return {
        **chosen,
        "pairs": ask(ws, queries.pairs_of(chosen["run"])).records,
        "seeds": ask(ws, queries.seeds_of(chosen["run"])).records,
        "parents": ask(ws, parents).records,
    }


def _tree_of(ws: Workspace, chosen: Record, parent: str) -> Record:
    """A feature with its children in the next wider dictionaries, theirs in those after, …"""
    found = parse_feature(parent)
    if found is None or not found[0]:
        raise AskedWrongly(f"{parent!r} names no feature; say --parent DICT#FEATURE.")
    dictionary, number = found
    if dictionary not in chosen["dictionaries"]:
        hint = ending(dictionary, chosen["dictionaries"])
        raise AskedWrongly(f"{dictionary!r} was not followed in {chosen['run']}{hint}")
    known = ask(ws, named({dictionary: [number]})).records
    about = {key: known[0][key] if known else None for key in ("label", "top_tokens")}
    root = {"dictionary": dictionary, "feature": number, **about}
    pairs = ask(ws, queries.pairs_of(chosen["run"])).records
    return {**root, "children": _children(ws, chosen["run"], _next(pairs), root)}


def _next(pairs: list[Record]) -> dict[str, list[str]]:
    """Of each dictionary of a run those of the next width: none lies between them."""
    wider: dict[str, list[str]] = {}
    for pair in pairs:
        wider.setdefault(pair["parent_dictionary"], []).append(pair["child_dictionary"])
    return {
        narrow: [w for w in wide if not any(w in wider.get(between, ()) for between in wide)]
        for narrow, wide in wider.items()
    }


def _children(ws: Workspace, run: str, wider: dict[str, list[str]], of: Record) -> list[Record]:
    wide = wider.get(of["dictionary"])
    if not wide:
        return []
    query = queries.children(run, of["dictionary"], of["feature"], wide)
    return [
        {**child, "children": _children(ws, run, wider, child)} for child in ask(ws, query).records
    ]


def _print(page: Record, others: list[str]) -> None:
    line(page["run"])
    line(page["verdict"])
    line()
    _figures_of(PAIRS, page["pairs"])
    if len(page["seeds"]) > 1:
        line()
        _figures_of(SEEDS, page["seeds"])
    if page["parents"]:
        line()
        head = ("parent", "in", "children", "covered", "absorbed", "same_manifold", "about")
        table(head, [_parent_row(record) for record in page["parents"]])
    if others:
        many = f"{len(others)} more run{'' if len(others) == 1 else 's'}"
        note(f"{many} of split: {', '.join(others[:5])}; name the one to show.")


def _figures_of(columns: tuple[str, ...], records: list[Record]) -> None:
    table(columns, [[record[name] for name in columns] for record in records])


def _parent_row(record: Record) -> tuple[Any, ...]:
    return (
        feature_id(record["parent_dictionary"], record["parent_feature"]),
        record["child_dictionary"],
        *(record["children"], record["family_coverage"], record["absorbed"]),
        *(record["same_manifold"], _about(record)),
    )


def _about(record: Record) -> str:
    return record["label"] or " ".join((record["top_tokens"] or [])[:5])


def _print_tree(node: Record, before: str, below: str) -> None:
    name = feature_id(node["dictionary"], node["feature"])
    line(f"{before}{name}  {_about(node)}".rstrip())
    if "cosine" in node:
        line(f"{below}{'│' if node['children'] else ' '} {_figures(node)}")
    for place, child in enumerate(node["children"], start=1):
        last = place == len(node["children"])
        _print_tree(child, below + ("└ " if last else "├ "), below + ("  " if last else "│ "))
    if not node["children"] and "cosine" not in node:
        line("It has no children.")


def _figures(node: Record) -> str:
    parts = [
        f"cosine {shown(node['cosine'], 2)}",
        f"implies {shown(node['implication'], 2)}",
        f"covers {shown(node['coverage'], 2)}",
    ]
    if node["absorbed"] is not None:
        parts.append(f"absorbed {shown(node['absorbed'], 2)}")
    if node["same_manifold"] is not None:
        where = "in the same manifold" if node["same_manifold"] else "in another manifold"
        parts.append(f"{where} (strangers {shown(node['null_same_manifold'], 2)})")
    return " · ".join(parts)
