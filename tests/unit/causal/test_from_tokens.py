"""What the tokens do directly: to nodes at the first site all that these do, to later ones what
goes past the sites between.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from jobs.causal import nodes as make
from jobs.causal.around import Around
from jobs.causal.basis import Axes, Site
from jobs.causal.edges import LOGITS, Edges, Way
from jobs.causal.exact import alone
from jobs.causal.from_tokens import TOKENS, from_tokens
from jobs.causal.ground import Ground
from jobs.causal.methods.base import silent
from jobs.kinds.sites import component_sites
from jobs.model import LanguageModel
from tests.unit.causal import toy
from tests.unit.causal.test_ground import models, prompts, sites  # noqa: F401
from tests.unit.causal.toy import DECOY, OTHER, SECOND, SUM, A, B, C, D

EVERY = torch.tensor([A, B, C, D, SUM, OTHER, DECOY])
PAST = ("L0.attn_out", "L1.mlp_out", "L2.attn_out")
"""Sites that write a part of the residual stream: the tokens get past them."""


def as_dict(found: Edges) -> dict[int, float]:
    assert (found.source == TOKENS).all()
    return dict(zip(found.target.tolist(), found.fall.mean(0).tolist(), strict=True))


@pytest.mark.parametrize(
    ("way", "ablation", "wanted"),
    [
        ("slope", "zero", {A: 2, B: 2}),
        ("exact", "zero", {A: 2, B: 2}),
        ("slope", "resample", {A: 2, B: 2}),
        ("exact", "resample", {A: 2, B: 2, C: 1}),  # c is 0, where relu is flat; it becomes 1
        ("exact", "mean", {A: 1, B: 1, C: 0.5}),
    ],
)
def test_by_hand(way: Way, ablation: str, wanted: dict[int, float]) -> None:
    """The first site holds all that the second reads, so the tokens lead to the first alone."""
    assert as_dict(from_tokens(toy.ground(ablation), EVERY, 16, silent, way=way)) == wanted


def test_what_enters_a_node_along_the_path_leaves_it() -> None:
    """a passes on 2 times what is there of the sum, a share of each prompt's own."""
    ground = toy.ground()
    share = Around.along(ground).share
    assert share is not None
    found = from_tokens(ground, EVERY, 16, silent, way="along")
    assert sorted(found.target.tolist()) == [A, B]
    for fall in found.fall.T:
        torch.testing.assert_close(fall.float(), 2 * share)


def test_what_stands_first_is_reached_wherever_it_stands() -> None:
    model: Any = toy.Toy()
    second = [Site(SECOND, Axes(3))]
    ground = Ground(model, second, make.neurons(second), toy.prompts(), ablation="resample")
    assert as_dict(from_tokens(ground, torch.arange(3), 16, silent, way="exact")) == {0: 4, 1: 1}


def test_no_nodes_have_no_edges() -> None:
    assert not len(from_tokens(toy.ground(), EVERY[:0], 16, silent).target)


