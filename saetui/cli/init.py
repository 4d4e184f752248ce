"""``saetui init``: an empty workspace."""

from __future__ import annotations

from pathlib import Path

import click

from saetui.cli.output import as_json, line


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--model", help="Model that jobs here use unless told otherwise.")
@click.option("--corpus", help="Corpus that jobs here use unless told otherwise.")
@click.option("--name", help="Name of the workspace [default: that of the folder].")
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
def command(
    folder: Path, model: str | None, corpus: str | None, name: str | None, json_: bool
) -> None:
    """Make a workspace at DIR, a new or empty folder."""
    from store import Workspace

    asked = {"model": model, "corpus": corpus}
    defaults = {key: value for key, value in asked.items() if value is not None}
    made = Workspace.create(folder, name, defaults)
    if json_:
        as_json({"workspace": str(made.root), "name": made.name, "defaults": made.defaults})
    else:
        line(f"Made the workspace {made.name!r} at {made.root}.")
        line(f"Next: saetui run train_sae hooks=L2.resid_post -w {folder}, or saetui {folder}")
