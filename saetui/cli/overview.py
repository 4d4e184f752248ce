"""``saetui overview``: what a workspace holds, what runs in it, and what could be done next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from saetui import machine, queries
from saetui.cli.ask import ask, tell_damage
from saetui.cli.dictionaries import QUALITY, records
from saetui.cli.output import as_json, fields, line, table
from saetui.cli.where import workspace_at, workspace_option

if TYPE_CHECKING:
    from store import Workspace


@click.command("overview")
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(json_: bool, workspace: Path | None) -> None:
    """Show models, dictionaries, live jobs, disk and devices, and suggest next steps."""
    ws = workspace_at(workspace)
    told = _told(ws)
    tell_damage(ws)
    if json_:
        as_json(told)
        return
    _print(told)


def _told(ws: Workspace) -> dict[str, Any]:
    """All of it, as JSON knows it."""
    from jobs.state import list_jobs
    from saetui.cli.jobs import record
    from saetui.views.overview.steps import Known, State, next_steps, worked_on

    jobs = list_jobs(ws)
    dictionaries = records(ws)
    profiled = [known["dictionary"] for known in dictionaries if known["features"]]
    labelled = sum(known["labels"] or 0 for known in dictionaries)
    worked = ask(ws, queries.worked_on()).records
    done = worked_on((row["kind"], row["dictionary"]) for row in worked)
    known = [Known(*(each[name] for name in Known._fields)) for each in dictionaries]
    steps = next_steps(State(known, profiled, labelled, done), jobs)
    seen = machine.look(ws.root)
    return {
        "workspace": str(ws.root),
        "models": ask(ws, queries.models()).records,
        "dictionaries": dictionaries,
        "live_jobs": [record(job) for job in jobs if job.live],
        "jobs": len(jobs),
        "machine": {**seen._asdict(), "gpus": [gpu._asdict() for gpu in seen.gpus]},
        "next": [{"says": step.says, "command": step.command} for step in steps],
    }


def _print(told: dict[str, Any]) -> None:
    from store.files import human_bytes

    seen = told["machine"]
    live = [f"{job['job']} {job['progress']:.0%}" for job in told["live_jobs"]]
    fields(
        [
            ("workspace", told["workspace"]),
            ("models", ", ".join(model["model"] for model in told["models"]) or "none yet"),
            ("jobs", f"{told['jobs']}, live: {', '.join(live) or 'none'}"),
            ("disk", f"{human_bytes(sum(seen['folders'].values()))} used, "
                     f"{human_bytes(seen['free'])} free of {human_bytes(seen['total'])}"),
            ("cpu", _cpu(seen)),
            *((f"gpu {at}", _gpu(gpu)) for at, gpu in enumerate(seen["gpus"])),
        ]
    )  # fmt: skip
    if told["dictionaries"]:
        line()
        columns = (*QUALITY, "profiled_tokens", "labelled_share")
        table(columns, [[row[name] for name in columns] for row in told["dictionaries"]])
    line()
    table(("next", "command"), [(step["says"], step["command"]) for step in told["next"]])


def _gpu(gpu: dict[str, Any]) -> str:
    from store.files import human_bytes

    memory = f"{human_bytes(gpu['used'])} of {human_bytes(gpu['total'])}"
    return f"{gpu['busy']:.0%}, {memory}, {gpu['name']}"


def _cpu(seen: dict[str, Any]) -> str:
    load = "" if seen["load"] is None else f"load {seen['load']:.1f} on "
    return f"{load}{seen['cpus']} CPUs"
