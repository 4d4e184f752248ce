"""A pass that begins in the middle, from what is known there, is the whole pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from jobs.model import LanguageModel
from jobs.names import Hook

Models = dict[str, tuple[Any, LanguageModel]]
FAMILIES = ("llama", "gpt2", "gpt_neox", "gemma2")
TOKENS = torch.arange(2 * 9).view(2, 9) * 17 % 400


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_gives_the_same_loss_activations_and_logits(
    models: Models, family: str, layer: int
) -> None:
    _, model = models[family]
    here, later = Hook(layer, "mlp_out"), Hook(2, "resid_post")
    assert model.can_begin([here, later])
    seen: list[Tensor] = []

    def add(x: Tensor) -> Tensor:
        return x + torch.linspace(-1, 1, x.shape[-1])

    def note(x: Tensor) -> Tensor:
        seen.append(x)
        return x

    edits = {here: add, later: note}
    start = Hook(layer, "resid_pre")
    residual = model.activations(TOKENS, [start])[start]
    at = torch.tensor([8, 5])
    whole = model.loss(TOKENS, edits), model.last_logits(TOKENS, at, edits)
    with model.beginning_at(layer, residual):
        onward = model.loss(TOKENS, edits), model.last_logits(TOKENS, at, edits)
    for one, other in zip(whole, onward, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    assert torch.allclose(seen[0], seen[2], atol=1e-5)
    assert torch.allclose(model.loss(TOKENS, edits), whole[0])  # afterwards it is itself again


def test_blocks_before_are_not_computed(models: Models) -> None:
    _, model = models["llama"]
    ran = []
    for number, block in enumerate(model._blocks()):
        block.mlp.register_forward_hook(lambda *_, number=number: ran.append(number))
    start = Hook(1, "resid_pre")
    residual = model.activations(TOKENS, [start])[start]
    ran.clear()
    with model.beginning_at(1, residual):
        model.loss(TOKENS)
    assert ran == [1, 2]
    for block in model._blocks():
        block.mlp._forward_hooks.clear()


def test_the_bridge_cannot(models: Models) -> None:
    _, model = models["llama"]
    kept = model._places
    model._places = {}
    try:
        assert not model.can_begin([Hook(1, "mlp_out")])
    finally:
        model._places = kept
