"""Every method on a two-layer model worked by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from jobs.causal.curve import curve, grid
from jobs.causal.exact import alone
from jobs.causal.ground import Ground
from jobs.causal.methods import METHODS, Asked
from jobs.causal.methods.base import silent
from jobs.causal.scores import score
from store import AskedWrongly
from tests.unit.causal import toy
from tests.unit.causal.toy import SUM, A, B, C

CIRCUIT = {A, B, SUM}
"""All that is needed where what is left out is zero."""
SEARCHES = [name for name in METHODS if name not in ("activation", "random", "truth")]


def found(method: str, ground: Ground, **more: Any) -> Any:
    asked = Asked(
        sizes=(1, 3, 7), batch=4, **{"steps": 40 if method in ("mask", "cascade") else None, **more}
    )
    return METHODS[method](ground, asked)


@pytest.mark.parametrize("method", SEARCHES)
def test_every_search_finds_the_circuit(method: str) -> None:
    order = found(method, toy.ground()).order
    assert set(order[:3].tolist()) == CIRCUIT
    assert sorted(order.tolist()) == list(range(7))


@pytest.mark.parametrize("method", ["atp", "ig", "relp"])
def test_attribution_by_hand(method: str) -> None:
    """a, b: 1 · 2 each; relu(a + b): 2 · 2. Nothing else is there on the clean prompt."""
    effect = found(method, toy.ground()).effect
    assert torch.allclose(effect, torch.tensor([2.0, 2, 0, 0, 4, 0, 0]), atol=1e-5)


@pytest.mark.parametrize("ablation", ["zero", "resample"])
def test_on_a_common_path_effects_sum_to_all_there_is_to_explain(ablation: str) -> None:
    """With everything at g, m = 2 · g(a + b) · g = 4g²: what a sum of two is worth is shared out
    between it and what feeds it.
    """
    ground = toy.ground(ablation)
    effect = found("shapley", ground, steps=400).effect
    ends = [ground.score(gates, ground.all).mean() for gates in (None, torch.zeros(1, 7))]
    assert float(effect.sum()) == pytest.approx(float(ends[0] - ends[1]), abs=0.02)
    if ablation == "zero":
        assert torch.allclose(effect, torch.tensor([1.0, 1, 0, 0, 2, 0, 0]), atol=1e-4)


@pytest.mark.parametrize(("method", "effect"), [("atp", 0.0), ("relp", 0.0), ("ig", 1.0)])
def test_only_a_path_sees_beyond_a_kink(method: str, effect: float) -> None:
    """Resampled, c becomes 1 and takes 1 from the metric; at c = 0 its relu is flat."""
    ground = toy.ground("resample")
    assert float(alone(ground, torch.tensor([C]), 4, silent).mean()) == 1.0
    assert float(found(method, ground).effect[C]) == pytest.approx(effect, abs=1e-5)


def test_baselines_know_nothing_of_the_metric() -> None:
    ground = toy.ground()
    assert found("activation", ground).effect.tolist() == [1, 1, 0, 3, 2, 0, 3]
    one, same, other = (found("random", ground, seed=seed).order.tolist() for seed in (0, 0, 1))
    assert one == same != other
    assert ground.cost.backward == 0


def test_truth_is_a_method_too() -> None:
    true = torch.zeros(7)
    true[list(CIRCUIT)] = 1
    result = found("truth", toy.ground(), truth=true)
    assert set(result.order[:3].tolist()) == CIRCUIT and result.kept == 3
    with pytest.raises(AskedWrongly, match="toy is none"):
        found("truth", toy.ground())


@pytest.mark.parametrize("method", ["atp", "relp"])
def test_a_flat_metric_is_refused(method: str) -> None:
    with pytest.raises(AskedWrongly, match="metric=kl is flat there"):
        found(method, toy.ground(metric="kl"))


@pytest.mark.parametrize("method", ["ig", "shapley", "mask", "cascade"])
def test_kl_is_searched_along_a_path(method: str) -> None:
    order = found(method, toy.ground(metric="kl")).order
    assert set(order[:3].tolist()) == CIRCUIT


def test_passes_are_counted() -> None:
    ground = toy.ground()
    for method, forward, backward in (("atp", 6, 6), ("ig", 96, 96), ("shapley", 48, 48)):
        before = (ground.cost.forward, ground.cost.backward)
        found(method, ground)
        assert ground.cost.forward - before[0] == forward
        assert ground.cost.backward - before[1] == backward


@pytest.mark.parametrize("ablation", ["zero", "mean", "resample"])
def test_everything_is_faithful_and_nothing_is_not(ablation: str) -> None:
    ground = toy.ground(ablation)
    order = torch.tensor([SUM, A, B, C, 3, 5, 6])
    line = curve(ground, order, grid((3,), 7), 4, silent)
    scores = score(line, 3, 0)
    assert line.sizes == [0, 1, 3, 4, 7]
    assert scores.faithfulness[0].value == 0 and scores.faithfulness[-1].value == 1
    assert scores.completeness[0].value == 1 and scores.completeness[-1].value == 0
    if ablation == "zero":
        assert [share.value for share in scores.faithfulness] == [0, 0, 1, 1, 1]
        assert scores.nodes_for_80 == 3
        # Trapezoids over 0, 1/7, 3/7, 4/7, 1: the first is empty, the second half full.
        assert scores.cpr.value == pytest.approx(1 / 7 + 4 / 7)
        assert scores.cmd.value == pytest.approx(1 - scores.cpr.value)
        assert scores.cmd_log.value == pytest.approx(0.5)  # from 1 node to 3, one triangle


@pytest.mark.parametrize("flat", [False, True])
def test_acdc_keeps_what_matters(flat: bool) -> None:
    result = found("acdc", toy.ground(), flat=flat)
    assert result.kept == 3 and set(result.order[:3].tolist()) == CIRCUIT


def test_families_that_do_not_matter_take_one_test() -> None:
    """Two families, {a, b, c, d, sum} and {other, decoy}: the second goes as a whole."""
    ground = toy.ground("resample")
    family = torch.tensor([0, 0, 0, 0, 0, 1, 1])
    result = found("acdc", ground, family=family, threshold=0.001)
    kept = set(result.order[: result.kept].tolist())
    assert kept == {A, B, C, SUM, 5}  # c and what it feeds hold the wrong answer down


def test_a_search_goes_on_from_what_is_kept() -> None:
    """The second time nothing is learned anew, and the same comes out."""
    shelf: dict[str, Any] = {}

    def keep(name: str, make: Any) -> Any:
        return shelf.setdefault(name, None) or shelf.__setitem__(name, make()) or shelf[name]

    for method in ("ig", "acdc", "mask", "cascade"):
        shelf.clear()
        whole, again = (found(method, toy.ground(), keep=keep) for _ in range(2))
        assert shelf and torch.equal(whole.order, again.order)
