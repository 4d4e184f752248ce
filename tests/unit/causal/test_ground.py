"""Bases spliced into a model: with every gate open it is the model, and gates do what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from jobs.causal import nodes as make
from jobs.causal.basis import Axes, Features, Site
from jobs.causal.ground import Ground
from jobs.causal.prompts import Prompts
from jobs.dictionary.architectures.topk import TopK
from jobs.model import LanguageModel
from jobs.names import Hook, parse_hook
from store import AskedWrongly
from tests.unit.causal import small

FAMILIES = ("llama", "gpt2")
WHERE = ("L0.attn_out", "L1.resid_mid", "L1.mlp_out", "L2.resid_post")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LanguageModel]:
    return small.models(tmp_path_factory.mktemp("tokenizer"), FAMILIES)


def prompts(n: int = 5, aligned: bool = False) -> Prompts:
    generator = torch.Generator().manual_seed(0)
    draw: Callable[..., Tensor] = lambda *shape: torch.randint(1, 400, shape, generator=generator)  # noqa: E731
    length = torch.full((n,), 7) if aligned else torch.tensor([7, 5, 6, 7, 4])[:n]
    return Prompts(draw(n, 7), draw(n, 7), length, draw(n), draw(n))


def dictionary(d: int, seed: int) -> TopK:
    generator = torch.Generator().manual_seed(seed)
    made = TopK(d, 24, k=6)
    made.encoder.data = torch.randn(24, d, generator=generator)
    made.W_dec.data = torch.randn(24, d, generator=generator) / d**0.5
    made.b_dec.data = torch.randn(d, generator=generator) * 0.1
    return made.requires_grad_(False)


def sites(model: LanguageModel, where: tuple[str, ...] = WHERE) -> list[Site]:
    hooks = [parse_hook(text) for text in where]
    return [
        Site(hook, Features(dictionary(model.width(hook), i)), name=f"d{i}")
        for i, hook in enumerate(hooks)
    ]


def ground(model: LanguageModel, *, aligned: bool = False, **more: Any) -> Ground:
    spliced, pairs = sites(model), prompts(aligned=aligned)
    positions = 7 if aligned else 1
    return Ground(model, spliced, make.features(spliced, positions=positions), pairs, **more)


@pytest.mark.parametrize("family", [*FAMILIES, small.TINY])
@pytest.mark.parametrize("ablation", ["zero", "mean", "resample"])
def test_with_every_gate_open_it_is_the_model(
    models: dict[str, LanguageModel], family: str, ablation: str
) -> None:
    here = ground(models[family], ablation=ablation)
    open_ = torch.ones(1, here.nodes.n)
    pairs = here.prompts
    logits = models[family].logits(pairs.clean)[torch.arange(5), pairs.length - 1]
    rows = torch.arange(5)
    wanted = logits[rows, pairs.answer] - logits[rows, pairs.wrong]
    assert torch.allclose(here.logits(open_, rows), logits, atol=1e-4)  # of the whole vocabulary
    assert torch.allclose(here.score(open_, rows), wanted, atol=1e-4)
    assert torch.allclose(here.score(None, rows), wanted, atol=1e-4)
    assert not torch.allclose(here.score(0 * open_, rows), wanted, atol=1e-2)


@pytest.mark.parametrize("family", FAMILIES)
def test_with_every_gate_shut_what_is_resampled_is_the_corrupt_prompt(
    models: dict[str, LanguageModel], family: str
) -> None:
    """At the last layer's residual stream nothing else is left to tell the prompts apart."""
    model, pairs = models[family], prompts()
    last = sites(model, ("L2.resid_post",))
    here = Ground(model, last, make.features(last), pairs)
    corrupt = Ground(model, last, make.features(last), pairs._replace(clean=pairs.corrupt))
    shut = here.score(torch.zeros(1, here.nodes.n), here.all)
    assert torch.allclose(shut, corrupt.score(None, here.all), atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_passes_begin_at_the_first_site(
    models: dict[str, LanguageModel], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies before it is not computed again, and nothing else differs."""
    model, where = models[family], ("L1.mlp_out", "L2.resid_post")
    spliced, rows = sites(model, where), torch.tensor([2, 0, 2])
    gates = torch.rand(3, 48 + 2, generator=torch.Generator().manual_seed(0))
    made = {}
    for begins in (True, False):
        if not begins:
            monkeypatch.setattr(LanguageModel, "can_begin", lambda self, hooks: False)
        here = Ground(model, spliced, make.features(spliced), prompts())
        assert (here._residual is not None) == begins
        made[begins] = here.gradient(gates, rows)
    for ours, whole in zip(made[True], made[False], strict=True):
        assert torch.allclose(ours, whole, atol=1e-5)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_gradient_in_the_gates_is_a_finite_difference(
    models: dict[str, LanguageModel], family: str, aligned: bool
) -> None:
    here = ground(models[family], ablation="zero", aligned=aligned)
    at = torch.full((1, here.nodes.n), 0.9)
    rows = torch.tensor([3, 0])
    _, gradient = here.gradient(at, rows)
    step = 1e-2
    for node in gradient.abs().sum(0).topk(4).indices:
        apart = torch.zeros_like(at)
        apart[0, node] = step
        up, down = here.score(at + apart, rows), here.score(at - apart, rows)
        found = (up - down) / (2 * step)
        # A feature may enter or leave the top k within the step: ask for the most, not for all.
        assert torch.allclose(found, gradient[:, node], rtol=0.1, atol=5e-3)


def test_an_ablated_feature_is_gone_for_all_that_follows(models: dict[str, LanguageModel]) -> None:
    """Gates act on what is there in this run: an edit by hand gives the same number."""
    model, pairs = models["llama"], prompts()
    hook = Hook(1, "resid_post")
    spliced = sites(model, ("L1.resid_post",))
    here = Ground(model, spliced, make.features(spliced), pairs, ablation="zero")
    basis: Any = spliced[0].basis
    feature = int(basis.encode(model.activations(pairs.clean, [hook])[hook]).sum((0, 1)).argmax())
    gates = torch.ones(1, here.nodes.n)
    gates[0, feature] = 0

    def without(x: Tensor) -> Tensor:
        f = basis.encode(x)
        return x - f[..., feature, None] * basis.dictionary.W_dec[feature]

    logits = model.last_logits(pairs.clean, pairs.length - 1, {hook: without})
    wanted = here.metric(logits, here.all)
    assert torch.allclose(here.score(gates, here.all), wanted, atol=1e-5)


def test_heads_neurons_and_groups_are_nodes_too(models: dict[str, LanguageModel]) -> None:
    model, pairs = models["gpt2"], prompts(aligned=True)
    hooks = [hook for layer in range(3) for hook in (Hook(layer, "z"), Hook(layer, "mlp_out"))]
    parts = [Site(hook, Axes(model.width(hook))) for hook in hooks]
    heads = make.components(parts, model.n_heads)
    assert [base.name for base in heads.bases][:6] == [
        "L0.H0", "L0.H1", "L0.H2", "L0.H3", "L0.mlp", "L1.H0",
    ]  # fmt: skip
    here = Ground(model, parts, heads, pairs)
    neurons = here.with_nodes(make.neurons(parts))
    gates = torch.ones(1, heads.n)
    gates[0, 2] = 0  # head 2 of layer 0, neuron by neuron
    fine = torch.ones(1, neurons.nodes.n)
    fine[0, 2 * 8 : 3 * 8] = 0
    assert torch.equal(here.score(gates, here.all), neurons.score(fine, here.all))
    label = torch.arange(heads.n) % 2
    coarse, of = make.grouped(heads, label, ["even", "odd"])
    shut = torch.tensor([[0.0, 1.0]])
    by_group = here.with_nodes(coarse).score(shut, here.all)
    assert torch.equal(by_group, here.score(shut[:, of], here.all))


def test_positions_are_told_apart(models: dict[str, LanguageModel]) -> None:
    here = ground(models["llama"], aligned=True, ablation="zero")
    n = len(here.nodes.bases)
    everywhere = torch.ones(1, 7, n)
    everywhere[0, :, 3] = 0
    whole = here.with_nodes(make.features(here.sites))
    gates = torch.ones(1, n)
    gates[0, 3] = 0
    assert torch.equal(here.score(everywhere.view(1, -1), here.all), whole.score(gates, here.all))
    assert here.nodes.name(2 * n + 3) == "d0#3@2"
    last = torch.ones(1, 7, n)
    last[0, 6, 3] = 0
    assert not torch.equal(here.score(last.view(1, -1), here.all), whole.score(gates, here.all))


def test_errors_may_be_nodes_kept_or_ablated(models: dict[str, LanguageModel]) -> None:
    model, pairs = models["llama"], prompts()
    spliced = sites(model)
    scores = {}
    for errors in ("nodes", "kept", "ablated"):
        here = Ground(model, spliced, make.features(spliced, errors=errors), pairs)
        scores[errors] = here.score(torch.ones(1, here.nodes.n), here.all)
        assert here.nodes.n == 4 * 24 + (4 if errors == "nodes" else 0)
    clean = here.score(None, here.all)
    assert torch.allclose(scores["nodes"], clean, atol=1e-4)
    assert torch.allclose(scores["kept"], clean, atol=1e-4)
    assert not torch.allclose(scores["ablated"], clean, atol=1e-2)


def test_what_cannot_be_spliced_is_refused(models: dict[str, LanguageModel]) -> None:
    model, pairs = models["llama"], prompts()
    twice = sites(model, ("L1.mlp_out", "L1.mlp_out"))
    with pytest.raises(AskedWrongly, match=r"d0 and d1 are both at L1\.mlp_out"):
        Ground(model, twice, make.features(twice), pairs)
    once = sites(model, ("L1.mlp_out",))
    with pytest.raises(AskedWrongly, match="this task has none"):
        Ground(model, once, make.features(once), pairs._replace(corrupt=None))


def test_kl_to_the_model_is_zero_for_the_model(models: dict[str, LanguageModel]) -> None:
    here = ground(models["llama"], metric="kl")
    assert torch.allclose(here.score(None, here.all), torch.zeros(5), atol=1e-5)
    assert bool((here.score(torch.zeros(1, here.nodes.n), here.all) < -1e-3).all())
