"""What a dictionary is for: finding the directions that activations are made of.

256 true directions in 64 dimensions, few of them on at a time, some often and some seldom. A true
direction is recovered when a decoder row points along it with cosine above 0.9.
"""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from jobs.dictionary import ARCHITECTURES, Dictionary
from jobs.dictionary.initial import at_random, from_data
from jobs.dictionary.learner import Learner, Recipe
from jobs.dictionary.profile.null import random_directions, random_error
from tests.unit.dictionary.made import options

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

    @cache  # noqa: B019 - all train on the same draws, which take a third of the time
    def draw(self, n: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        on = torch.rand(n, TRUE, generator=generator) < self.chance
        strength = 0.5 + torch.rand(n, TRUE, generator=generator)
        return (on * strength) @ self.directions * self.scale

    def recovered(self, dictionary: Dictionary) -> int:
        cosine = F.normalize(dictionary.W_dec.detach()) @ self.directions.T
        return int((cosine.amax(0) > 0.9).sum())


def trained(
    world: Superposition, start: object, architecture: str = "topk", sparsity: float = 0.15
) -> Dictionary:
    settings = options(architecture, TRUE, ON)
    dictionary = ARCHITECTURES[architecture](d_in=D, d_sae=TRUE, **settings).requires_grad_(False)
    start(dictionary, world.draw(8192, 1), torch.Generator().manual_seed(2))  # type: ignore[operator]
    recipe = Recipe(4e-3, sparsity=sparsity, dead_after=STEPS * BATCH // 8, aux_k=32)
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


@pytest.mark.parametrize(
    ("architecture", "sparsity", "recovers", "l0"),
    [
        ("standard", 0.15, 0.7, (8, 18)),
        ("gated", 0.8, 0.65, (3, 7)),
        ("batchtopk", 0, 0.65, (3.5, 4.6)),
        ("matryoshka", 0, 0.6, (3.5, 4.8)),
        ("jumprelu", 0.04, 0.7, (3, 5)),
    ],
)
def test_every_architecture_recovers_and_beats_its_null(
    world: Superposition,
    architecture: str,
    sparsity: float,
    recovers: float,
    l0: tuple[float, float],
) -> None:
    """The null: as many directions at random in the same subspace, as active, best scaled. L0 is
    that of inference, with the thresholds that training left behind.
    """
    dictionary = trained(world, from_data, architecture, sparsity)
    x = world.draw(4096, 9)
    y, active = x - x.mean(0), float((dictionary.encode(x) > 0).sum()) / len(x)
    fvu = (x - dictionary(x)).square().sum() / y.square().sum()
    directions = random_directions(dictionary.W_dec, seed=0)
    null = random_error(y, directions, round(active)).sum() / y.square().sum()
    found = world.recovered(dictionary)
    print(f"{architecture}: {found} of {TRUE}, FVU {fvu:.3f}, null {null:.3f}, L0 {active:.2f}")
    assert found > recovers * TRUE
    assert fvu < 0.6 * null
    assert l0[0] < active < l0[1]


@pytest.mark.parametrize("penalty", ["l0", "tanh"])
def test_the_penalty_moves_jumprelus_thresholds(world: Superposition, penalty: str) -> None:
    """From the same start, more weight ends at fewer active features in a hundred steps."""

    def active(sparsity: float) -> float:
        dictionary = ARCHITECTURES["jumprelu"](D, TRUE, penalty=penalty).requires_grad_(False)
        from_data(dictionary, world.draw(8192, 1), torch.Generator().manual_seed(2))
        assert len(dictionary.sparse(world.draw(1000, 3)).indices) / 1000 == pytest.approx(
            16, abs=1
        )
        one = Learner(dictionary, Recipe(4e-3, sparsity=sparsity), "float32")
        for step in range(100):
            one.step(world.draw(256, 1000 + step), step / 100, measure=False)
        return len(dictionary.sparse(world.draw(1000, 4)).indices) / 1000

    weak, strong = active(0.003), active(0.1)
    assert strong < 0.6 * weak and strong < 8
