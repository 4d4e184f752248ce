"""``saetui circuit``: the searches, one circuit with its curve and its tree, or two compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from saetui import queries_circuits as queries
from saetui.circuits import compare as comparison
from saetui.circuits.graph import graph_of
from saetui.circuits.names import names
from saetui.circuits.records import Node, Whole
from saetui.circuits.text import (
    branch,
    effect_bar,
    interval,
    measured_among,
    said_of,
    score,
    short,
    signed,
)
from saetui.circuits.tree import Outline, grow
from saetui.cli.ask import ask, tell_damage
from saetui.cli.circuits import known, whole
from saetui.cli.output import as_json, line, note, table
from saetui.cli.sorting import sort_named
from saetui.cli.where import workspace_at, workspace_option
from saetui.numbers import count, duration, share
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace

LISTED = ("circuit", "task", "method", "nodes", "cmd", "cmd_low", "cmd_high", "cpr",
          "nodes_for_80", "passes", "seconds", "model")  # fmt: skip
"""Columns shown of a search."""
WIDE = 12
"""Cells of an effect's bar."""


@click.command("circuit", context_settings={"ignore_unknown_options": True})
@click.argument("circuit", metavar="[CIRCUIT]", required=False)
@click.argument("other", metavar="[OTHER]", required=False)
@click.option("--size", type=click.IntRange(min=1), help="Nodes taken in; else what reaches .8.")
@click.option("--sort", default="cmd", show_default=True, help="One of the columns.")
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option(
    "--search", default="", help="Words of task, method, nodes or model; cmd<0.2, for80<=30."
)
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(
    circuit: str | None,
    other: str | None,
    size: int | None,
    sort: str,
    reverse: bool,
    search: str,
    json_: bool,
    workspace: Path | None,
) -> None:
    """Show CIRCUIT: scores, curve, the tree from the metric back to the tokens; beside OTHER, what
    they share. Without CIRCUIT, list the searches task by task.
    """
    ws = workspace_at(workspace)
    if circuit is None:
        sort = sort_named(sort, queries.SORTS, "Circuits")
        _list(ws, queries.circuits(sort=sort, reverse=reverse, search=search), search, json_)
    elif other is None:
        _one(ws, circuit, size, json_)
    else:
        _two(ws, circuit, other, size, json_)


def _list(ws: Workspace, query: str, search: str, json_: bool) -> None:
    found = ask(ws, query).records
    tell_damage(ws)
    if json_:
        as_json(found)
        return
    table(LISTED, [[row[name] for name in LISTED] for row in found])
    if not found:
        note(
            f"No circuit matches {search!r}."
            if search
            else "No circuits yet; `saetui run circuit …` searches one."
        )


def _one(ws: Workspace, name: str, size: int | None, json_: bool) -> None:
    found = whole(ws, name)
    size = _size(found, size)
    tell_damage(ws)
    if json_:
        as_json(
            {
                **known(ws, name),
                "size": size,
                "taken": [node._asdict() for node in found.nodes if node.rank < size],
                "edges": [edge._asdict() for edge in found.edges],
                "edges_among": graph_of(found).measured,
                "curve": [point._asdict() for point in found.curve],
                "prompts": ask(ws, queries.prompts(name)).records,
            }
        )
        return
    _scores(found)
    line()
    _curve(found, size)
    line()
    _tree(found, size)


def _size(found: Whole, size: int | None) -> int:
    return found.first_size() if size is None else size


def _scores(found: Whole) -> None:
    about = found.about
    line(f"{about.circuit}  {about.task}, {about.model}")
    line(said_of(about))
    line(
        f"CMD {_with(about.cmd, about.cmd_low, about.cmd_high)} · "
        f"CPR {_with(about.cpr, about.cpr_low, about.cpr_high)} · "
        f"nodes for faithfulness .8: {count(about.nodes_for_80)} of {count(about.n_nodes)}"
    )
    if about.cmd_log is not None:
        line(
            f"with sizes on a logarithmic axis: CMD {score(about.cmd_log)}, "
            f"CPR {score(about.cpr_log)}"
        )
    line(
        f"cost {count(about.forward_passes)} forward, {count(about.backward_passes)} backward "
        f"passes, {duration(about.seconds)} · {about.n_search} prompts searched on, "
        f"{about.n_held_out} scored on"
    )
    line(
        f"the model answers {share(about.accuracy)} of them rightly: {about.metric} "
        f"{short(about.clean_score)}, with every node ablated {short(about.corrupt_score)}"
    )
    if about.node_auc is not None:
        line(f"against the truth: AUC {score(about.node_auc)} nodes, {score(about.edge_auc)} edges")
    if about.transfer:
        line(f"on {about.transfer}: CMD {score(about.transfer_cmd)}")


