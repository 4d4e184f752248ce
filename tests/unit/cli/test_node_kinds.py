"""What a node of a circuit is can be told by its id alone."""

from __future__ import annotations

import pytest

from saetui.circuits.records import kind_of


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        ("tiny/L2.resid_post/topk-256-k8-s0#17", "feature"),
        ("tiny/L2.resid_post/topk-256-k8-s0#17@3", "feature"),
        ("tiny/L2.resid_post/topk-256-k8-s0#error", "error"),
        ("cluster-1#4", "cluster"),
        ("shuffled cluster-1#4", "shuffled"),
        ("L2.mlp_out#4", "neuron"),
        ("L0.H3", "head"),
        ("L0.mlp", "MLP"),
        ("embed", "embed"),
    ],
)
def test_kind(node: str, kind: str) -> None:
    assert kind_of(node) == kind
