"""What makes passes cheap changes no number: few columns, kept codes, two logits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from jobs.causal import nodes as make
from jobs.causal.basis import Features, Site
from jobs.causal.ground import Ground
from jobs.causal.reference import Codes
from jobs.dictionary.code import from_mask, joined
from jobs.dictionary.few import linear_to_few
from jobs.model import LanguageModel
from jobs.names import Hook
from tests.unit.causal.test_ground import dictionary, ground, models, prompts

__all__ = ["models"]


def test_a_slope_is_taken_over_the_outputs_that_have_one() -> None:
    draw = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(*shape, generator=draw) for shape in ((2, 3, 5), (7, 5), (7,)))
    slopes = []
    for linear in (F.linear, linear_to_few):
        leaf = x.clone().requires_grad_()
        before = linear(leaf, weight, bias)
        before.relu().square().sum().backward()
        slopes.append(leaf.grad)
    assert slopes[0] is not None and slopes[1] is not None
    assert torch.allclose(slopes[0], slopes[1], atol=1e-5)


def test_rows_of_a_code_are_taken_in_any_order() -> None:
    f = torch.tensor([[0.0, 2, 0], [1, 0, 3], [0, 0, 0], [4, 0, 0]])
    code = joined([from_mask(part, part != 0) for part in f.split(3)])
    assert torch.equal(code.dense(3), f)
    rows = torch.tensor([3, 1, 2, 1])
    assert torch.equal(code.take(rows).dense(3), f[rows])


def test_kept_codes_are_those_that_encoding_gives(models: dict[str, LanguageModel]) -> None:
    here = ground(models["llama"])
    basis = here.sites[1].basis
    x = torch.randn(5, 7, models["llama"].d_model, generator=torch.Generator().manual_seed(0))
    codes, rows = Codes.of(basis, x), torch.tensor([4, 0, 4])
    assert torch.allclose(codes.at(rows, 6), basis.encode(x[rows, :6]), atol=1e-6)


@pytest.mark.parametrize("ablation", ["zero", "mean", "resample"])
def test_gates_do_what_the_formula_says(models: dict[str, LanguageModel], ablation: str) -> None:
    """y + Σ_i (g_i − 1)(f_i − f_i^ref)·W_i + (g_ε − 1)(ε − ε^ref), written out."""
    model, known = models["gpt2"], dictionary(models["gpt2"].d_model, 3)
    site = Site(Hook(2, "resid_post"), Features(known), name="d")
    here = Ground(model, [site], make.features([site]), prompts(), ablation=ablation)
    gates = torch.rand(5, here.nodes.n, generator=torch.Generator().manual_seed(1))
    own, error = gates[:, None, :-1], gates[:, None, -1:]

    def write(y: Tensor) -> Tensor:
        f = known.encode(y)
        f_ref, y_ref = here.reference.at(0, here.all, y.shape[1])
        f_ref = f_ref.expand_as(f)
        rest, rest_ref = y - known.decode(f), y_ref - known.decode(f_ref)
        return y + (own - 1) * (f - f_ref) @ known.W_dec + (error - 1) * (rest - rest_ref)

    expected = here.edited({site.hook: write}, here.all)
    assert torch.allclose(here.score(gates, here.all), expected, atol=1e-4)


def test_a_few_logits_are_those_of_all(models: dict[str, LanguageModel]) -> None:
    pairs = prompts()
    only = torch.stack([pairs.answer, pairs.wrong], 1)  # type: ignore[list-item]
    for model in models.values():
        every = model.last_logits(pairs.clean, pairs.length - 1)
        some = model.last_logits(pairs.clean, pairs.length - 1, only=only)
        assert torch.allclose(some, every.gather(1, only), atol=1e-4)
