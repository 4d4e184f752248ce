"""Nodes of named parts of the prompt: worked by hand, and held against nodes of positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from jobs.causal import nodes as make
from jobs.causal.basis import Axes, Site
from jobs.causal.curve import curve, grid
from jobs.causal.edges import Edges, Way, edges
from jobs.causal.exact import alone
from jobs.causal.from_tokens import TOKENS, from_tokens, tokens_name
from jobs.causal.ground import Ground
from jobs.causal.methods import METHODS, Asked
from jobs.causal.methods.base import silent
from jobs.causal.moving import moving
from jobs.causal.prompts import Prompts
from jobs.causal.scores import score
from jobs.kinds.sites import component_sites
from jobs.model import LanguageModel
from jobs.names import Hook
from tests.unit.causal.test_ground import models, prompts, sites  # noqa: F401

HEADS = Hook(0, "z")
NAMES = ("rest", "subject", "attractor")
REST, SUBJECT, ATTRACTOR = range(3)
FILLER, KEYS, KEY, CARS, CAR = range(5)
"""Tokens: the clean subject and attractor are plural, the corrupt ones singular."""


class Heads(nn.Module):
    """Two heads, each of one dimension, and a last token that reads the first of them:

        z₀ is 1 at a plural noun, −1 at a singular one; z₁ is 1 at every token
        logit of the answer = Σ over tokens of w · z₀, w = 2 at the subject, −2 at the attractor

    so that of a head that does one thing at the subject and its opposite at the attractor nothing
    is left where the two are added up.
    """

    name, device, n_heads, n_layers = "heads", torch.device("cpu"), 2, 1
    value = torch.tensor([0.0, 1, -1, 1, -1])
    weight = torch.tensor([0.0, 2, 2, -2, -2])

    def roots(self) -> list[nn.Module]:
        return [self]

    def width(self, hook: Hook) -> int:
        return 2

    def can_begin(self, hooks: Sequence[Hook]) -> bool:
        return False

    def activations(self, tokens: Tensor, hooks: Sequence[Hook]) -> dict[Hook, Tensor]:
        value = self.value[tokens]
        return {HEADS: torch.stack([value, torch.ones_like(value)], -1)}

    def last_logits(
        self,
        tokens: Tensor,
        at: Tensor,
        edits: Mapping[Hook, Any] | None = None,
        only: Tensor | None = None,
    ) -> Tensor:
        z = self.activations(tokens, [])[HEADS]
        z = (edits or {}).get(HEADS, lambda y: y)(z)
        read = torch.arange(tokens.shape[1]) <= at[:, None]
        right = (self.weight[tokens] * read * z[..., 0]).sum(1)
        logits = torch.stack([right, torch.zeros_like(right)], 1)
        return logits if only is None else logits.gather(1, only)


def pair(*spans: int) -> tuple[list[int], list[int], list[int]]:
    """Clean, corrupt, and the spans."""
    of = {REST: (FILLER, FILLER), SUBJECT: (KEYS, KEY), ATTRACTOR: (CARS, CAR)}
    return [of[s][0] for s in spans], [of[s][1] for s in spans], list(spans)


def by_hand(ablation: str = "resample", spans: bool = True) -> Ground:
    """Two prompts: the subject first, of one token; and last, of two, past a filler."""
    pairs = [pair(SUBJECT, REST, ATTRACTOR), pair(REST, ATTRACTOR, SUBJECT, SUBJECT)]
    clean, corrupt, told = (
        torch.tensor([[*side, *[0] * (4 - len(side))] for side in sides])
        for sides in zip(*pairs, strict=True)
    )
    length = torch.tensor([3, 4])
    asked = Prompts(clean, corrupt, length, torch.tensor([0, 0]), torch.tensor([1, 1]), told)
    model: Any = Heads()
    hooks = [Site(HEADS, Axes(2))]
    nodes = make.components(hooks, 2, spans=NAMES if spans else ())
    return Ground(model, hooks, nodes, asked, ablation=ablation)


def numbers(ground: Ground) -> dict[str, int]:
    return {ground.nodes.name(node): node for node in range(ground.nodes.n)}


def test_nodes_are_called_by_their_spans() -> None:
    nodes = by_hand().nodes
    assert [nodes.name(node) for node in range(nodes.n)] == [
        *("L0.H0@rest", "L0.H1@rest", "L0.H0@subject", "L0.H1@subject"),
        *("L0.H0@attractor", "L0.H1@attractor"),
    ]
    assert [nodes.position(node) for node in range(nodes.n)] == [0, 0, 1, 1, 2, 2]
    assert nodes.span(3) == "subject" and nodes.base(3).name == "L0.H1"
    alone_ = make.components([Site(HEADS, Axes(2))], 2, spans=("all",))
    assert (alone_.n, alone_.name(1), alone_.position(1)) == (2, "L0.H1@all", 0)


@pytest.mark.parametrize("method", ["atp", "ig", "shapley"])
def test_a_head_works_one_way_at_the_subject_and_the_other_at_the_attractor(method: str) -> None:
    """Resampled, z₀ goes from 1 to −1: 2 · 2 at each token of a subject (one, then two), and −4 at
    an attractor.
    """
    ground = by_hand()
    found = METHODS[method](ground, Asked())
    at = numbers(ground)
    assert found.per_prompt is not None
    assert found.per_prompt[:, at["L0.H0@subject"]].tolist() == pytest.approx([4, 8], abs=1e-5)
    assert found.per_prompt[:, at["L0.H0@attractor"]].tolist() == pytest.approx([-4, -4], abs=1e-5)
    assert found.effect.abs().sum() == pytest.approx(6 + 4, abs=1e-5)
    together = by_hand(spans=False)
    both = METHODS[method](together, Asked()).per_prompt
    assert both is not None  # the pitfall of sums over positions: nothing in the first prompt
    assert both[:, 0].tolist() == pytest.approx([0, 4], abs=1e-5)


def test_it_is_so_when_it_is_measured() -> None:
    ground = by_hand()
    at = numbers(ground)
    fall = alone(ground, torch.arange(6), 8, silent)
    assert fall[:, at["L0.H0@subject"]].tolist() == [4, 8]
    assert fall[:, at["L0.H0@attractor"]].tolist() == [-4, -4]
    assert fall.abs().sum() == 4 + 8 + 4 + 4


@pytest.mark.parametrize(
    ("ablation", "fall"), [("zero", [2, 4]), ("mean", [2, 4]), ("resample", [4, 8])]
)
def test_what_stands_in_is_that_of_the_span(ablation: str, fall: list[float]) -> None:
    """The mean of z₀ at subjects is 0, plural and singular being alike; of z₁ it is 1."""
    ground = by_hand(ablation)
    at = numbers(ground)
    nodes = torch.tensor([at["L0.H0@subject"], at["L0.H1@subject"]])
    assert alone(ground, nodes, 8, silent).T.tolist() == [fall, [0, 0]]
    if ablation == "mean":
        value = ground.reference.at(0, ground.all, 4).y
        assert value[0, :3].tolist() == value[1, 2, None].expand(3, 2).tolist() == [[0, 1]] * 3


@pytest.mark.parametrize("ablation", ["zero", "mean", "resample"])
@pytest.mark.parametrize("method", ["cascade", "acdc", "mask"])
def test_everything_is_faithful_and_nothing_is_not(method: str, ablation: str) -> None:
    ground = by_hand(ablation)
    order = METHODS[method](ground, Asked(sizes=(1, 2), steps=10, batch=4)).order
    at = numbers(ground)
    assert set(order[:2].tolist()) == {at["L0.H0@subject"], at["L0.H0@attractor"]}
    line = curve(ground, order, grid((1, 2), 6), 4, silent)
    scores = score(line, 2, 0)
    assert (scores.faithfulness[0].value, scores.faithfulness[-1].value) == (0, 1)
    assert (scores.completeness[0].value, scores.completeness[-1].value) == (1, 0)
    assert line.inside[line.sizes.index(2)].tolist() == line.clean.tolist()


def grounds(model: LanguageModel, by: str, **more: Any) -> tuple[Ground, Ground]:
    """The same prompts by position, and by spans of which each is one position."""
    pairs = prompts(aligned=True)
    spliced = sites(model) if by == "features" else component_sites(model)
    made = []
    for told in (False, True):
        where: Any = {"spans": tuple("abcdefg")} if told else {"positions": 7}
        nodes = (
            make.features(spliced, **where)
            if by == "features"
            else make.components(spliced, model.n_heads, **where)
        )
        spans = torch.arange(7).repeat(5, 1) if told else None
        made.append(Ground(model, spliced, nodes, pairs._replace(spans=spans), **more))
    return made[0], made[1]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("by", ["features", "components"])
@pytest.mark.parametrize("ablation", ["zero", "mean", "resample"])
def test_spans_of_one_token_each_are_positions(
    models: dict[str, LanguageModel],  # noqa: F811
    family: str,
    by: str,
    ablation: str,
) -> None:
    positions, spans = grounds(models[family], by, ablation=ablation)
    gates = torch.rand(5, positions.nodes.n, generator=torch.Generator().manual_seed(0))
    ours, theirs = (g.gradient(gates, g.all) for g in (spans, positions))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    assert torch.equal(moving(spans, 3), moving(positions, 3))
    loud = [METHODS["activation"](g, Asked(batch=2)).effect for g in (spans, positions)]
    torch.testing.assert_close(*loud)


@pytest.mark.parametrize("way", ["slope", "exact", "along"])
def test_so_are_their_edges(
    models: dict[str, LanguageModel],  # noqa: F811
    way: Way,
) -> None:
    nodes = torch.arange(0, 105, 4)
    ours, theirs = (
        falls(edges(ground, nodes, 16, silent, way=way))
        for ground in grounds(models["llama"], "components")
    )
    assert len(ours) > 50
    alike(ours, theirs)


def falls(found: Edges) -> dict[tuple[int, int], Tensor]:
    ends = zip(found.source.tolist(), found.target.tolist(), strict=True)
    return dict(zip(ends, found.fall.T.float(), strict=True))


def alike(ours: dict[tuple[int, int], Tensor], theirs: dict[tuple[int, int], Tensor]) -> None:
    """Edges that one of them lacks are nothing in the other."""
    for ends in {*ours} | {*theirs}:
        one, other = (found.get(ends, torch.zeros(5)) for found in (ours, theirs))
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_the_tokens_of_a_span_are_where_the_tree_ends() -> None:
    """Each noun is read by the head at itself alone, which does 6 on average at the subject."""
    ground = by_hand()
    at = numbers(ground)
    found = from_tokens(ground, torch.arange(6), 8, silent, way="exact")
    ends = {
        (tokens_name(source, ground.nodes), target): float(fall.mean())
        for (source, target), fall in zip(
            zip(found.source.tolist(), found.target.tolist(), strict=True),
            found.fall.T,
            strict=True,
        )
    }
    assert ends == {
        ("embed@subject", at["L0.H0@subject"]): 6,
        ("embed@attractor", at["L0.H0@attractor"]): -4,
    }
    left_out = from_tokens(by_hand("zero"), torch.arange(6), 8, silent, way="exact")
    assert {tokens_name(source, ground.nodes) for source in left_out.source.tolist()} == {"embed"}


@pytest.mark.parametrize("way", ["slope", "exact"])
def test_they_do_what_a_prompt_does_that_is_corrupt_there_alone(
    models: dict[str, LanguageModel],  # noqa: F811
    way: Way,
) -> None:
    model = models["llama"]
    told = torch.randint(0, 3, (5, 7), generator=torch.Generator().manual_seed(1))
    pairs = prompts()._replace(spans=told)
    assert pairs.corrupt is not None
    spliced = component_sites(model)
    nodes = make.components(spliced, model.n_heads, spans=NAMES)
    some = torch.arange(0, nodes.n, 4)

    def measured(asked: Prompts) -> dict[tuple[int, int], Tensor]:
        return falls(from_tokens(Ground(model, spliced, nodes, asked), some, 16, silent, way=way))

    apart = measured(pairs)
    assert {source for source, _ in apart} == {TOKENS - 1 - span for span in range(3)}
    for span in range(3):
        corrupt = torch.where(told == span, pairs.corrupt, pairs.clean)
        alone_there = measured(pairs._replace(corrupt=corrupt))
        own = {ends: fall for ends, fall in apart.items() if ends[0] == TOKENS - 1 - span}
        assert own and {source for source, _ in alone_there} == {TOKENS - 1 - span}
        alike(own, alone_there)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_over_prompts_of_several_lengths_spans_add_up_to_all_tokens(
    models: dict[str, LanguageModel],  # noqa: F811
    family: str,
) -> None:
    """Whatever the spans: to shut a node at all of them is to shut it; slopes sum to its own."""
    model, pairs = models[family], prompts()
    spliced = component_sites(model)
    told = torch.randint(0, 3, (5, 7), generator=torch.Generator().manual_seed(1))
    spans = make.components(spliced, model.n_heads, spans=NAMES)
    ground = Ground(model, spliced, spans, pairs._replace(spans=told))
    n = len(spans.bases)
    whole = ground.with_nodes(make.components(spliced, model.n_heads))
    gates = torch.ones(1, n)
    gates[0, [1, 5, 7]] = 0
    everywhere = gates.repeat(1, 3)
    torch.testing.assert_close(ground.score(everywhere, ground.all), whole.score(gates, whole.all))
    parts = ground.gradient(everywhere, ground.all)[1].view(5, 3, n)
    torch.testing.assert_close(
        parts.sum(1), whole.gradient(gates, whole.all)[1], atol=1e-5, rtol=1e-4
    )
    # A span that a prompt has not is nothing there.
    without = pairs._replace(spans=torch.where(told == ATTRACTOR, REST, told))
    shut = torch.ones(1, spans.n)
    shut[0, ATTRACTOR * n :] = 0
    there = Ground(model, spliced, spans, without)
    torch.testing.assert_close(there.score(shut, there.all), there.score(None, there.all))


def test_groups_are_of_spans_too(models: dict[str, LanguageModel]) -> None:  # noqa: F811
    model, pairs = models["llama"], prompts()
    spliced = component_sites(model)
    told = torch.arange(7).repeat(5, 1) % 3
    fine = make.components(spliced, model.n_heads, spans=NAMES)
    coarse, of = make.grouped(fine, torch.arange(len(fine.bases)) % 2, ["even", "odd"])
    assert [coarse.name(node) for node in range(coarse.n)][:3] == [
        *("even@rest", "odd@rest", "even@subject"),
    ]
    ground = Ground(model, spliced, fine, pairs._replace(spans=told))
    gates = torch.rand(1, coarse.n, generator=torch.Generator().manual_seed(0))
    by_group = ground.with_nodes(coarse).score(gates, ground.all)
    torch.testing.assert_close(by_group, ground.score(gates[:, of], ground.all))
