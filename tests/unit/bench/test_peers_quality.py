"""How the bench of libraries finds equal sparsity, and what it says of several seeds."""

from __future__ import annotations

import pytest

from tests.bench.peers_quality import interval, next_strength, off


def test_the_search_finds_a_penalty_whose_l0_falls_as_a_power() -> None:
    tried = [{"strength": 1.0, "l0": 400.0}]
    while off(tried[-1]["l0"], 32) > 1.15:
        strength = next_strength(tried, 32)
        tried.append({"strength": strength, "l0": 400.0 * strength**-0.6})
    assert len(tried) <= 4


def test_the_search_closes_in_between_runs_on_either_side() -> None:
    """The last two were both under: what lies on the other side still counts."""
    tried = [
        {"strength": weight, "l0": l0} for weight, l0 in ((1.0, 50.0), (8.0, 20.0), (4.0, 25.0))
    ]
    assert 1 < next_strength(tried, 32) < 4


def test_one_wild_run_does_not_throw_the_search_far() -> None:
    assert next_strength([{"strength": 1.0, "l0": 0.0}], 32) == pytest.approx(1 / 8)
    assert next_strength([{"strength": 1.0, "l0": 4000.0}], 32) == pytest.approx(8.0)


def test_the_interval_is_students() -> None:
    mean, half = interval([1.0, 2.0, 3.0])
    assert (mean, half) == (2.0, pytest.approx(4.303 / 3**0.5, rel=1e-3))
    assert interval([5.0]) == (5.0, None)
