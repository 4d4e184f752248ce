"""``saetui gc``: superseded tables and half-made folders, taken away."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from saetui.cli.output import as_json, line, table
from saetui.cli.where import workspace_at, workspace_option

if TYPE_CHECKING:
    from store import Workspace


@click.command("gc")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--cache", is_flag=True, help="Also activations kept on disk, however new.")
@click.option("--list", "list_", is_flag=True, help="Only list activations kept on disk, by id.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(
    folder: Path | None,
    cache: bool,
    list_: bool,
    dry_run: bool,
    json_: bool,
    workspace: Path | None,
) -> None:
    """Remove what nothing uses any more from the workspace at DIR.

    That is: tables that a newer run replaced, folders that a job which is gone left half-made, and
    activations kept on disk (train_sae cache=…) that no job used for a week.
    """
    from store import gc
    from store.cache import STALE

    ws = workspace_at(folder or workspace)
    if list_:
        _list(ws, json_)
        return
    removed = gc.collect(ws, dry_run=dry_run, unused=0.0 if cache else STALE)
    if json_:
        as_json({"dry_run": dry_run, "removed": [str(path) for path in removed]})
        return
    for path in removed:
        line(str(path))
    what = "Nothing to remove" if not removed else ("Would remove" if dry_run else "Removed")
    count = f" {len(removed)} {'place' if len(removed) == 1 else 'places'}" if removed else ""
    line(f"{what}{count}.")


def _list(ws: Workspace, json_: bool) -> None:
    """Activations kept on disk: ids, as ``train_sae cached=…`` takes them, sizes and ages."""
    from store.cache import kept
    from store.files import human_bytes

    found = kept(ws.root)
    if json_:
        as_json([one._asdict() for one in found])
    elif found:
        ages = [str(timedelta(seconds=int(one.unused))) for one in found]
        rows = [(one.id, human_bytes(one.size), age) for one, age in zip(found, ages, strict=True)]
        table(("id", "size", "unused for"), rows)
    else:
        line("No activations are kept; `saetui run train_sae cache=4GB …` keeps some.")
