"""``saetui export``: what the workspace holds, as files for other programs."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import click

from saetui.cli.output import line
from saetui.cli.where import workspace_at, workspace_option
from store.errors import AskedWrongly, SaetuiError


@click.group("export", subcommand_metavar="sae ID --to PATH")
def command() -> None:
    """Write a dictionary as files for other programs."""


@command.command("sae")
@click.argument("dictionary", metavar="DICT")
@click.option("--to", "to", required=True, metavar="PATH", help="New folder to write.")
@click.option(
    "--format", "format_", default="saelens", show_default=True, type=click.Choice(["saelens"])
)
@workspace_option
def sae(dictionary: str, to: str, format_: str, workspace: Path | None) -> None:
    """Write the dictionary DICT as a SAELens folder: cfg.json and sae_weights.safetensors."""
    found = workspace_at(workspace).dictionary(dictionary)
    if found.manifest.get("architecture") == "crosscoder":
        raise AskedWrongly(
            f"{dictionary} is a crosscoder, over several hooks, which SAELens cannot hold; its own "
            f"folder is {found.folder}."
        )
    if _architecture(found.cfg).startswith("topk_"):
        raise AskedWrongly(
            f"{dictionary} is a transcoder with a top-k of every token, as sparsify makes them, "
            f"which SAELens cannot hold; its own folder is {found.folder}."
        )
    target = Path(to).expanduser()
    if target.exists():
        raise AskedWrongly(f"{target} exists already; name a new folder.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Under another name first: a folder that is there is whole.
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for path in (found.cfg, found.weights):
                shutil.copyfile(path, draft / path.name)
            draft.chmod(0o755)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise SaetuiError(f"{target} cannot be written: {error.strerror or error}.") from None
    line(f"{dictionary} is in {target} ({format_}).")


def _architecture(cfg: Path) -> str:
    """What ``cfg.json`` names; empty where it cannot be read, which copying it tells better."""
    try:
        return str(json.loads(cfg.read_text(encoding="utf-8")).get("architecture"))
    except (OSError, ValueError, AttributeError):
        return ""
