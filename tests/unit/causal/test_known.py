"""Searches are held against the truth by the area under their ROC curve."""

from __future__ import annotations

import torch

from jobs.causal.edges import LOGITS, Edges
from jobs.causal.known import edge_auc, node_auc, roc_auc
from tests.unit.causal import toy
from tests.unit.causal.toy import SUM, A, B


def test_ties_count_half() -> None:
    true = torch.tensor([True, False, True, False])
    assert roc_auc(torch.tensor([3.0, 1, 2, 0]), true) == 1
    assert roc_auc(torch.tensor([0.0, 2, 1, 3]), true) == 0
    assert roc_auc(torch.ones(4), true) == 0.5
    assert roc_auc(torch.tensor([2.0, 1, 1, 0]), true) == 3.5 / 4
    assert roc_auc(torch.ones(2), torch.tensor([True, True])) is None


def test_nodes_by_their_order() -> None:
    order = torch.tensor([2, 0, 1])
    assert node_auc(order, torch.tensor([0.0, 0, 1])) == 1
    assert node_auc(order, torch.tensor([1.0, 0, 0])) == 0.5
    assert node_auc(order, torch.tensor([1.0, 0, 0]), torch.tensor([True, True, False])) == 1


def test_edges_that_were_not_found_count_as_nothing() -> None:
    """12 pairs from the first site to the second, 7 from every node to the logits."""
    nodes = toy.ground().nodes
    names = [nodes.name(node) for node in range(nodes.n)]
    true = [(names[A], names[SUM]), (names[B], names[SUM]), (names[SUM], "logits")]
    found = Edges(torch.tensor([A, SUM]), torch.tensor([SUM, LOGITS]), torch.ones(6, 2))
    assert edge_auc(found, nodes, true) == (2 + 0.5) / 3
    # By their nodes alone, a → logits and b → logits are in before: 14 of 16 others come after.
    first = torch.tensor([A, B, SUM, 2, 3, 5, 6])
    assert edge_auc(found, nodes, true, first) == 14 / 16
