"""How often a node would be chosen again."""

from __future__ import annotations

import torch

from jobs.causal.stability import stability

SAMPLES = 100


def held(effect: torch.Tensor, order: list[int], sizes: list[int]) -> list[float]:
    """Share of samples, for nodes in `order`."""
    content = torch.arange(len(effect))
    return stability(effect, content, torch.tensor(order), sizes, SAMPLES, 0).share.tolist()


def test_a_node_is_held_to_be_among_as_many_as_the_least_size_that_holds_it() -> None:
    # On half of the prompts node 0 has the largest effect, on the others node 1; 2 is far behind.
    effect = torch.tensor([[3.0, 2.0, 0.1], [2.0, 3.01, 0.1]]).repeat(4, 1)
    alone = held(effect, [1, 0, 2], [1, 2])
    assert 0 < alone[0] < 1 and alone[1:] == [1, 1]
    assert held(effect, [1, 0, 2], [2]) == [1, 1, 1]


def test_what_a_search_begins_with_need_not_have_the_largest_effect() -> None:
    effect = torch.tensor([[1.0, 3.0, 0.1]]).repeat(8, 1)
    assert held(effect, [0, 1, 2], [1, 2]) == [1, 1, 1]
    # Nor is it held stable for an effect that others exceed: node 2 is never among the first two.
    assert held(effect, [2, 1], [1, 2]) == [0, 1]
