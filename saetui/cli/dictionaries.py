"""``saetui dictionaries``: every dictionary with its quality; some of them side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from saetui import queries
from saetui.cli.ask import ask, tell_damage
from saetui.cli.output import as_json, note, table
from saetui.cli.where import workspace_at, workspace_option
from saetui.comparison import Measured, described, evaluated

if TYPE_CHECKING:
    from store import Workspace

QUALITY = ("dictionary", "d_sae", "tokens_trained", "fvu", "l0", "ce_recovered", "dead_fraction")
"""Columns shown of a dictionary, before how much of it is known."""

KNOWN = ("profiled_tokens", "labelled_share", "created_at")


@click.command("dictionaries")
@click.argument("names", metavar="[DICT]…", nargs=-1)
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(names: tuple[str, ...], json_: bool, workspace: Path | None) -> None:
    """List the dictionaries with their quality and how much of each is known.

    With names, show those side by side, with what evaluate measured of each.
    """
    ws = workspace_at(workspace)
    for name in names:
        ws.dictionary(name)  # says what is nearest
    found = records(ws)
    tell_damage(ws)
    if names:
        by_name = {record["dictionary"]: record for record in found}
        found = [by_name[name] for name in dict.fromkeys(names)]
        figures = ask(ws, queries.evaluated(names)).records
        found = evaluated(found, [Measured(**figure) for figure in figures])
    if json_:
        as_json(found)
    elif names:
        _side_by_side(found)
    else:
        columns = (*QUALITY, *KNOWN)
        table(columns, [[record[name] for name in columns] for record in found])
        if not found:
            note("No dictionaries yet; `saetui run train_sae hooks=…` trains one.")


def records(ws: Workspace) -> list[dict[str, Any]]:
    """Every dictionary as JSON knows it: its row of ``dictionaries``, and what is known of it."""
    known = {record["dictionary"]: record for record in ask(ws, queries.coverage()).records}
    found = ask(ws, queries.dictionaries()).records
    return [described(record, known.get(record["dictionary"])) for record in found]


def _side_by_side(found: list[dict[str, Any]]) -> None:
    keys = [key for key in found[0] if key != "dictionary"]
    heads = ("", *(str(record["dictionary"]) for record in found))
    table(heads, [(key, *(record[key] for record in found)) for key in keys])