@pytest.mark.parametrize("ablation", ["zero", "mean", "resample"])
@pytest.mark.parametrize("way", ["slope", "exact", "along"])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_at_the_first_site_an_edge_is_the_nodes_own_effect(
    models: dict[str, LanguageModel],  # noqa: F811
    family: str,
    way: Way,
    ablation: str,
) -> None:
    """Its gradient in the gate, where all other gates are as on the way; or its ablation alone."""
    spliced = sites(models[family], PAST)
    ground = Ground(models[family], spliced, make.features(spliced), prompts(), ablation=ablation)
    first = (ground.nodes.orders() == 0).nonzero()[:, 0]
    if way == "exact":
        own = alone(ground, first, 16, silent)
    else:
        share = Around.along(ground).share if way == "along" else None
        gates = torch.ones(5, ground.nodes.n) if share is None else share[:, None]
        own = ground.gradient(gates.expand(5, ground.nodes.n), ground.all)[1][:, first].double()
    found = from_tokens(ground, first, 16, silent, way=way)
    edges = torch.zeros(5, ground.nodes.n, dtype=torch.float64)
    past = found.target == LOGITS
    edges[:, found.target[~past]] = found.fall[:, ~past]
    assert bool(own.abs().max() > 0.01)
    torch.testing.assert_close(edges[:, first], own, atol=2e-4, rtol=2e-3)
    assert bool(past.any()) == (ablation == "resample")


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_past_the_sites_as_by_hand(
    models: dict[str, LanguageModel],  # noqa: F811
    family: str,
) -> None:
    """The corrupt prompt with all earlier sites held at what they are on the clean one."""
    model = models[family]
    spliced, pairs = sites(model, PAST), prompts()
    ground = Ground(model, spliced, make.features(spliced), pairs)
    later = (ground.nodes.orders() == 2).nonzero()[:, 0]
    hooks = [site.hook for site in spliced]
    clean = model.activations(pairs.clean, hooks)
    seen: dict[str, Tensor] = {}

    def look(y: Tensor) -> Tensor:
        seen["y"] = y.clone()
        return clean[hooks[2]].clone()

    edits: Any = {hook: lambda y, hook=hook: clean[hook].clone() for hook in hooks[:2]}
    past = ground.metric(
        model.last_logits(pairs.corrupt, pairs.length - 1, edits | {hooks[2]: look}), ground.all
    )
    basis: Any = spliced[2].basis
    change = basis.encode(clean[hooks[2]]) - basis.encode(seen["y"])
    leaf = torch.zeros_like(change, requires_grad=True)
    with torch.enable_grad():
        logits = model.last_logits(
            pairs.clean, pairs.length - 1, {hooks[2]: lambda y: y + basis.write(leaf)}
        )
        slope = torch.autograd.grad(ground.metric(logits, ground.all).sum(), leaf)[0]
    wanted = (change * slope).sum(1)
    found = from_tokens(ground, later, 16, silent)
    got = torch.zeros(5, ground.nodes.n)
    got[:, found.target[found.target >= 0]] = found.fall[:, found.target >= 0].float()
    assert bool(wanted.abs().max() > 1e-3)
    torch.testing.assert_close(got[:, later[:-1]], wanted, atol=1e-4, rtol=1e-3)
    whole = ground.score(None, ground.all) - past
    torch.testing.assert_close(
        found.fall[:, found.target == LOGITS][:, 0].float(), whole, atol=1e-4, rtol=1e-3
    )


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_behind_a_whole_residual_stream_nothing_gets_past(
    models: dict[str, LanguageModel],  # noqa: F811
    family: str,
) -> None:
    spliced = sites(models[family], ("L0.attn_out", "L1.resid_post", "L2.mlp_out"))
    ground = Ground(models[family], spliced, make.features(spliced), prompts())
    found = from_tokens(ground, torch.arange(ground.nodes.n), 16, silent)
    order = ground.nodes.orders()[found.target]
    assert LOGITS not in found.target.tolist()
    assert sorted(set(order.tolist())) == [0, 1]


def test_heads_and_mlps_of_every_layer_read_tokens(
    models: dict[str, LanguageModel],  # noqa: F811
) -> None:
    model = models["llama"]
    spliced = component_sites(model)
    ground = Ground(model, spliced, make.components(spliced, model.n_heads), prompts())
    found = from_tokens(ground, torch.arange(ground.nodes.n), 16, silent)
    assert set(range(ground.nodes.n)) <= set(found.target.tolist())


def test_a_group_at_several_sites_has_an_edge_only_where_all_of_it_is_known(
    models: dict[str, LanguageModel],  # noqa: F811
) -> None:
    """By the mean: of its later part nothing is known. By the corrupt prompt: the sum of both."""
    spliced = sites(models["llama"], PAST)
    fine = make.features(spliced)
    order = fine.orders()
    label = torch.where(order == 1, 1, 0)  # the first and the last site together
    coarse, of = make.grouped(fine, label, ["outer", "middle"])
    for ablation in ("mean", "resample"):
        how: Any = {"ablation": ablation}
        ground = Ground(models["llama"], spliced, fine, prompts(), **how)
        apart = as_dict(from_tokens(ground, torch.arange(fine.n), 16, silent))
        found = as_dict(from_tokens(ground.with_nodes(coarse), torch.arange(2), 16, silent))
        if ablation == "mean":
            assert found == {}
            continue
        outer = sum(fall for node, fall in apart.items() if node >= 0 and of[node] == 0)
        assert found[0] == pytest.approx(outer, abs=1e-4)


@pytest.mark.parametrize("way", ["slope", "exact", "along"])
def test_out_of_memory_halves_the_prompts_and_changes_no_edge(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground, said = toy.ground("resample"), list[str]()
    whole, edited, room = from_tokens(ground, EVERY, 64, silent, way=way), ground.edited, 8
    monkeypatch.setattr(ground, "say", said.append)

    def full(edits: Any, rows: Tensor, **more: Any) -> Tensor:
        if len(rows) > room:
            raise torch.OutOfMemoryError
        return edited(edits, rows, **more)

    monkeypatch.setattr(ground, "edited", full)
    parts = from_tokens(ground, EVERY, 64, silent, way=way)
    assert said and "direct effects of the tokens" in said[-1]
    torch.testing.assert_close(parts.fall, whole.fall)
    assert parts.target.tolist() == whole.target.tolist()
