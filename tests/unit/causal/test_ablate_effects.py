"""Effects are those that ablating by hand gives, one feature and one document at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from jobs.causal.basis import Features, Site
from jobs.causal.effects import Ablator, Change, reached
from jobs.causal.firing import Fires, listen, stands_in
from jobs.causal.ground import Cost
from jobs.causal.inputs import Inputs
from jobs.causal.targets import Targets
from jobs.dictionary.massive import Scale
from jobs.model import LanguageModel
from jobs.names import SITES, Hook
from store import AskedWrongly
from tests.unit.causal import small

FAMILIES = ("llama", "gpt2")
WHERE = ("L0.resid_pre", "L0.z", "L0.z.H2", "L1.attn_out", "L1.resid_mid", "L1.mlp_in",
         "L1.mlp_out", "L0.resid_post", "L1.resid_post", "L2.resid_pre")  # fmt: skip


EVERYWHERE = torch.ones(7, dtype=torch.bool)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LanguageModel]:
    return small.models(tmp_path_factory.mktemp("models"), FAMILIES)


def targets(model: LanguageModel) -> Targets:
    sites = [small.site(model, "L2.resid_mid", 7), small.site(model, "L2.resid_post", 8)]
    parts = [small.outputs(model, "L2.z"), small.outputs(model, "L2.mlp_out")]
    return Targets(sites, parts, model.n_heads)


def by_hand(
    model: LanguageModel,
    site: Site,
    feature: int,
    tokens: Tensor,
    found: Targets,
    reach: int | None,
) -> Tensor | None:
    """Effects of a feature in one document, where it fires there: two full passes, dense."""
    assert isinstance(site.basis, Features)
    dictionary, n = site.basis.dictionary, tokens.shape[1]
    f = dictionary.encode(model.activations(tokens, [site.hook])[site.hook])[0, : n - 1, feature]
    if not bool((f > 0).any()):
        return None
    fired = (f > 0).nonzero()[:, 0]
    counted = [
        p for p in range(n) if any(q <= p <= (n if reach is None else q + reach) for q in fired)
    ]
    inside, read = [p for p in counted if p > 0], [p for p in counted if p < n - 1]
    delta = torch.zeros(1, n, dictionary.d_out)
    delta[0, : n - 1] = -f[:, None] * dictionary.W_dec[feature]
    seen: dict[Hook, list[Tensor]] = {hook: [] for hook in found.hooks}

    def note(hook: Hook, x: Tensor) -> Tensor:
        seen[hook].append(x[0].clone())
        return x

    notes = {hook: lambda x, hook=hook: note(hook, x) for hook in found.hooks}
    losses = [
        model.loss(tokens, notes),
        model.loss(tokens, {site.hook: lambda x: x + delta, **notes}),
    ]
    columns = []
    for one in found.sites:
        assert isinstance(one.basis, Features)
        clean, ablated = (one.basis.dictionary.encode(x) for x in seen[one.hook])
        columns.append((clean - ablated)[counted].mean(0))
    for one in found.components:
        heads = found.n_heads if one.hook.site == "z" else 1
        z, other = (x.unflatten(-1, (heads, -1))[inside] for x in seen[one.hook])
        columns.append(((z - other) * z).sum((0, 2)) / z.square().sum((0, 2)).clamp_min(1e-30))
    columns.append((losses[1] - losses[0])[0, read].mean()[None])
    return torch.cat(columns)


def change(
    fires: Fires, feature: int, document: int, site: Site, reach: int | None = None
) -> Change:
    assert isinstance(site.basis, Features)
    own = fires.of(feature)
    at = np.flatnonzero(fires.document[own] == document) + own.start
    amount = torch.zeros(7)
    amount[fires.position[at]] = -torch.from_numpy(fires.activation[at]).float()
    direction = site.basis.dictionary.W_dec[feature]
    return Change(document, (feature,), direction, amount, reached(fires.position[at], reach, 7))


def test_every_site_is_tried() -> None:
    assert {where.split(".")[1] for where in WHERE} == set(SITES)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("family", [*FAMILIES, small.TINY])
def test_a_batch_from_the_changed_block_on_is_one_at_a_time_through_the_whole_model(
    models: dict[str, LanguageModel], family: str, where: str
) -> None:
    model, inputs = models[family], small.documents()
    site, found = small.site(model, where), targets(model)
    features = np.arange(0, small.M, 3)
    (fires,) = listen(model, [site], [features], inputs, 2, Cost())
    wanted, changes, reach = {}, [], {"gpt2": 1}.get(family)
    for document in range(inputs.n):
        tokens = inputs.tokens[document, : inputs.length[document]][None]
        for feature in features.tolist():
            known = by_hand(model, site, feature, tokens, found, reach)
            if known is not None:
                changes.append(change(fires, feature, document, site, reach))
                wanted[feature, document] = known
    assert len(changes) > 10
    for onward in (True, False):
        cost = Cost()
        ablator = Ablator(model, inputs, site.hook, found, cost, onward)
        assert ablator.onward == (onward and ablator.start > 0)
        done = list(ablator.measure(changes, 8, lambda share: None))
        assert sum(len(part.changes) for part in done) == len(changes)
        for part in done:
            for one, effect in zip(part.changes, part.effect, strict=True):
                by_hand_ = wanted[one.subject[0], one.document]
                assert torch.allclose(effect, by_hand_, atol=2e-4, rtol=1e-3)
        clean = sum(len({one.document for one in part.changes}) for part in done)
        assert cost.forward == len(changes) + clean + (inputs.n if ablator.onward else 0)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("family", FAMILIES)
def test_with_nothing_ablated_nothing_changes(
    models: dict[str, LanguageModel], family: str, where: str
) -> None:
    """Nothing at all, not a rounding; but the last of a log-probability, whose sum over the
    vocabulary may be taken in another order where the memory lies otherwise.
    """
    model, inputs = models[family], small.documents()
    site, found = small.site(model, where), targets(model)
    assert isinstance(site.basis, Features)
    direction = site.basis.dictionary.W_dec[0]
    nothing = [Change(d, (0,), direction, torch.zeros(7), EVERYWHERE) for d in range(inputs.n)]
    ablator = Ablator(model, inputs, site.hook, found, Cost())
    for part in ablator.measure(nothing, 4, lambda share: None):
        assert float(part.effect[:, :-1].abs().max()) == 0
        assert float(part.effect[:, -1].abs().max()) < 1e-6


def test_a_documents_effect_does_not_depend_on_what_shares_its_batch(
    models: dict[str, LanguageModel],
) -> None:
    model, inputs = models["llama"], small.documents()
    site, found = small.site(model, "L1.mlp_out"), targets(model)
    (fires,) = listen(model, [site], [np.arange(small.M)], inputs, 8, Cost())
    pairs = sorted(set(zip(fires.feature.tolist(), fires.document.tolist(), strict=True)))[:20]
    changes = [change(fires, *pair, site) for pair in pairs]
    ablator = Ablator(model, inputs, site.hook, found, Cost())
    each = {}
    for batch in (2, 64):
        for part in ablator.measure(changes, batch, lambda share: None):
            for one, effect in zip(part.changes, part.effect, strict=True):
                each.setdefault((one.subject, one.document), []).append(effect)
    for small_, large in each.values():
        assert torch.allclose(small_, large, atol=1e-5)


def test_massive_positions_neither_fire_nor_count(models: dict[str, LanguageModel]) -> None:
    model, inputs = models["llama"], small.documents()
    site = small.site(model, "L1.mlp_out")
    x = model.activations(inputs.tokens, [site.hook])[site.hook]
    limit = float(x.norm(dim=-1).median())
    massive = site._replace(scale=Scale(1.0, limit, limit, True))
    everything = np.arange(small.M)
    (fires,) = listen(model, [massive], [everything], inputs, 8, Cost())
    usual = (x.norm(dim=-1) <= limit) & inputs.counts()
    usual[:, 0] = False
    assert fires.positions == int(usual.sum())
    assert bool(usual[fires.document, fires.position].all()) and len(fires.feature)
    assert isinstance(site.basis, Features)
    f = site.basis.dictionary.encode(x) * usual[..., None]
    assert np.array_equal(fires.times, (f > 0).sum((0, 1)).numpy())
    assert np.allclose(fires.total, f.sum((0, 1)).numpy(), rtol=1e-4)
    later = Targets([massive._replace(hook=Hook(2, "mlp_out"))], [], model.n_heads)
    own = small.site(model, "L1.attn_out", 3)
    ablator = Ablator(model, inputs, own.hook, later, Cost())
    assert isinstance(own.basis, Features)
    amount = torch.zeros(7)
    amount[0] = 5.0
    push = [Change(0, (0,), own.basis.dictionary.W_dec[0], amount, EVERYWHERE)]
    (part,) = ablator.measure(push, 4, lambda share: None)
    assert bool(torch.isfinite(part.effect).all())


def test_what_stands_in_for_a_feature(models: dict[str, LanguageModel]) -> None:
    model = models["gpt2"]
    inputs = small.documents()._replace(
        metric=lambda logits, rows: logits[:, 0], corrupt=small.documents(seed=1).tokens
    )
    site, everything = small.site(model, "L1.resid_post"), np.arange(small.M)
    (fires,) = listen(model, [site], [everything], inputs, 2, Cost())
    (other,) = listen(model, [site], [everything], inputs, 2, Cost(), corrupt=True)
    assert not stands_in("zero", fires, None, 0).any()
    f = [Site(site.hook, site.basis).basis.encode(model.activations(t, [site.hook])[site.hook])
         for t in (inputs.tokens, inputs.corrupt)]  # fmt: skip
    kept = inputs.counts()
    mean = (f[0] * kept[..., None]).sum((0, 1)) / kept.sum()
    assert np.allclose(stands_in("mean", fires, None, 0), mean[fires.feature], rtol=1e-4)
    there = f[1][fires.document, fires.position, fires.feature]
    assert np.allclose(stands_in("resample", fires, other, 0), there, rtol=1e-4)
    drawn = stands_in("resample", fires, None, 0)
    assert np.array_equal(drawn, stands_in("resample", fires, None, 0))
    assert drawn.mean() == pytest.approx(stands_in("mean", fires, None, 0).mean(), rel=0.3)
    with pytest.raises(AskedWrongly, match="there are zero, mean and resample"):
        stands_in("none", fires, None, 0)


def test_prompts_are_measured_by_their_own_metric(models: dict[str, LanguageModel]) -> None:
    model = models["llama"]
    plain = small.documents()
    inputs = Inputs(plain.tokens, plain.length, lambda logits, rows: logits[:, 3] - logits[:, 4])
    site = small.site(model, "L1.attn_out")
    (fires,) = listen(model, [site], [np.arange(small.M)], inputs, 4, Cost())
    last = plain.length.numpy()[fires.document] - 1
    assert (fires.position <= last).all() and (fires.position == last).any()
    one = change(fires, int(fires.feature[0]), int(fires.document[0]), site)
    found = targets(model)
    (part,) = Ablator(model, inputs, site.hook, found, Cost()).measure([one], 4, lambda share: None)
    tokens = plain.tokens[one.document][None]
    at = plain.length[one.document][None] - 1
    delta = one.amount[None, :, None] * one.direction
    clean, ablated = (
        model.last_logits(tokens, at, e) for e in ({}, {site.hook: lambda x: x + delta})
    )
    wanted = (clean - ablated)[0, 3] - (clean - ablated)[0, 4]
    assert float(part.effect[0, -1]) == pytest.approx(float(wanted), abs=1e-4)


def test_out_of_memory_halves_the_batch(
    models: dict[str, LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, inputs, said = models["llama"], small.documents(), list[str]()
    site, found = small.site(model, "L1.mlp_out"), targets(model)
    assert isinstance(site.basis, Features)
    row = site.basis.dictionary.W_dec[0]
    pushes = [Change(d, (n,), row, torch.ones(7), EVERYWHERE) for d in range(5) for n in range(3)]
    ablator = Ablator(model, inputs, site.hook, found, Cost(), say=said.append)
    measure = ablator._measure

    def full(changes: list[Change]) -> Tensor:
        if len(changes) > 4:
            raise torch.OutOfMemoryError
        return measure(changes)

    whole = {
        c.subject: len(p.changes) for p in ablator.measure(pushes, 40, _quiet) for c in p.changes
    }
    monkeypatch.setattr(ablator, "_measure", full)
    parts = list(ablator.measure(pushes, 40, _quiet))
    assert sum(len(part.changes) for part in parts) == 15 and set(whole.values()) == {15}
    assert said == [f"out of GPU memory: {n} documents in a pass from here on" for n in (20, 10, 5)]


def _quiet(share: float) -> None:
    return None
