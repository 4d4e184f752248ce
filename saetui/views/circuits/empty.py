"""What the panes of circuits say where they have nothing to show, and which key brings some."""

from __future__ import annotations

from textual.dom import DOMNode

from saetui.views import missing


def no_circuits(node: DOMNode) -> list[str]:
    """No job has searched any."""
    says = "A circuit job finds which features, heads or", "neurons cause a behaviour:"
    return missing.nothing_yet(node, "circuits", "circuit", *says)


def none_found(node: DOMNode) -> list[str]:
    """A filter hides all."""
    return missing.none_found(node, "circuit", "searches.filter")


def no_edges(whole_circuit: bool) -> list[str]:
    """A search that measured no edges, or a node that has none."""
    if whole_circuit:
        return ["This search measured no edges", "between its nodes."]
    return ["No edge of this circuit", "leads to or from it."]
