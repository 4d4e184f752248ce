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


def no_edges(measured: int, wanted: int) -> list[str]:
    """Edges were measured among the first `measured` nodes, and were looked for among `wanted`."""
    if not measured:
        return [
            "This search measured no edges.",
            f"edges={wanted} in its job measures those",
            "of what is shown.",
        ]
    if wanted > measured:
        return [
            "Its edges were not measured, only those",
            f"among the first {measured:,} nodes:",
            f"edges={wanted} in the job measures its own.",
        ]
    return [
        "No edge leads to or from it",
        f"among the first {measured:,} nodes,",
        "where they were measured.",
    ]
