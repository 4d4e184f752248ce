"""What lists say where they have nothing to show, and which key brings some."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.dom import DOMNode

from saetui.key_names import key, run_job
from saetui.text import inert

if TYPE_CHECKING:
    from saetui.workbench import Workbench


def on_its_way(node: DOMNode, kind: str) -> list[str]:
    """The job of a kind that is running, else the first in line, and how far it is; nothing where
    there is none.
    """
    live = [job for job in cast("Workbench", node.app).jobs if job.live and job.kind == kind]
    if not live:
        return []
    job = next((one for one in live if one.state == "running"), live[-1])
    far = f", {job.progress:.0%}" if job.state == "running" else ""
    shows = f"{key(node, 'app.jobs')} shows the jobs."
    return [f"{inert(job.job)} is {job.state}{far}:", inert(job.message or "…"), "", shows]


def lacks(node: DOMNode, kind: str, says: str, *ways: str) -> list[str]:
    """What a pane lacks, and the `ways` to it; where a job of `kind` is on it, that job instead."""
    return [says, "", *(on_its_way(node, kind) or ways)]


def nothing_yet(node: DOMNode, things: str, kind: str, *says: str) -> list[str]:
    """No job of `kind` has found any `things`; `says` tells what such a job does, in lines that end
    with what runs it.
    """
    run, features = run_job(node), key(node, "app.features")
    *lines, last = says
    ways = f"{last} {run} runs one,", f"{features} shows the features."
    return lacks(node, kind, f"No {things} yet.", *lines, *ways)


def none_found(node: DOMNode, thing: str, filter_: str) -> list[str]:
    """A filter, opened by the binding with the id `filter_`, hides all."""
    change, leave = key(node, filter_), key(node, "prompt.leave")
    return [
        f"No {thing} is found by this filter.",
        "",
        f"{change} changes it; {leave} in it clears it.",
    ]
