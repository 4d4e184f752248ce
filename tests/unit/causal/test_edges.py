"""Direct effects are those of a brute force search that holds what lies between by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from jobs.causal import nodes as make
from jobs.causal.around import Around
from jobs.causal.edges import LOGITS, Edges, Way, edges
from jobs.causal.ground import Ground
from jobs.causal.methods.base import silent
from jobs.kinds.sites import component_sites
from jobs.model import LanguageModel, load_model
from jobs.model.truth import TRUTHS
from jobs.task.load import load_task
from jobs.task.prepare import prepare
from tests.unit.causal import small, toy
from tests.unit.causal.test_ground import models, prompts, sites  # noqa: F401
from tests.unit.causal.toy import DECOY, SUM, A, B, D

WHERE = ("L0.resid_post", "L1.mlp_out", "L2.attn_out")


def as_dict(found: Edges) -> dict[tuple[int, int], float]:
    ends = zip(found.source.tolist(), found.target.tolist(), strict=True)
    return dict(zip(ends, found.fall.mean(0).tolist(), strict=True))


@pytest.mark.parametrize("way", ["slope", "exact"])
def test_by_hand(way: Way) -> None:
    """a and b pass 2 each through the sum, which passes 4 on; d reaches the decoy, and no more."""
    ground = toy.ground()
    found = as_dict(edges(ground, torch.tensor([A, B, D, SUM, DECOY]), 16, silent, way=way))
    assert found == {(A, SUM): 2.0, (B, SUM): 2.0, (SUM, LOGITS): 4.0}


def test_along_the_common_path_by_hand() -> None:
    """Where all is there by a share a, the sum is 2a and passes 4a on, of which a and b, whole in
    turn, account for one half each: what enters a node leaves it.
    """
    ground = toy.ground()
    share = Around.along(ground).share
    assert share is not None and share[0] == 0.5
    found = edges(ground, torch.tensor([A, B, D, SUM, DECOY]), 16, silent, way="along")
    ends = list(zip(found.source.tolist(), found.target.tolist(), strict=True))
    assert sorted(ends) == sorted([(A, SUM), (B, SUM), (SUM, LOGITS)])
    for (_, target), fall in zip(ends, found.fall.T, strict=True):
        torch.testing.assert_close(fall.float(), share * (4 if target == LOGITS else 2))


def test_two_that_are_each_enough_are_seen_along_the_path_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An MLP asks for one of two heads: where both are there it is flat in each."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = load_model("truth:either", dtype="float32")
    spliced = component_sites(model)
    nodes = make.components(spliced, model.n_heads)
    task = prepare(load_task("truth:either", model, limit=16), model)
    ground = Ground(model, spliced, nodes, task.search)
    number = {nodes.name(node): node for node in range(nodes.n)}
    true = TRUTHS["either"].true_edges
    known = [(number[source], number[target]) for source, target in true if target != "logits"]
    ways: list[Way] = ["slope", "exact", "along"]
    slope, exact, along = (
        as_dict(edges(ground, torch.arange(nodes.n), 32, silent, way=way)) for way in ways
    )
    for edge in known:
        assert max(abs(slope.get(edge, 0.0)), abs(exact.get(edge, 0.0))) < 1e-3 < 0.1 < along[edge]


@pytest.mark.parametrize("way", ["slope", "exact", "along"])
def test_out_of_memory_halves_the_prompts_and_changes_no_edge(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground, said = toy.ground(), list[str]()
    nodes, batch = torch.tensor([A, B, D, SUM, DECOY]), 8 * ground.prompts.n
    whole, edited, room = edges(ground, nodes, batch, silent, way=way), ground.edited, 8
    monkeypatch.setattr(ground, "say", said.append)

    def full(edits: Any, rows: Tensor) -> Tensor:
        if len(rows) > room:
            raise torch.OutOfMemoryError
        return edited(edits, rows)

    monkeypatch.setattr(ground, "edited", full)
    parts = edges(ground, nodes, batch, silent, way=way)
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
@pytest.mark.parametrize("family", ["llama", "gpt2", small.TINY])
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
    found = edges(ground, chosen, 9, silent, way="exact" if exact else "slope")
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
