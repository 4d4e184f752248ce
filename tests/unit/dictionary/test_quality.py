"""What a dictionary is for: finding the directions that activations are made of.

256 true directions in 64 dimensions, few of them on at a time, some often and some seldom. A true
direction is recovered when a decoder row points along it with cosine above 0.9.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from jobs.dictionary import ARCHITECTURES, Dictionary
from jobs.dictionary.initial import at_random, from_data
from jobs.dictionary.learner import Learner, Recipe

D, TRUE, ON = 64, 256, 4
STEPS, BATCH = 220, 1024


class Superposition:
    """Sums of a few of many directions, more than there are dimensions."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(100)
        self.directions = F.normalize(torch.randn(TRUE, D, generator=generator))
        often = 1 / (torch.arange(TRUE) + 10.0) ** 0.5
        self.chance = often / often.sum() * ON
        self.scale = 1.0
        self.scale = float((D / self.draw(10_000, 0).square().sum(1).mean()).sqrt())

    def draw(self, n: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        on = torch.rand(n, TRUE, generator=generator) < self.chance
        strength = 0.5 + torch.rand(n, TRUE, generator=generator)
        return (on * strength) @ self.directions * self.scale

    def recovered(self, dictionary: Dictionary) -> int:
        cosine = F.normalize(dictionary.W_dec.detach()) @ self.directions.T
        return int((cosine.amax(0) > 0.9).sum())


def trained(world: Superposition, start: object, architecture: str = "topk") -> Dictionary:
    options = {"k": ON} if architecture == "topk" else {}
    dictionary = ARCHITECTURES[architecture](d_in=D, d_sae=TRUE, **options).requires_grad_(False)
    start(dictionary, world.draw(8192, 1), torch.Generator().manual_seed(2))  # type: ignore[operator]
    recipe = Recipe(4e-3, sparsity=0.15, dead_after=STEPS * BATCH // 8, aux_k=32)
    one = Learner(dictionary, recipe, "float32")
    for step in range(STEPS):
        one.step(world.draw(BATCH, 1000 + step), step / STEPS, measure=False)
    return dictionary


@pytest.fixture(scope="module")
def world() -> Superposition:
    return Superposition()


@pytest.fixture(scope="module")
def found(world: Superposition) -> dict[str, int]:
    """Directions recovered, by way of starting."""
    ways = {"data": from_data, "random": at_random}
    return {name: world.recovered(trained(world, way)) for name, way in ways.items()}


def test_training_recovers_true_directions(world: Superposition, found: dict[str, int]) -> None:
    untrained = ARCHITECTURES["topk"](d_in=D, d_sae=TRUE, k=ON).requires_grad_(False)
    at_random(untrained, world.draw(8192, 1), torch.Generator().manual_seed(2))
    assert world.recovered(untrained) == 0  # the null: as many directions at random
    assert found["data"] > 0.6 * TRUE


def test_starting_from_data_finds_more(found: dict[str, int]) -> None:
    assert found["data"] > found["random"]


def test_standard_recovers_too(world: Superposition) -> None:
    dictionary = trained(world, from_data, "standard")
    x = world.draw(4096, 9)
    fvu = (x - dictionary(x)).square().sum() / (x - x.mean(0)).square().sum()
    assert world.recovered(dictionary) > 0.3 * TRUE
    assert fvu < 0.4
