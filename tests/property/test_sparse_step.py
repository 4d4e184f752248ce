"""The sparse step is autograd's gradient, for every architecture and any shape."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from jobs.dictionary import ARCHITECTURES, Dictionary
from jobs.dictionary.auxiliary import auxiliary_step
from jobs.dictionary.code import SparseCode, from_mask, offsets_of
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import by_feature, dense_step, sampled_dot, sparse_step

SHAPES = {
    "batch": st.integers(1, 12),
    "d": st.integers(1, 9),
    "m": st.integers(2, 40),
    "seed": st.integers(0, 10_000),
}


def made(architecture: str, d: int, m: int, seed: int) -> Dictionary:
    """A dictionary with random weights in float64."""
    torch.manual_seed(seed)
    options = {"k": max(1, m // 3)} if architecture == "topk" else {}
    dictionary = ARCHITECTURES[architecture](d_in=d, d_sae=m, **options).double()
    for parameter in dictionary.parameters():
        parameter.data.normal_()
    return dictionary


def by_autograd(dictionary: Dictionary, loss: Tensor) -> dict[str, Tensor]:
    for parameter in dictionary.parameters():
        parameter.grad = None
    loss.backward()
    return {name: p.grad.clone() for name, p in dictionary.named_parameters()}


def assert_same_gradients(dictionary: Dictionary, wanted: dict[str, Tensor]) -> None:
    for name, parameter in dictionary.named_parameters():
        torch.testing.assert_close(parameter.grad, wanted[name], rtol=1e-9, atol=1e-9, msg=name)


@settings(max_examples=40, deadline=None)
@given(**SHAPES, penalty=st.sampled_from([0.0, 0.7]), subtract=st.booleans())
def test_standard_both_ways(
    batch: int, d: int, m: int, seed: int, penalty: float, subtract: bool
) -> None:
    dictionary = made("standard", d, m, seed)
    dictionary.subtract_b_dec = subtract
    x = torch.randn(batch, d, dtype=torch.float64)
    f = dictionary.encode(x)
    norms = torch.linalg.vector_norm(dictionary.W_dec, dim=1)
    loss = ((x - dictionary.decode(f)).square().sum() + penalty * (f @ norms).sum()) / batch
    wanted = by_autograd(dictionary, loss)

    with torch.no_grad():
        before = dictionary.before(x)
        step = sparse_step(dictionary, x, from_mask(before, before > 0), penalty)
        torch.testing.assert_close(step.loss, loss.detach())
        assert torch.equal(step.active, (f > 0).sum(0))
        assert_same_gradients(dictionary, wanted)
        step = dense_step(dictionary, x, before, before > 0, penalty, torch.float64)
        torch.testing.assert_close(step.loss, loss.detach())
        assert_same_gradients(dictionary, wanted)


@settings(max_examples=40, deadline=None)
@given(**SHAPES)
def test_topk(batch: int, d: int, m: int, seed: int) -> None:
    dictionary = made("topk", d, m, seed)
    x = torch.randn(batch, d, dtype=torch.float64)
    loss = (x - dictionary(x)).square().sum() / batch
    wanted = by_autograd(dictionary, loss)

    step = dictionary.learn(x, FastEncoder(dictionary, "float32"), 0.0)
    torch.testing.assert_close(step.loss, loss.detach())
    torch.testing.assert_close(step.error, (x - dictionary(x)).detach())
    assert_same_gradients(dictionary, wanted)


@settings(max_examples=40, deadline=None)
@given(**SHAPES, k=st.integers(1, 6), data=st.data())
def test_auxiliary(batch: int, d: int, m: int, seed: int, k: int, data: st.DataObject) -> None:
    dictionary = made("topk", d, m, seed)
    dead = torch.tensor(sorted(data.draw(st.sets(st.integers(0, m - 1), min_size=1))))
    x = torch.randn(batch, d, dtype=torch.float64)
    error = (x - dictionary(x)).detach()
    f = dictionary.before(x).relu()[:, dead]
    if len(dead) > k:
        f = torch.zeros_like(f).scatter(1, f.topk(k).indices, 1.0) * f
    weight = 1 / 32 * min(1, len(dead) / k)
    loss = weight * (error - f @ dictionary.W_dec[dead]).square().sum() / batch
    fixed = dictionary.b_dec.detach().clone()
    wanted = by_autograd(dictionary, loss)
    wanted["b_dec"].zero_()  # taken as fixed

    for parameter in dictionary.parameters():
        parameter.grad = torch.zeros_like(parameter)
    with torch.no_grad():
        got = auxiliary_step(dictionary, x, error, dead, k, 1 / 32)
    torch.testing.assert_close(got, loss.detach())
    assert torch.equal(dictionary.b_dec, fixed)
    assert_same_gradients(dictionary, wanted)


@pytest.mark.parametrize("architecture", ["topk", "standard"])
def test_low_precision_only_chooses(architecture: str) -> None:
    """With the encoder in bfloat16 the chosen features' values are still those of float32."""
    dictionary = made(architecture, 48, 400, 3).float()
    dictionary.b_enc.data.fill_(-22.0 if architecture == "standard" else 0.0)
    x = torch.randn(64, 48)
    step = dictionary.learn(x, FastEncoder(dictionary, "bfloat16"), 0.0)
    exact = (x - dictionary(x)).detach()
    # A few features at the edge may be chosen differently; all else is equal to rounding.
    same = ((step.error - exact).abs().amax(1) < 1e-3).float().mean()
    assert same > 0.5
    assert (step.error.norm() / exact.norm() - 1).abs() < 0.02


def test_pairs_without_a_fused_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the CPU kernel is missing, gathering in pieces gives the same dot products."""
    torch.manual_seed(0)
    left, right = torch.randn(9, 5), torch.randn(31, 5)
    mask = torch.rand(9, 31) < 0.3
    code = from_mask(torch.ones(9, 31), mask)
    fused = sampled_dot(code, left, right)
    monkeypatch.setattr("jobs.dictionary.sparse._fused", lambda device: False)
    monkeypatch.setattr("jobs.dictionary.sparse._GATHER", 20)
    torch.testing.assert_close(sampled_dot(code, left, right), fused)
    torch.testing.assert_close(fused, (left @ right.T)[mask])


@pytest.mark.parametrize("m", [40, 1 << 16, (1 << 16) + 1])
def test_entries_ascend_by_feature_and_tokens_within_one(m: int) -> None:
    indices = torch.randint(m, (90,), generator=torch.Generator().manual_seed(0))
    indices[:8] = m - 1
    code = SparseCode(offsets_of(torch.full((30,), 3)), indices, torch.ones(90))
    found = by_feature(code, m)
    wanted = sorted(range(90), key=lambda entry: (int(indices[entry]), entry))
    assert found.order.tolist() == wanted
    assert found.rows.tolist() == [entry // 3 for entry in wanted]
    assert found.offsets.diff().tolist() == torch.bincount(indices, minlength=m).tolist()
