"""``saetui run``: a job from ``key=value``, or jobs from a TOML file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from saetui.cli.output import as_json, line, note, table
from saetui.cli.where import workspace_at, workspace_option
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.pipeline import Planned
    from jobs.queue import Job
    from store import Workspace


@click.command("run")
@click.argument("what", metavar="KIND|FILE", required=False)
@click.argument("words", metavar="[KEY=VALUE …]", nargs=-1)
@click.option("--wait", is_flag=True, help="Wait for the jobs; exit with 1 if one fails.")
@click.option("--dry-run", is_flag=True, help="Check everything, show it, submit nothing.")
@click.option("--backend", default="local", show_default=True, help="Where the jobs run.")
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(
    what: str | None,
    words: tuple[str, ...],
    wait: bool,
    dry_run: bool,
    backend: str,
    json_: bool,
    workspace: Path | None,
) -> int:
    """Submit a job of KIND, or the jobs of the TOML file FILE.

    Lists go by commas (hooks=L2.resid_post,L2.mlp_out), and a list where one value is wanted makes
    a job for each. The jobs run on when this command has ended. `saetui docs jobs` lists the keys.
    """
    from jobs.backends import backend as find_backend
    from jobs.pipeline import submit_pipeline

    if what is None:
        _kinds(json_)
        return 0
    ws = workspace_at(workspace)
    find_backend(backend)
    stages = _stages(what, list(words))
    if dry_run:
        _dry_run(ws, stages, json_)
        return 0
    jobs = submit_pipeline(ws, stages, backend=backend)
    if wait:
        return _waited(ws, jobs, json_)
    if json_:
        as_json({"workspace": str(ws.root), "jobs": [job.id for job in jobs]})
        return 0
    for job in jobs:
        line(job.id)
    note(f"Follow with `saetui jobs show --follow {jobs[-1].id}`, or in the workbench.")
    return 0


def _stages(what: str, words: list[str]) -> dict[str, Any]:
    """What was asked, as the stages of a pipeline."""
    from jobs.describe import kinds, spec_class
    from jobs.parse import parse_words
    from jobs.pipeline import read_file

    if what not in kinds() and (what.endswith(".toml") or Path(what).is_file()):
        if words:
            raise AskedWrongly(f"{words[0]!r} cannot be added to {what}; put it in the file.")
        return read_file(what)
    spec_class(what)
    return {"": {"kind": what, **parse_words(words)}}


def _kinds(json_: bool) -> None:
    from jobs.describe import describe, kinds

    if json_:
        as_json([describe(kind) for kind in kinds()])
        return
    table(("kind", "says"), [(kind, spec.says) for kind, spec in kinds().items()])
    note("`saetui docs jobs` lists their keys.")


def _dry_run(ws: Workspace, stages: dict[str, Any], json_: bool) -> None:
    from jobs.parse import dump, shell_command
    from jobs.pipeline import check_all, plan

    planned = plan(stages, ws.defaults)
    check_all(ws, planned)
    if json_:
        as_json([_told(job, dump(job.spec)) for job in planned])
        return
    for job in planned:
        line(shell_command(job.spec))
        for key, value in dump(job.spec).items():
            if key != "kind" and value is not None:
                line(f"  {key} = {json.dumps(value, ensure_ascii=False)}")
        for dictionary in job.spec.outputs():
            line(f"  makes {dictionary}")
    note(f"{len(planned)} {'job' if len(planned) == 1 else 'jobs'}; nothing was submitted.")


def _told(job: Planned, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "stage": job.stage or None,
        "after": list(job.after),
        "spec": spec,
        "makes": job.spec.outputs(),
    }


def _waited(ws: Workspace, jobs: list[Job], json_: bool) -> int:
    from saetui.cli.follow import follow
    from saetui.cli.jobs import record

    ended = [followed.state for followed in follow(ws, [job.id for job in jobs])]
    if json_:
        as_json([record(state) for state in ended])
    else:
        for state in ended:
            line(f"{state.job} {state.state} {state.error or state.message or ''}".rstrip())
    return 0 if all(state.state == "done" for state in ended) else 1
