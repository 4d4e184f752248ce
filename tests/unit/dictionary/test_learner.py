"""The pieces of a step: the optimiser, the schedule, dead features and their revival."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from jobs.dictionary import ARCHITECTURES
from jobs.dictionary.initial import from_data, reseed
from jobs.dictionary.learner import Learner, Recipe
from jobs.dictionary.massive import measure
from jobs.dictionary.optimiser import BETAS, Adam, learning_rate
from tests.unit.dictionary.worlds import HOOK, PretendModel


def inputs(n: int = 1024) -> torch.Tensor:
    x = PretendModel().activations(torch.arange(n)[None], [HOOK])[HOOK][0].float()
    return x * (32 / x.square().sum(1).mean()).sqrt()


def learner(**changes: object) -> Learner:
    recipe = Recipe(**({"learning_rate": 3e-3, "dead_after": 10**9} | changes))
    dictionary = ARCHITECTURES["topk"](d_in=32, d_sae=128, k=4).requires_grad_(False)
    from_data(dictionary, inputs(), torch.Generator().manual_seed(0))
    return Learner(dictionary, recipe, "float32")


def test_adam_is_torchs() -> None:
    torch.manual_seed(0)
    ours = {name: torch.nn.Parameter(torch.randn(5, 3)) for name in "ab"}
    theirs = {name: torch.nn.Parameter(p.detach().clone()) for name, p in ours.items()}
    adam, reference = Adam(ours), torch.optim.Adam(theirs.values(), lr=0.01, betas=BETAS)
    for _ in range(20):
        for name in "ab":
            ours[name].grad = theirs[name].grad = torch.randn(5, 3)
        adam.step(0.01)
        reference.step()
    for name in "ab":
        torch.testing.assert_close(ours[name], theirs[name])


def test_rate_rises_stays_and_falls() -> None:
    shares = (0.0, 0.05, 0.1, 0.5, 0.8, 0.9, 1.0)
    rates = [learning_rate(2.0, share, warm_up=0.1, decay=0.2) for share in shares]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 2.0, 2.0, 1.0, 0.0])
    assert learning_rate(2.0, 0.0, warm_up=0.0, decay=0.0) == 2.0


def test_starts_from_data_at_a_useful_length() -> None:
    one, x = learner(), inputs()
    assert torch.allclose(one.dictionary.W_dec.norm(dim=1), torch.ones(128), atol=1e-5)
    assert torch.allclose(one.dictionary.b_dec, x.mean(0))
    start = (x - one.dictionary(x)).square().sum() / (x - x.mean(0)).square().sum()
    assert start < 0.7  # rows left at length one overshoot: FVU above 1


def test_starts_from_fewer_rows_than_features() -> None:
    one = learner()
    from_data(one.dictionary, inputs(40), torch.Generator().manual_seed(0))
    rows = one.dictionary.W_dec
    assert rows.isfinite().all()
    assert (rows @ rows.T - torch.eye(128)).max() < 0.9999  # no two alike


def test_decoder_rows_stay_at_length_one() -> None:
    one = learner()
    for _ in range(5):
        one.step(inputs(), 0.5, measure=False)
    assert torch.allclose(one.dictionary.W_dec.norm(dim=1), torch.ones(128), atol=1e-5)


def spoiled(**changes: object) -> Learner:
    """Half of the features are pushed far below what can fire, and counted dead."""
    one = learner(dead_after=2048, **changes)
    one.dictionary.b_enc[:64] = -4.0
    one.since[:64] = 2048
    return one


def test_auxiliary_loss_revives_dead_features() -> None:
    def firing(aux_k: int) -> int:
        one = spoiled(aux_k=aux_k, reseed=False)
        one.dictionary.b_enc[:64] = -2.5
        for _ in range(40):
            one.step(inputs(), 0.5, measure=False)
        return int((one.since[:64] == 0).sum())

    assert firing(aux_k=16) > firing(aux_k=0) + 10


def test_reseeding_points_dead_features_at_the_worst_rows() -> None:
    one = spoiled()
    error = torch.zeros(256, 32)
    error[:100] = torch.randn(100, 32, generator=torch.Generator().manual_seed(1))
    dead = torch.arange(64)
    reseed(one.dictionary, dead, inputs(256), error, torch.Generator().manual_seed(0))
    cosine = one.dictionary.W_dec[dead] @ F.normalize(error[:100]).T
    assert torch.allclose(cosine.max(1).values, torch.ones(64), atol=1e-5)
    assert len(set(cosine.argmax(1).tolist())) == 64
    assert (one.dictionary.b_enc[dead] == 0).all()


def test_many_newcomers_of_one_direction_do_not_overshoot_it() -> None:
    """Selection over a batch does not limit how many fire on one token, so they must share."""
    dictionary = ARCHITECTURES["batchtopk"](d_in=32, d_sae=128, k=4).requires_grad_(False)
    from_data(dictionary, inputs(), torch.Generator().manual_seed(0))
    x, missing = inputs(256), F.normalize(torch.ones(32), dim=0) * 12
    x[:100] += missing
    error = torch.zeros(256, 32)
    error[:100] = missing
    before = (x - dictionary(x))[:100].norm()
    reseed(dictionary, torch.arange(64), x, error, torch.Generator().manual_seed(0))
    assert (x - dictionary(x))[:100].norm() < 2 * before  # 64 whole ones would miss by 64 times


def test_reseeding_happens_in_training_and_not_while_the_rate_falls() -> None:
    for share, expected in ((0.5, True), (0.9, False)):
        one = spoiled(reseed=True)
        one.since[:64] = 4096
        for _ in range(2):  # dead_after is two batches of 1,024
            one.step(inputs(), share, measure=False)
        assert (one.reseeded > 0) is expected


def test_measures_what_it_says() -> None:
    one, x = learner(), inputs()
    expected = (x - one.dictionary(x)).square().sum() / (x - x.mean(0)).square().sum()
    measured = one.step(x, 0.5, measure=True)
    assert measured is not None
    assert measured.fvu == pytest.approx(float(expected), rel=1e-4)
    assert measured.l0 == pytest.approx(4, abs=0.05)
    assert measured.dead_fraction == 0


def test_massive_activations_do_not_set_the_scale() -> None:
    x = inputs()
    x[::50] *= 30
    first = torch.zeros(len(x), dtype=torch.bool)
    scale = measure(x, first, norm_limit=10)
    kept = scale.keep(x, first)
    assert int((~kept).sum()) == len(x[::50])
    assert (x[kept] * scale.factor).square().sum(1).mean().item() == pytest.approx(32, rel=1e-4)


def test_where_most_tokens_get_nothing_what_the_others_get_is_not_massive() -> None:
    x = inputs()
    x[torch.arange(len(x)) % 5 > 0] = 0
    first = torch.zeros(len(x), dtype=torch.bool)
    assert measure(x, first, norm_limit=10).keep(x, first).all()
    x[0] *= 1000
    assert measure(x, first, norm_limit=10).keep(x, first).tolist() == [False] + [True] * (
        len(x) - 1
    )


def test_a_threshold_follows_faster_while_the_rate_falls() -> None:
    moved = []
    for share in (0.5, 0.9):
        dictionary = ARCHITECTURES["batchtopk"](d_in=32, d_sae=128, k=4).requires_grad_(False)
        from_data(dictionary, inputs(), torch.Generator().manual_seed(0))
        dictionary.threshold.fill_(1.0)
        Learner(dictionary, Recipe(1e-9), "float32").step(inputs(), share, measure=False)
        moved.append(float(dictionary.threshold[0]) - 1.0)
    assert moved[1] == pytest.approx(3 * moved[0], rel=1e-3)


def test_a_narrow_decoder_turns_as_far_in_a_step_as_a_wide_one() -> None:
    def turned(d: int) -> float:
        made = ARCHITECTURES["topk"](d_in=d, d_sae=64, k=4)
        return made.pace["W_dec"] * d**0.5

    assert turned(32) == pytest.approx(turned(128)) == pytest.approx(turned(576))
    assert ARCHITECTURES["topk"](d_in=768, d_sae=64, k=4).pace["W_dec"] == 1
