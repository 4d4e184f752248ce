"""Within the rule a model computes what it did, to the last bit, and its gradient is another."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from jobs.causal.relevance import is_activation, is_gated, is_norm, relevance
from jobs.model import LanguageModel
from jobs.names import Hook, parse_hook
from tests.unit.causal.test_ground import FAMILIES, models  # noqa: F401
from tests.unit.model.conftest import hf_model


class RMSNorm(nn.Module):
    def __init__(self, weight: list[float], eps: float) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.tensor(weight)), eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt()


class Gated(nn.Module):
    """down(silu(gate(x)) · up(x)), each a number times x."""

    def __init__(self, gate: float, up: float, down: float) -> None:
        super().__init__()
        for name, value in (("gate_proj", gate), ("up_proj", up), ("down_proj", down)):
            layer = nn.Linear(1, 1, bias=False)
            layer.weight.data.fill_(value)
            setattr(self, name, layer)
        self.act_fn = nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


class Holder:
    """As much of a model as the rule needs."""

    def __init__(self, *modules: nn.Module) -> None:
        self.modules = modules

    def roots(self) -> list[nn.Module]:
        return list(self.modules)


def both(module: nn.Module, x: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Value and gradient of the sum of its output, within the rule; the value is as without."""
    at: Any = torch.tensor(x, requires_grad=True)
    holder: Any = Holder(module)
    with relevance(holder):
        made = module(at)
    assert torch.equal(made, module(at))
    return made, torch.autograd.grad(made.sum(), at)[0]


def test_the_length_of_a_norm_is_held() -> None:
    """Weights 2 and 1 over the length of (3, 4), √12.5."""
    _, gradient = both(RMSNorm([2.0, 1.0], 0.0), [3.0, 4.0])
    assert torch.allclose(gradient, torch.tensor([2.0, 1.0]) / 12.5**0.5)


def test_layer_norm_takes_the_mean_away() -> None:
    """(1, 3) less its mean is (−1, 1), of length 1: d Σ w·y / dx with w = (1, 2) is ∓½."""
    norm = nn.LayerNorm(2, eps=0.0)
    norm.weight.data = torch.tensor([1.0, 2.0])
    _, gradient = both(norm, [1.0, 3.0])
    assert torch.allclose(gradient, torch.tensor([-0.5, 0.5]), atol=1e-6)


@pytest.mark.parametrize("x", [2.0, -1.5, 1e-3])
def test_an_activation_is_its_share_of_the_input(x: float) -> None:
    """silu(x) / x = σ(x): no slope of σ."""
    _, gradient = both(nn.SiLU(), [x])
    assert torch.allclose(gradient, torch.sigmoid(torch.tensor([x])), atol=1e-3)
    assert both(nn.SiLU(), [0.0])[1].isfinite()


def test_half_of_a_product_goes_to_each_factor() -> None:
    """down · ½ (σ(g)·gate · u + silu(g) · up) at g = 2x, u = 3x, x = 0.5: relevance is kept."""
    value, gradient = both(Gated(2.0, 3.0, 4.0), [0.5])
    sigmoid = float(torch.sigmoid(torch.tensor(1.0)))
    by_hand = 4 * 0.5 * (sigmoid * 2 * 1.5 + sigmoid * 1.0 * 3)
    assert float(gradient) == pytest.approx(by_hand, rel=1e-5)
    assert float(gradient) * 0.5 == pytest.approx(value.item(), rel=1e-5)  # x · gradient = output


@pytest.mark.parametrize("family", FAMILIES)
def test_real_models_are_unchanged(
    models: dict[str, LanguageModel],  # noqa: F811
    family: str,
) -> None:
    model = models[family]
    found = list(model.roots()[0].modules())
    gated = 3 if family == "llama" else 0
    counts = [sum(map(test, found)) for test in (is_norm, is_activation, is_gated)]
    assert counts == [7, 3, gated]
    tokens, at = torch.tensor([[3, 7, 9, 20]]), torch.tensor([3])
    added = torch.zeros(1, 4, 32, requires_grad=True)
    edits = {Hook(0, "resid_pre"): lambda x: x + added}

    def run() -> tuple[torch.Tensor, torch.Tensor]:
        logits = model.last_logits(tokens, at, edits)
        return logits, torch.autograd.grad(logits[0, 5], added)[0]

    plain, slope = run()
    with relevance(model):
        ruled, share = run()
    after, again = run()
    assert torch.equal(plain, ruled) and torch.equal(plain, after) and torch.equal(slope, again)
    assert (slope - share).norm() > 0.1 * slope.norm()


@pytest.mark.parametrize("where", ["L0.resid_pre", "L0.attn_out", "L1.mlp_out"])
@pytest.mark.parametrize("family", [*FAMILIES, "gemma2"])
def test_the_bridge_gives_the_gradient_that_the_models_own_modules_give(
    models: dict[str, LanguageModel],  # noqa: F811
    family: str,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It computes GPT-2's norms itself, and Gemma's outputs lie within what it does of a norm."""
    tokenizer = models["llama"].tokenizer
    model = models.get(family) or LanguageModel(family, "test", hf_model(family), tokenizer)
    tokens, at = torch.tensor([[3, 7, 9, 20]]), torch.tensor([3])

    def share() -> torch.Tensor:
        added = torch.zeros(1, 4, 32, requires_grad=True)
        with relevance(model):
            logits = model.last_logits(tokens, at, {parse_hook(where): lambda x: x + added})
            return torch.autograd.grad(logits[0, 5], added)[0]

    own = share()
    monkeypatch.setattr(model, "_places", {})  # no hook is reached but through the bridge
    torch.testing.assert_close(share(), own, rtol=1e-4, atol=1e-4)
