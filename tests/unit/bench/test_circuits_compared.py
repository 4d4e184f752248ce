"""Where a circuit becomes faithful is told between the sizes that were scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.causal.curve import Curve
from tests.bench.circuits_compared import crossing, means, paired, read


def curve(*faithfulness: float) -> Curve:
    """At 0, 1, 10, 100 and all of 1,000 nodes, on three prompts alike."""
    inside = torch.tensor([0.0, *faithfulness, 1.0])[:, None].expand(-1, 3)
    return Curve(
        [0, 1, 10, 100, 1000], 5 * inside, 5 - 5 * inside, torch.full((3,), 5.0), torch.arange(3)
    )


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


def test_prompts_that_read_the_same_are_no_more_than_one(tmp_path: Path) -> None:
    """A prompt kept three times over makes no interval narrower."""
    shares = torch.tensor([[0.0, 0.2, 0.5, 0.9, 1.0], [0.0, 0.6, 0.8, 0.9, 1.0]]).T
    path = tmp_path / "relp.npz"
    sizes = np.array([0, 1, 10, 100, 1000])

    def kept(times: int, lift: float = 0.0) -> Curve:
        inside = (shares + lift * shares * (1 - shares)).repeat(1, times).numpy()
        np.savez(path, sizes=sizes, inside=inside, outside=1 - inside, clean=np.ones(2 * times))
        return read(path, ["a dog", "a cat"] * times)

    ours, other = kept(1), kept(3)
    assert other.content.tolist() == [0, 1, 0, 1, 0, 1]
    row = {"task": "t", "level": "l", "method": "relp", "seed": 0, "nodes_for_80": 1}
    found = [means({"c": curve}, [row | {"circuit": "c"}])[0] for curve in (ours, other)]
    assert found[0]["low"] < found[0]["cmd_log"] < found[0]["high"]
    both = [row | {"circuit": "c"}, row | {"circuit": "d", "method": "cascade"}]
    apart = [paired({"c": kept(n), "d": kept(n, 0.5)}, both)[0] for n in (1, 3)]
    assert apart[0]["low"] < apart[0]["high"] < 0
    for (once, often), what in ((found, "cmd_log"), (apart, "difference")):
        for key in ("low", what, "high"):
            assert often[key] == pytest.approx(once[key], abs=1e-6)
