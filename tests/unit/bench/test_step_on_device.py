"""The step bench for GPUs: its counts, its dense baseline, a small run on the CPU."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from jobs.dictionary.precision import FastEncoder
from tests.bench import peers, step_on_device
from tests.bench.peers_step import ALL, Size
from tests.bench.step_counts import Limits, Work, dense, entries, ours, shares, sparsify
from tests.unit.dictionary.made import made

SMALL = Size("topk", d=10, m=100, batch=5)


@pytest.fixture
def dense_losses(monkeypatch: pytest.MonkeyPatch) -> object:
    """The module, which workers import from beside them."""
    monkeypatch.syspath_prepend(str(Path(peers.__file__).parent))
    import dense_losses  # type: ignore[import-not-found]

    yield dense_losses
    sys.modules.pop("dense_losses")


@pytest.mark.parametrize("architecture", ALL)
def test_the_dense_baseline_has_our_loss_and_gradients(
    architecture: str, dense_losses: object
) -> None:
    dictionary = made(architecture, d_in=10, d_sae=24)
    if architecture == "transcoder":
        dictionary.W_skip = dictionary.skip = None
    x, y = torch.randn(2, 16, 10)
    y = y if architecture == "transcoder" else x
    step = dictionary.learn_pairs(x, y, FastEncoder(dictionary, "float32"), 0.3)
    p = {name: one.detach().clone() for name, one in dictionary.named_parameters()}
    learned = {name: one.requires_grad_() for name, one in p.items()}
    loss = dense_losses.loss_of(architecture, dictionary.options(), 0.3)(p, x, y)
    loss.backward()
    torch.testing.assert_close(loss.detach(), step.loss)
    for name, one in dictionary.named_parameters():
        if name not in dictionary.estimated:
            torch.testing.assert_close(learned[name].grad, one.grad, rtol=1e-4, atol=1e-4, msg=name)


def test_our_step_multiplies_the_encoder_whole_and_the_rest_where_features_fire() -> None:
    n, wide = 5 * 3, 10 * 100
    low = ours(SMALL, k=3, s=2)
    assert (low.low, low.full) == (2 * 5 * wide, 2 * n * 10 * 5)  # refined in float32
    whole = ours(SMALL, k=3, s=4)
    assert whole.full == 2 * n * 10 * 4
    gated = ours(SMALL._replace(architecture="gated"), k=3, s=2)
    assert gated.full == 2 * (5 * 6) * 10 * 7  # 2√10 features a token fire at first


def test_our_step_moves_what_fires_beside_the_weights() -> None:
    wide = 10 * 100
    one, two = ours(SMALL, k=1, s=2), ours(SMALL, k=2, s=2)
    assert two.moved - one.moved == 5 * 4 * 10 * 5  # a token's entry reads a row in each product
    weights = one.moved - 5 * 4 * 10 * 5 - 2 * 2 * 5 * 100 - 4 * 5 * 10 * 7
    assert weights == (8 + 2 * (4 + 28) + 32) * wide


def test_dense_steps_do_five_products_whatever_fires() -> None:
    assert dense(SMALL, k=1, s=2) == dense(SMALL, k=50, s=2)
    assert dense(SMALL, k=1, s=2).low == 5 * 2 * 5 * 10 * 100
    assert dense(SMALL._replace(architecture="gated"), k=1, s=2).low == 7 * 2 * 5 * 10 * 100


def test_sparsify_spares_the_second_look_and_moves_more() -> None:
    theirs, mine = sparsify(SMALL, k=3, s=2), ours(SMALL, k=3, s=2)
    assert theirs.low == mine.low
    assert theirs.full == mine.full * 4 / 5


def test_no_more_features_fire_than_there_are() -> None:
    assert entries(SMALL, k=32) == 5 * 32
    assert entries(SMALL._replace(m=20), k=32) == 5 * 20


def test_shares_are_of_the_time_a_step_took() -> None:
    found = shares(Work(low=100.0, full=10.0, moved=50.0), Limits(200.0, 20.0, 1000.0), 2.0)
    assert found == {"of_matmul": 0.5, "of_bandwidth": 0.025}


def test_a_step_is_timed_on_the_cpu_to_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_on_device, "WARM_UP", 1)
    to = tmp_path / "step.json"
    asked = f"--device cpu --only topk --sizes 16,128,64 --rounds 2 --steps 1 --limit 64 {1 << 16}"
    where = ["--environments", str(tmp_path / "none"), "--to", str(to), "--eager", "--threads", "1"]
    step_on_device.main([*asked.split(), *where])
    found = json.loads(to.read_text())
    assert {row["library"] for row in found["rows"]} == {"saetui", "dense"}
    assert all(row["device_ms"] > 0 and row["of_matmul"] > 0 for row in found["rows"])
    assert found["about"]["limits"].keys() == {"low", "full", "moved"}
    assert "sparsify is left out" in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for device, why in (("cuda", "sees no GPU here"), ("mps", "valid are cuda"), ("x", "is none")):
        with pytest.raises(SystemExit) as ended:
            step_on_device.main(["--device", device])
        assert ended.value.code == 2
        told = capsys.readouterr().err
        assert why in told and told.count("\n") == 1
