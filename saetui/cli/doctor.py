"""``saetui doctor``: the machine, and every file of the workspace."""

from __future__ import annotations

import os
from pathlib import Path

import click

from saetui.cli import machine
from saetui.cli.output import as_json, fields, line
from saetui.cli.where import asked_for, workspace_option

_SIGNS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


@click.command("doctor")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(folder: Path | None, json_: bool, workspace: Path | None) -> int:
    """Check devices, versions, disk and terminal, and the workspace's manifests and checksums.

    Exits with 1 if something is broken.
    """
    from store import Workspace

    named = folder or asked_for(workspace)
    ws = Workspace(named) if named else Workspace.find(None)
    told = machine.describe(ws.root if ws else Path.cwd())
    findings = machine.examine()
    if ws:
        from store import doctor

        findings += [finding._asdict() for finding in doctor.examine(ws)]
    if json_:
        root = str(ws.root) if ws else None
        as_json({"machine": told, "workspace": root, "findings": findings})
    else:
        fields(told.items())
        line()
        for finding in findings:
            _print(finding)
        if ws is None:
            line(f"{os.getcwd()} is not a workspace; only the machine was looked at.")
    return 1 if any(finding["level"] == "error" for finding in findings) else 0


def _print(finding: dict[str, str]) -> None:
    line(f"{_SIGNS[finding['level']]}  {finding['what']}")
    if finding["where"] and finding["level"] != "ok":
        line(f"         {finding['where']}")
    if finding["what_to_do"]:
        line(f"         → {finding['what_to_do']}")
