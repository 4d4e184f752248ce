"""Several seeds together: each counts once, whatever its children are sure of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from jobs.context import DirectContext
from jobs.kinds import split
from jobs.manifold.odds import Odds
from jobs.manifold.seeds import OverSeeds, over_seeds
from jobs.manifold.verdict import Quality, Seeds, overall
from jobs.specs import Split
from store import AskedWrongly, Workspace
from tests.unit.manifold.families import KIDS, plant, publish_profile
from tests.unit.manifold.made import workspace

GOOD = Quality(0.2, 0.0)


def alone(ratio: float, factor: float = 1.2) -> Odds:
    """What one seed says, with an interval of its own of that factor to both sides."""
    return Odds(0.9, 0.8, ratio, ratio / factor, ratio * factor, 100, 50)


def own(*ratios: float, factor: float = 1.2) -> OverSeeds:
    found = over_seeds({(seed, seed): alone(ratio, factor) for seed, ratio in enumerate(ratios)})
    assert found is not None
    return found


def test_seeds_that_agree_by_accident_are_no_surer_than_each_allows() -> None:
    found = own(3, 3, 3)
    assert found.ratio == pytest.approx(3) and found.seeds == 3 and found.children == 300
    # ln 1.2 is 1.96 standard errors of one; the mean of three has 1/√3 of it, and t(2) is 4.30.
    assert found.low == pytest.approx(3 / 1.2 ** (4.3027 / 1.95996 / 3**0.5), rel=1e-4)
    assert found.high == pytest.approx(9 / found.low)


def test_seeds_that_differ_are_no_answer_though_most_alone_are_sure() -> None:
    found = own(1.6, 1.5, 0.8)
    assert found.low is not None and found.high is not None and found.low < 1 < found.high
    logs = np.log([1.6, 1.5, 0.8])
    reach = 4.3027 * logs.std(ddof=1) / 3**0.5  # the jackknife of a mean is its usual error
    assert found.high == pytest.approx(np.exp(logs.mean() + reach), rel=1e-4)


def test_two_seeds_get_no_interval_and_one_with_few_parents_none_either() -> None:
    assert own(2, 3).low is None
    few = Odds(0.9, 0.8, 2.0, None, None, 9, 4)
    found = over_seeds({(0, 0): alone(2), (1, 1): few, (2, 2): alone(2)})
    assert found is not None and found.low is None
    assert over_seeds({(0, 0): None}) is None


@pytest.mark.parametrize(("seeds", "crossed"), [(3, False), (3, True), (5, True)])
def test_the_interval_holds_the_truth_as_often_as_it_says(seeds: int, crossed: bool) -> None:
    """Log odds made of what the narrower dictionary's seed adds and what the wider one's does."""
    random, truth, held, draws = np.random.default_rng(0), 0.4, 0, 1_000
    for _ in range(draws):
        one, other = random.normal(0, 0.3, (2, seeds))
        found = over_seeds(
            {
                (i, j): alone(float(np.exp(truth + one[i] + other[j])), factor=1.01)
                for i in range(seeds)
                for j in range(seeds)
                if (i != j) == crossed
            }
        )
        assert found is not None and found.low is not None and found.high is not None
        held += found.low < np.exp(truth) < found.high
    assert held / draws == pytest.approx(0.95, abs=0.02)


def test_the_verdict_is_the_seeds_where_they_are_enough() -> None:
    pairs = [alone(3)] * 3

    def said(*ratios: float) -> str:
        seeds = Seeds(own(*ratios), own(1.1, 1.2, 0.9))
        return overall(alone(3), alone(2), pairs, {"a": GOOD}, seeds, Seeds(own(2, 2, 2), None))

    many = said(2.8, 3, 3.1)
    assert many.startswith("Over 3 seeds features split within their manifold more than chance: 90")
    assert "over 3 seeds, alone 2.80, 3.00, 3.10)" in many
    assert "closeness to the parent may be all there is to it" in many  # of seeds: 2 would be more
    assert "of different seeds the odds ratio is 2.00 (1.59 to 2.52) against strangers." in many
    assert said(3, 3, 0.5).startswith("No answer: 90% of 300 children")
    two = overall(alone(3), None, pairs, {"a": GOOD}, Seeds(own(2, 3), None))
    assert two.startswith("Features split within") and "over 50 parents" in two
    assert "2 seeds are too few" in two and "alone their odds ratios are 2.00, 3.00." in two
    few = Odds(0.9, 0.8, 2.0, None, None, 9, 4)
    found = over_seeds({(0, 0): alone(2), (1, 1): few, (2, 2): alone(3)})
    short = overall(alone(3), None, pairs, {"a": GOOD}, Seeds(found, None))
    assert "One of 3 seeds has too few parents" in short and "too few to say" not in short


def name(width: int, seed: int) -> str:
    return f"planted/L0.resid_post/topk-{width}-k8-s{seed}"


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The same families as three trainings would find them."""
    made, folder = plant("within"), tmp_path_factory.mktemp("seeds") / "ws"
    generator = torch.Generator().manual_seed(0)
    for seed in range(3):
        for rows, fired in ((made.narrow, made.parent), (made.wide, made.child)):
            off = 0.03 * torch.randn(rows.shape, generator=generator)
            dictionary = name(len(rows), seed)
            ws = workspace(folder, normalize(rows + off, dim=1), dictionary, seed=seed)
            publish_profile(ws, dictionary, made.token, fired)
    return ws


def names() -> list[str]:
    return [name(width, seed) for seed in range(3) for width in (60, 60 * KIDS)]


def test_a_job_over_three_seeds_answers_for_them(three: Workspace) -> None:
    spec = Split(dictionaries=names(), nulls=2)
    context = DirectContext(three, spec, "split-1")
    verdict = split.run(spec, context)
    assert verdict.startswith("Over 3 seeds features split within")
    (run,) = three.sql("FROM split_runs").pl().to_dicts()
    assert run["n_pairs"] == 9 and run["n_seeds"] == 3 and run["seeds_odds_low"] > 1
    assert run["between_odds_low"] > 1 and run["verdict"] == verdict
    seeds = three.sql("FROM split_seeds ORDER BY parent_seed, child_seed").pl()
    assert seeds["n_pairs"].to_list() == [1] * 9
    within = seeds.filter(seeds["parent_seed"] == seeds["child_seed"])["odds"].log().mean()
    assert run["seeds_odds"] == pytest.approx(np.exp(within))


def test_seeds_may_be_kept_apart(three: Workspace, tmp_path: Path) -> None:
    spec = Split(dictionaries=names(), nulls=1, across=False)
    split.run(spec, DirectContext(three, spec, "split-2"))
    (run,) = three.sql("FROM split_runs WHERE run = 'split-2'").pl().to_dicts()
    assert run["n_pairs"] == 3 and run["between_odds"] is None
    crossed = [name(60, 0), name(240, 1)]
    with pytest.raises(AskedWrongly, match="of one seed differ in width"):
        Split(dictionaries=crossed, across=False).check(three)
