"""What the feature list says where it has no feature to show, and which key brings some."""

from __future__ import annotations

from textual.dom import DOMNode

from saetui.key_names import key, run_job
from saetui.views import missing


def none_found(node: DOMNode) -> list[str]:
    """A filter hides all."""
    return missing.none_found(node, "feature", "features.filter")


def not_profiled(node: DOMNode) -> list[str]:
    """A dictionary has no features yet."""
    way = f"{run_job(node)} runs a job: profile dictionaries=…"
    return missing.lacks(node, "profile", "This dictionary is not profiled yet.", way)


def nothing_profiled(node: DOMNode) -> list[str]:
    """No dictionary has."""
    run, overview = run_job(node), key(node, "app.overview")
    return missing.lacks(
        node,
        "profile",
        "No features yet.",
        "A profile job makes them from a dictionary:",
        f"{run} runs one, {overview} shows the dictionaries.",
    )


def no_activations(node: DOMNode, density: float) -> list[str]:
    """A feature has none to show: it never fired, or the texts in which it did are gone."""
    if density:
        return [
            "The documents that it fired in are not here.",
            "",
            "saetui doctor tells what is damaged;",
            f"{run_job(node)} profiles its dictionary anew.",
        ]
    return [
        "It fired on none of the profiled tokens.",
        "",
        f"{run_job(node)} profiles its dictionary on more of them.",
    ]
