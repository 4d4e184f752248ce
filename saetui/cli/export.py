"""``saetui export``: what the workspace holds, as files for other programs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from saetui.cli.output import line
from saetui.cli.where import workspace_at, workspace_option
from store.errors import AskedWrongly, SaetuiError

FORMATS = ("json", "dot", "svg", "html")
"""Those of `saetui.circuits.exports`, without what that imports."""


@click.group("export", subcommand_metavar="sae|circuit ID --to PATH")
def command() -> None:
    """Write a dictionary or a circuit as files for other programs."""


@command.command("sae")
@click.argument("dictionary", metavar="DICT")
@click.option("--to", "to", required=True, metavar="PATH", help="New folder to write.")
@click.option(
    "--format",
    "format_",
    default="saelens",
    show_default=True,
    type=click.Choice(["saelens", "dictionary_learning", "sparsify"]),
    help="Library that is to read it.",
)
@workspace_option
def sae(dictionary: str, to: str, format_: str, workspace: Path | None) -> None:
    """Write the dictionary DICT as a folder of another library: SAELens's (cfg.json and
    sae_weights.safetensors), dictionary_learning's (config.json and ae.pt, weights alone) or
    sparsify's (cfg.json and sae.safetensors).
    """
    from jobs.exports import export

    found = workspace_at(workspace).dictionary(dictionary)
    target = Path(to).expanduser()
    if target.exists():
        raise AskedWrongly(f"{target} exists already; name a new folder.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Under another name first: a folder that is there is whole.
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            export(dictionary, found.cfg, found.weights, draft, format_)
            draft.chmod(0o755)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise SaetuiError(f"{target} cannot be written: {error.strerror or error}.") from None
    line(f"{dictionary} is in {target} ({format_}).")


@command.command("circuit")
@click.argument("circuit", metavar="ID")
@click.option("--to", "to", required=True, metavar="PATH", help="New file to write.")
@click.option(
    "--format", "format_", type=click.Choice(FORMATS), help="Else what the file's name ends in."
)
@click.option("--size", type=click.IntRange(min=1), help="Nodes drawn; else what reaches .8.")
@workspace_option
def circuit(
    circuit: str, to: str, format_: str | None, size: int | None, workspace: Path | None
) -> None:
    """Write the circuit ID: json has all of it, dot is for Graphviz, svg a picture, html one page
    that needs no other file.
    """
    from saetui import queries_circuits as queries
    from saetui.circuits.exports import Exported, write
    from saetui.cli.ask import ask, tell_damage
    from saetui.cli.circuits import examples, others, whole
    from store.files import replace

    target = Path(to).expanduser()
    format_ = format_ or target.suffix.removeprefix(".").lower()
    if format_ not in FORMATS:
        raise AskedWrongly(f"Which format is {target.name}? Say --format {'|'.join(FORMATS)}.")
    if target.exists():
        raise AskedWrongly(f"{target} exists already; name a new file.")
    ws = workspace_at(workspace)
    found = whole(ws, circuit)
    exported = Exported(
        found,
        found.first_size() if size is None else size,
        others(ws, found),
        ask(ws, queries.prompts(circuit)).records,
        examples(ws, found.nodes) if format_ == "html" else {},
    )
    tell_damage(ws)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace(target, write(exported, format_))
    except OSError as error:
        raise SaetuiError(f"{target} cannot be written: {error.strerror or error}.") from None
    line(f"{circuit} is in {target} ({format_}).")
