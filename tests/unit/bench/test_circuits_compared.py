"""Where a circuit becomes faithful is told between the sizes that were scored."""

from __future__ import annotations

import pytest
import torch

from jobs.causal.curve import Curve
from tests.bench.circuits_compared import crossing


def curve(*faithfulness: float) -> Curve:
    """At 0, 1, 10, 100 and all of 1,000 nodes, on three prompts alike."""
    inside = torch.tensor([0.0, *faithfulness, 1.0])[:, None].expand(-1, 3)
    return Curve([0, 1, 10, 100, 1000], 5 * inside, 5 - 5 * inside, torch.full((3,), 5.0))


@pytest.mark.parametrize(
    ("faithfulness", "nodes"),
    [
        ((0.4, 0.6, 1.0), 10**1.5),  # half way from .6 to 1, on the axis of the logarithm
        ((0.4, 0.8, 0.9), 10.0),  # at a size that was scored
        ((0.9, 0.1, 0.9), 1.0),  # at once, whatever follows
        ((0.1, 0.2, 0.6), 10**2.5),  # not before all are there
    ],
)
def test_crossing(faithfulness: tuple[float, ...], nodes: float) -> None:
    assert crossing(curve(*faithfulness)) == pytest.approx(nodes, rel=1e-5)


def test_a_circuit_that_never_gets_there_crosses_nowhere() -> None:
    assert crossing(curve(0.1, 0.2, 0.3), level=1.5) is None
