"""``saetui`` itself: its commands, and ``saetui [DIR]``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from saetui.cli import boundary
from saetui.cli.nearest import ending, nearest
from saetui.cli.where import workspace_option

COMMANDS: dict[str, str] = {
    "open": "Open the workbench on DIR (what `saetui [DIR]` does).",
    "demo": "Make a workspace, train dictionaries in it and open it.",
    "serve": "Open the workbench in a browser on this machine.",
    "init": "Make a workspace.",
    "run": "Submit a job, or a pipeline of jobs.",
    "jobs": "List, follow and steer jobs.",
    "overview": "Show what the workspace holds, what runs, what could be next.",
    "dictionaries": "List dictionaries with their quality, or compare some.",
    "sql": "Ask the workspace in SQL.",
    "features": "List the features of a dictionary.",
    "feature": "Show one feature.",
    "clusters": "List clusters of features, or the features of one.",
    "splits": "Show which features split in wider dictionaries, and where they went.",
    "edges": "Show what ablating a feature changes, and what changes it.",
    "circuit": "List circuit searches, show one, or compare two.",
    "prompt": "Read a text: which features fire on which token.",
    "export": "Write a dictionary or a circuit as files for other programs.",
    "docs": "Print the reference: tables, jobs, models, …",
    "doctor": "Check the machine and the workspace's files.",
    "gc": "Remove files that nothing uses any more.",
}
"""Command → its line in the help. ``saetui/cli/<command>.py`` defines ``command``."""


MANNERS = {"--ssh", "--ascii", "--readonly"}
"""Options of ``open``, which may stand before the folder where no command is named."""


class Commands(click.Group):
    """Loads the module of a command when it is called; takes a folder for ``open FOLDER``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Takes ``--ssh DIR`` and the like for ``open --ssh DIR``."""
        if MANNERS & set(args) and not any(word in COMMANDS for word in args):
            args = ["open", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command called `name`, imported now."""
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"saetui.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command; a pipe whose reader left is told apart from other troubles."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise boundary.ReaderLeft from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The named command, or ``open`` for the name of a folder."""
        name = args[0]
        if name in COMMANDS:
            return super().resolve_command(ctx, args)
        looks_like_path = Path(name).is_dir() or any(sign in name for sign in "/\\.~")
        if not looks_like_path and nearest(name, COMMANDS):
            hint = ending(name, COMMANDS)
            raise click.UsageError(f"There is no command or folder {name!r}{hint}", ctx=ctx)
        return "open", self.get_command(ctx, "open"), args


@click.group(
    cls=Commands,
    invoke_without_command=True,
    subcommand_metavar="[DIR] | COMMAND …",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done, 1 failed, 2 asked wrongly.",
)
@click.version_option(package_name="saetui", message="saetui %(version)s")
@workspace_option
@click.pass_context
def saetui(ctx: click.Context, workspace: Path | None) -> None:
    """Train sparse dictionaries on a language model, browse their features, ask them in SQL.

    Without a command, opens the workbench on DIR, or on the current folder.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(ctx.command.get_command(ctx, "open"))  # type: ignore[attr-defined]


def main(args: list[str] | None = None) -> int:
    """Runs one command line and returns its exit status; nothing escapes as a traceback."""
    return boundary.run(saetui, args)
