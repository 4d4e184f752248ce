"""What lists say where they have nothing to show, and which key brings some."""

from __future__ import annotations

from textual.dom import DOMNode

from saetui.key_names import key


def nothing_yet(node: DOMNode, things: str, *says: str) -> list[str]:
    """No job has found any `things`; `says` tells what such a job does, in lines that end with what
    runs it.
    """
    run, features = key(node, "app.run_job"), key(node, "app.features")
    *lines, last = says
    ways = f"{last} {run} runs one,", f"{features} shows the features."
    return [f"No {things} yet.", "", *lines, *ways]


def none_found(node: DOMNode, thing: str, filter_: str) -> list[str]:
    """A filter, opened by the binding with the id `filter_`, hides all."""
    change, leave = key(node, filter_), key(node, "prompt.leave")
    return [
        f"No {thing} is found by this filter.",
        "",
        f"{change} changes it; {leave} in it clears it.",
    ]
