"""Which workspace a command works on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace

F = TypeVar("F", bound=Callable[..., Any])


def workspace_option(command: F) -> F:
    """Adds ``-w/--workspace DIR``; it may stand before or after the command's name."""
    return click.option(
        "-w",
        "--workspace",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Workspace [default: $SAETUI_WORKSPACE, else the current folder].",
    )(command)


def asked_for(workspace: Path | None) -> Path | None:
    """The folder given by ``-w``, wherever on the line it stood."""
    context = click.get_current_context()
    outer: Path | None = context.find_root().params.get("workspace")
    return workspace or outer


def workspace_at(workspace: Path | None) -> Workspace:
    """Opens the workspace given by ``-w``, by the environment or by the current folder.

    Raises AskedWrongly where there is none.
    """
    from store import Workspace

    if path := asked_for(workspace):
        return Workspace(path)
    if found := Workspace.find(None):
        return found
    raise AskedWrongly(
        "The current folder is not a workspace; name one with -w DIR or $SAETUI_WORKSPACE, "
        "or make one with `saetui init DIR`."
    )
