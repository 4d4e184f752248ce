"""``saetui demo``: a workspace with something in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from saetui import demo
from saetui.cli.output import as_json, line, note, table

if TYPE_CHECKING:
    from saetui.cli.follow import Followed
    from store import Workspace

COLUMNS = {
    "dictionary": "dictionary",
    "fvu": "FVU",
    "l0": "L0",
    "ce_recovered": "CE recovered",
    "dead_fraction": "dead",
    "tokens_trained": "tokens",
    "tokens_per_second": "tokens/s",
}
"""Column of the result → its heading."""


@click.command("demo")
@click.argument("folder", metavar="[DIR]", default=demo.FOLDER, type=click.Path(path_type=Path))
@click.option("--model", default=demo.MODEL, show_default=True, help="smollm2 or tiny.")
@click.option("--headless", is_flag=True, help="Do not open it: wait, print a summary, exit.")
@click.option("--ssh", is_flag=True, help="For slow links: 256 colours, no animations.")
@click.option("--json", "json_", is_flag=True, help="With --headless, print one JSON document.")
def command(folder: Path, model: str, headless: bool, ssh: bool, json_: bool) -> int:
    """Make a workspace at DIR, train dictionaries in it and open it while they are trained.

    A second time, it goes on from what is there.
    """
    folder = folder.expanduser()
    ws = demo.open_or_make(folder, model)
    asked = demo.ask_for(ws, model)
    if not (headless or json_) and sys.stdin.isatty() and sys.stdout.isatty():
        from saetui.cli.open import workbench

        return workbench(ws.root, ssh=ssh)
    if not (headless or json_):
        note("There is no terminal to open the workbench in; waiting as with --headless.")
    return _headless(ws, folder, asked, json_)


def _headless(ws: Workspace, folder: Path, asked: demo.Asked, json_: bool) -> int:
    from saetui.cli.boundary import complain
    from saetui.cli.follow import follow

    followed = follow(ws, asked.jobs)
    results = _results(ws, asked.dictionaries)
    if json_:
        as_json(_document(ws, followed, results))
    else:
        _print(folder, followed, results)
    failed = [ended.state for ended in followed if ended.state.state != "done"]
    for state in failed:
        why = state.error or state.message or "it says nothing"
        log = ws.job_folder(state.job) / "log.txt"
        complain(f"{state.job} {state.state}: {why} Its log is {log}.")
    return 1 if failed else 0


def _results(ws: Workspace, dictionaries: list[str]) -> list[dict[str, Any]]:
    from saetui.cli.rows import read
    from saetui.cli.sql import duckdb_errors
    from saetui.search import quote

    with duckdb_errors():
        names = ", ".join(quote(name) for name in dictionaries) or "NULL"
        query = demo.RESULTS.format(dictionaries=names)
        return list(read(ws.sql(query)).records())


def _document(
    ws: Workspace, followed: list[Followed], results: list[dict[str, Any]]
) -> dict[str, Any]:
    from saetui.cli.jobs import record

    return {
        "workspace": str(ws.root),
        "wall_seconds": demo.wall_seconds([ended.state for ended in followed]),
        "jobs": [
            {
                **record(ended.state),
                "seconds": ended.state.seconds,
                "peak_memory_bytes": ended.peak_memory,
            }
            for ended in followed
        ],
        "dictionaries": results,
    }


def _print(folder: Path, followed: list[Followed], results: list[dict[str, Any]]) -> None:
    from saetui.cli.jobs import duration

    rows = [
        (
            ended.state.job,
            ended.state.state,
            duration(ended.state.seconds),
            f"{ended.peak_memory / 2**30:.2f} GiB" if ended.peak_memory else None,
        )
        for ended in followed
    ]
    table(("job", "state", "time", "peak memory"), rows)
    line()
    table(list(COLUMNS.values()), [[result[name] for name in COLUMNS] for result in results])
    line()
    line(f"Wall time {duration(demo.wall_seconds([ended.state for ended in followed])) or '—'}")
    line()
    line("Next:")
    for command_ in demo.next_commands(folder, results[0]["dictionary"] if results else None):
        line(f"  {command_}")