def _with(value: float, low: float | None, high: float | None) -> str:
    return f"{score(value)} ({interval(low, high, score)})" if low is not None else score(value)


def _curve(found: Whole, size: int) -> None:
    columns = ("", "nodes", "edges", "faithful", "interval", "complete", "interval")
    rows = [
        (
            "→" if point.n_nodes == size else "",
            point.n_nodes,
            point.n_edges,
            short(point.faithfulness),
            interval(point.faithfulness_low, point.faithfulness_high),
            short(point.completeness),
            interval(point.completeness_low, point.completeness_high),
        )
        for point in found.curve
    ]
    table(columns, rows)


def _tree(found: Whole, size: int) -> None:
    tree, called = grow(graph := graph_of(found), size), names(found)
    drawn = list(Outline(tree))
    nodes = {node.node: node for node in found.nodes}
    taken = [node for node in found.nodes if node.rank < size]
    largest = max((abs(node.effect) for node in taken), default=0.0)
    said = found.point(size)
    scores = f", faithfulness {short(said.faithfulness)}" if said else ""
    line(f"{found.about.metric}  {len(taken)} nodes, {tree.n_edges} edges{scores}")
    width = max([20, *(2 * each.depth + 4 + len(called[each.twig.node]) for each in drawn)])
    for each in drawn:
        name = ("↗ " if each.twig.again else "") + called[each.twig.node]
        head = f"{branch(each)}{name}"[:width].ljust(width)
        none = "no edge" if graph.was_measured(each.twig.node) else "·"
        edge = signed(each.twig.edge.effect, 2) if each.twig.edge else none
        line(f"{head}  {edge:>8}{_figures(nodes.get(each.twig.node), largest, each.twig.again)}")
    if any(each.twig.again for each in drawn):
        line()
        line("↗ is shown in full where its strongest edge leads.")
    if unmeasured := measured_among(graph.measured, len(taken)):
        line()
        line(f"· {unmeasured}.")


def _figures(node: Node | None, largest: float, again: bool) -> str:
    """Effect, its bar, stability and label of a node; nothing of one that is shown elsewhere."""
    if node is None or again:
        return ""
    stable = "" if node.stability is None else f"{node.stability:.0%}"
    bar = effect_bar(node.effect, largest, WIDE)
    return f"  {signed(node.effect):>7} {bar} {stable:>5}  {node.label or ''}".rstrip()


def _two(ws: Workspace, name: str, other: str, size: int | None, json_: bool) -> None:
    first, second = whole(ws, name), whole(ws, other)
    if name == other:
        raise AskedWrongly(f"{name} is the same circuit twice; name another.")
    sizes = _size(first, size), _size(second, size)
    nodes = comparison.shared(first, second, *sizes)
    measures = comparison.measures(first, second)
    tell_damage(ws)
    if json_:
        as_json(
            {
                "circuits": [name, other],
                "sizes": list(sizes),
                "measures": {each.name: [each.first, each.second] for each in measures},
                "nodes": [_record(each) for each in nodes],
            }
        )
        return
    line(f"A  {name}, {sizes[0]} nodes")
    line(f"B  {other}, {sizes[1]} nodes")
    line()
    table(
        ("", "A", "B", "better"),
        [(each.name, each.first, each.second, ("", "A", "B")[each.better]) for each in measures],
    )
    line()
    called = names(first) | names(second)
    table(
        ("in", "node", "rank in A", "rank in B", "effect in A", "effect in B", "label"),
        [(each.where, called[each.node], *list(_record(each).values())[2:]) for each in nodes],
    )
    both = sum(each.where == "both" for each in nodes)
    note(f"{both} of {len(nodes)} nodes are in both.")


def _record(each: comparison.Shared) -> dict[str, Any]:
    one, two = each.first, each.second
    return {
        "node": each.node,
        "in": each.where,
        "rank_first": one.rank if one else None,
        "rank_second": two.rank if two else None,
        "effect_first": one.effect if one else None,
        "effect_second": two.effect if two else None,
        "label": each.label or None,
    }
