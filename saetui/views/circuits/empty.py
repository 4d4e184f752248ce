"""What the panes of circuits say where they have nothing to show, and which key brings some."""

from __future__ import annotations

from textual.dom import DOMNode

from saetui.key_names import key


def no_circuits(node: DOMNode) -> list[str]:
    """No job has searched any."""
    run, features = key(node, "app.run_job"), key(node, "app.features")
    return [
        "No circuits yet.",
        "",
        "A circuit job finds which features, heads or",
        f"neurons cause a behaviour: {run} runs one,",
        f"{features} shows the features.",
    ]


def none_found(node: DOMNode) -> list[str]:
    """A filter hides all."""
    change, leave = key(node, "searches.filter"), key(node, "prompt.leave")
    return [
        "No circuit is found by this filter.",
        "",
        f"{change} changes it; {leave} in it clears it.",
    ]


def no_edges(whole_circuit: bool) -> list[str]:
    """A search that measured no edges, or a node that has none."""
    if whole_circuit:
        return ["This search measured no edges between its nodes."]
    return ["No edge of this circuit leads to or from it."]
