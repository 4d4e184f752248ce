"""What the panes of manifolds say where they have nothing to show, and which key brings some."""

from __future__ import annotations

from textual.dom import DOMNode

from saetui.key_names import run_job
from saetui.views import missing


def no_clusters(node: DOMNode) -> list[str]:
    """No job has found any."""
    says = "A cluster job groups the features of one", "or more dictionaries:"
    return missing.nothing_yet(node, "clusters", "cluster", *says)


def none_found(node: DOMNode) -> list[str]:
    """A filter hides all."""
    return missing.none_found(node, "cluster", "clusters.filter")


def no_splits(node: DOMNode) -> list[str]:
    """No job has followed features from dictionary to dictionary."""
    return missing.lacks(
        node,
        "split",
        "No splits yet.",
        "A split job follows features from a narrow",
        "dictionary into wider ones of the same hook:",
        f"{run_job(node)} runs one from here.",
    )
