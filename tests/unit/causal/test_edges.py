"""Direct effects are those of a brute force search that holds what lies between by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from jobs.causal import nodes as make
from jobs.causal.edges import LOGITS, Edges, edges
from jobs.causal.ground import Ground
from jobs.causal.methods.base import silent
from jobs.model import LanguageModel
from tests.unit.causal import toy
from tests.unit.causal.test_ground import models, prompts, sites  # noqa: F401
from tests.unit.causal.toy import DECOY, SUM, A, B, D

WHERE = ("L0.resid_post", "L1.mlp_out", "L2.attn_out")


def as_dict(found: Edges) -> dict[tuple[int, int], float]:
    ends = zip(found.source.tolist(), found.target.tolist(), strict=True)
    return dict(zip(ends, found.fall.mean(0).tolist(), strict=True))


@pytest.mark.parametrize("exact", [False, True])
def test_by_hand(exact: bool) -> None:
    """a and b pass 2 each through the sum, which passes 4 on; d reaches the decoy, and no more."""
    ground = toy.ground()
    found = as_dict(edges(ground, torch.tensor([A, B, D, SUM, DECOY]), 16, silent, exact=exact))
    assert found == {(A, SUM): 2.0, (B, SUM): 2.0, (SUM, LOGITS): 4.0}


def test_out_of_memory_halves_the_prompts_and_changes_no_edge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ground, said = toy.ground(), list[str]()
    nodes, batch = torch.tensor([A, B, D, SUM, DECOY]), 8 * ground.prompts.n
    whole, edited, room = edges(ground, nodes, batch, silent), ground.edited, 4
    monkeypatch.setattr(ground, "say", said.append)

    def full(edits: Any, rows: Tensor) -> Tensor:
        if len(rows) > room:
            raise torch.OutOfMemoryError
        return edited(edits, rows)

    monkeypatch.setattr(ground, "edited", full)
    parts = edges(ground, nodes, batch, silent)
    assert said and "direct effects of" in said[-1]
    torch.testing.assert_close(parts.fall, whole.fall)
    assert (parts.source.tolist(), parts.target.tolist()) == (
        whole.source.tolist(),
        whole.target.tolist(),
    )


def brute(ground: Ground, u: int, v: int, rows: Tensor, exact: bool) -> Tensor:
    """The edge from u to v, one run after another; both are features."""
    model, order = ground.model, ground.nodes.orders()
    basis: Any = [site.basis for site in ground.sites]
    pairs = ground.prompts
    first = [0, 25, 50]
    hooks = [site.hook for site in ground.sites]
    clean = model.activations(pairs.clean[rows], hooks)
    a, z = int(order[u]), int(order[v])
    at_u, at_v = u - first[a], v - first[z]
    seen: dict[str, Tensor] = {}

    def ablate(y: Tensor) -> Tensor:
        return y - basis[a].encode(y)[..., at_u, None] * basis[a].dictionary.W_dec[at_u]

    def look(y: Tensor) -> Tensor:
        seen["f"] = basis[z].encode(y)[..., at_v]
        return y

    edits = {hooks[a]: ablate, hooks[z]: look}
    edits |= {hooks[i]: lambda y, i=i: clean[hooks[i]].clone() for i in range(a + 1, z)}
    model.last_logits(pairs.clean[rows], pairs.length[rows] - 1, edits)
    change = basis[z].encode(clean[hooks[z]])[..., at_v] - seen["f"]

    def score(amount: Tensor) -> Tensor:
        write = lambda y: y - amount[..., None] * basis[z].dictionary.W_dec[at_v]  # noqa: E731
        logits = model.last_logits(pairs.clean[rows], pairs.length[rows] - 1, {hooks[z]: write})
        return ground.metric(logits, rows)

    if exact:
        return score(0 * change) - score(change)
    step = 1e-2
    return (score(-step * change) - score(step * change)) / (2 * step)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_between_features_as_by_brute_force(
    models: dict[str, LanguageModel],  # noqa: F811
    family: str,
    exact: bool,
) -> None:
    spliced = sites(models[family], WHERE)
    ground = Ground(models[family], spliced, make.features(spliced), prompts(), ablation="zero")
    _, gradient = ground.gradient(torch.ones(1, ground.nodes.n), ground.all)
    size, order = gradient.abs().sum(0), ground.nodes.orders()
    chosen = torch.cat([size.where(order == s, 0).topk(3).indices for s in range(3)])
    chosen = chosen[[ground.nodes.base(int(node)).feature is not None for node in chosen]]
    found = edges(ground, chosen, 9, silent, exact=exact)
    ends = list(zip(found.source.tolist(), found.target.tolist(), strict=True))
    between = [(at, pair) for at, pair in enumerate(ends) if pair[1] != LOGITS]
    assert len(between) > 6
    for at, (u, v) in between[:8]:
        assert order[u] < order[v]
        wanted = brute(ground, u, v, ground.all, exact)
        assert torch.allclose(found.fall[:, at].float(), wanted, atol=2e-3, rtol=2e-2)


def test_heads_and_groups_have_edges_too(models: dict[str, LanguageModel]) -> None:  # noqa: F811
    """What a group of one does is what its node does."""
    spliced = sites(models["llama"], WHERE)
    fine = make.features(spliced)
    ground = Ground(models["llama"], spliced, fine, prompts(), ablation="zero")
    label = torch.arange(len(fine.bases)).flip(0)
    coarse, of = make.grouped(fine, label, [base.name for base in fine.bases][::-1])
    grouped = ground.with_nodes(coarse)
    chosen = torch.tensor([24, 25, 49, 50, 74])  # errors and features
    ours = as_dict(edges(ground, chosen, 16, silent))
    theirs = as_dict(edges(grouped, of[chosen], 16, silent))
    renamed = {tuple(LOGITS if e < 0 else int(of[e]) for e in pair): x for pair, x in ours.items()}
    assert theirs == pytest.approx(renamed)
    assert any(target == LOGITS for _, target in ours)
