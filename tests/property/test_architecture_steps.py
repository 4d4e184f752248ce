"""Each architecture's sparse step against its paper's formula, dense, in float64, by autograd."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from jobs.dictionary import ARCHITECTURES, Dictionary
from jobs.dictionary.accumulate import accumulated
from jobs.dictionary.architectures import (
    BatchTopK,
    Crosscoder,
    Gated,
    JumpReLU,
    Matryoshka,
    Transcoder,
)
from jobs.dictionary.batchtop import BLOCK, batch_top_k, joined
from jobs.dictionary.precision import FastEncoder
from tests.unit.dictionary.made import made

SHAPES = {
    "batch": st.integers(1, 12),
    "d": st.integers(1, 9),
    "m": st.integers(2, 60),
    "seed": st.integers(0, 10_000),
}
LAMBDA = 0.3


def assert_step_is_autograds(
    dictionary: Dictionary, loss: Tensor, x: Tensor, y: Tensor | None = None
) -> None:
    """Of the whole batch at once, and of a third of it at a time."""
    by_parts = partial(accumulated, dictionary)
    for parameter in dictionary.parameters():
        parameter.grad = None
    loss.backward()
    wanted = {name: p.grad for name, p in dictionary.named_parameters()}
    target = x if y is None else y
    encoder = FastEncoder(dictionary, "float32")
    for learn, rows in ((dictionary.learn_pairs, None), (by_parts, -(-len(x) // 3))):
        encoder.limit(rows)
        step = learn(x, target, encoder, LAMBDA)
        torch.testing.assert_close(step.loss, loss.detach())
        for name, parameter in dictionary.named_parameters():
            if name not in dictionary.estimated:
                torch.testing.assert_close(
                    parameter.grad, wanted[name], rtol=1e-9, atol=1e-9, msg=f"gradient of {name}"
                )


def batch_mask(before: Tensor, k: int) -> Tensor:
    """1 at the k·B largest of all pre-activations, 0 elsewhere."""
    flat = before.detach().relu().flatten()
    kept = flat.topk(min(k * len(before), len(flat))).indices
    return torch.zeros_like(flat).index_fill(0, kept, 1.0).view(before.shape)


def double(architecture: str, d: int, m: int, seed: int, **changes: Any) -> tuple[Any, Tensor]:
    dictionary = made(architecture, d, m, k=max(1, m // 4), seed=seed).double()
    for name, value in changes.items():
        setattr(dictionary, name, value)
    return dictionary, torch.randn(12, d, dtype=torch.float64)


@settings(max_examples=40, deadline=None)
@given(**SHAPES, subtract=st.booleans())
def test_batchtopk(batch: int, d: int, m: int, seed: int, subtract: bool) -> None:
    dictionary, x = double("batchtopk", d, m, seed, subtract_b_dec=subtract)
    x, before = x[:batch], dictionary.before(x[:batch])
    f = before.relu() * batch_mask(before, dictionary.k)
    loss = (x - dictionary.decode(f)).square().sum() / batch
    assert_step_is_autograds(dictionary, loss, x)


@settings(max_examples=40, deadline=None)
@given(**SHAPES, n=st.integers(1, 4), subtract=st.booleans())
def test_crosscoder(batch: int, d: int, m: int, seed: int, n: int, subtract: bool) -> None:
    """A dense code from all sources, a decoder and an error a source; k·B by f_i Σ_s‖d_i,s‖."""
    torch.manual_seed(seed)
    k = max(1, m // 4)
    dictionary = Crosscoder(n * d, m, k, n).double()
    for parameter in dictionary.parameters():
        parameter.data.normal_()
    dictionary.W_dec.data = dictionary.pinned(dictionary.W_dec.data)
    dictionary.subtract_b_dec = subtract
    x = torch.randn(batch, n, d, dtype=torch.float64)
    W_enc, W_dec = dictionary.W_enc.view(n, d, m), dictionary.W_dec.view(m, n, d)
    b_dec = dictionary.b_dec.view(n, d)
    read = x - b_dec if subtract else x
    before = torch.einsum("bnd,ndm->bm", read, W_enc) + dictionary.b_enc
    norms = torch.linalg.vector_norm(W_dec, dim=-1).sum(1)
    f = before.relu() * batch_mask(before * norms, k)
    written = torch.einsum("bm,mnd->bnd", f, W_dec) + b_dec
    loss = (x - written).square().sum((1, 2)).mean()
    assert_step_is_autograds(dictionary, loss, x.flatten(1))


@settings(max_examples=40, deadline=None)
@given(**SHAPES, d_out=st.integers(1, 9), skip=st.booleans())
def test_transcoder(batch: int, d: int, m: int, seed: int, d_out: int, skip: bool) -> None:
    torch.manual_seed(seed)
    k = max(1, m // 4)
    dictionary = Transcoder(d, m, k, skip=skip, d_out=d_out).double()
    for parameter in dictionary.parameters():
        parameter.data.normal_()
    x = torch.randn(batch, d, dtype=torch.float64)
    y = torch.randn(batch, d_out, dtype=torch.float64)
    centred = x - dictionary.b_in.detach()
    before = centred @ dictionary.W_enc + dictionary.b_enc
    written = (before.relu() * batch_mask(before, k)) @ dictionary.W_dec + dictionary.b_dec
    if dictionary.W_skip is not None:
        written = written + centred @ dictionary.W_skip.T
    assert_step_is_autograds(dictionary, (y - written).square().sum() / batch, x, y)


@settings(max_examples=40, deadline=None)
@given(**SHAPES, data=st.data())
def test_matryoshka(batch: int, d: int, m: int, seed: int, data: st.DataObject) -> None:
    prefixes = [*sorted(data.draw(st.sets(st.integers(1, m - 1), max_size=4))), m]
    dictionary, x = double("matryoshka", d, m, seed, prefixes=prefixes)
    x, before = x[:batch], dictionary.before(x[:batch])
    f = before.relu() * batch_mask(before, dictionary.k)
    nested = [
        (x - (f[:, :w] @ dictionary.W_dec[:w] + dictionary.b_dec)).square().sum() for w in prefixes
    ]
    assert_step_is_autograds(dictionary, sum(nested) / len(nested) / batch, x)


@settings(max_examples=40, deadline=None)
@given(**SHAPES, subtract=st.booleans())
def test_gated(batch: int, d: int, m: int, seed: int, subtract: bool) -> None:
    dictionary, x = double("gated", d, m, seed, subtract_b_dec=subtract)
    x = x[:batch]
    centred = dictionary.centred(x)
    gate = centred @ dictionary.W_enc + dictionary.b_enc
    strength = centred @ (dictionary.W_enc * dictionary.r_mag.exp()) + dictionary.b_mag
    f = strength.relu() * (gate > 0)
    through_gate = gate.relu() @ dictionary.W_dec.detach() + dictionary.b_dec.detach()
    loss = (x - dictionary.decode(f)).square().sum() + (x - through_gate).square().sum()
    loss = loss + LAMBDA * math.sqrt(d) * gate.relu().sum()
    torch.testing.assert_close(dictionary.encode(x), f)
    assert_step_is_autograds(dictionary, loss / batch, x)


class Jump(torch.autograd.Function):
    """z·H(z − θ) and H(z − θ), with the paper's pseudo-derivatives in θ where z > 0."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, theta: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(z, theta)
        ctx.width = width
        on = ((z > theta) & (z > 0)).to(z)
        return z * on, on

    @staticmethod
    def backward(ctx: Any, df: Tensor, dH: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        z, theta = ctx.saved_tensors
        near = ((z - theta).abs() < ctx.width / 2) & (z > 0)
        dtheta = near * (theta * df + dH) / -ctx.width
        return df * ((z > theta) & (z > 0)), dtheta, None


@pytest.mark.parametrize("penalty", ["l0", "tanh"])
@settings(max_examples=40, deadline=None)
@given(**SHAPES, bandwidth=st.sampled_from([0.1, 1.0, 3.0]))
def test_jumprelu(batch: int, d: int, m: int, seed: int, bandwidth: float, penalty: str) -> None:
    dictionary, x = double("jumprelu", d, m, seed, bandwidth=bandwidth, penalty=penalty)
    x = x[:batch]
    for share in (0.0, 1.0):  # densely wherever anything fires, sparsely whatever fires
        theta = dictionary.threshold.expand(batch, m)
        f, H = Jump.apply(dictionary.before(x), theta, dictionary.widths().detach())
        paid = H.sum() if penalty == "l0" else torch.tanh(4 * f).sum()
        loss = ((x - dictionary.decode(f)).square().sum() + LAMBDA * d * paid) / batch
        torch.testing.assert_close(dictionary.encode(x), f)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("jobs.dictionary.architectures.jumprelu.SPARSE_BELOW", share)
            assert_step_is_autograds(dictionary, loss, x)


@pytest.mark.parametrize("architecture", ["standard", "gated"])
@settings(max_examples=40, deadline=None)
@given(**SHAPES)
def test_the_first_steps_lower_the_bias_until_few_fire(
    batch: int, d: int, m: int, seed: int, architecture: str
) -> None:
    dictionary, x = double(architecture, d, m, seed)
    x, total = x[:batch], dictionary.active_at_start() * batch
    dictionary.starting = True
    dictionary.learn(x, FastEncoder(dictionary, "float32"), LAMBDA)
    assert int((dictionary.before(x) > 1e-9).sum()) <= total
    found = {name: p.grad.clone() for name, p in dictionary.named_parameters()}
    dictionary.starting = False

    def same(shift: float) -> bool:
        dictionary.b_enc.data.add_(shift)
        dictionary.learn(x, FastEncoder(dictionary, "float32"), LAMBDA)
        named = dictionary.named_parameters()
        return all(torch.allclose(p.grad, found[name], 1e-7, 1e-7) for name, p in named)

    assert same(-1e-12) or same(2e-12)  # the last to fire lies on the edge, by rounding in or out


@settings(max_examples=40, deadline=None)
@given(**SHAPES)
def test_the_first_steps_of_jumprelu_select_as_batchtopk_does(
    batch: int, d: int, m: int, seed: int
) -> None:
    dictionary, x = double("jumprelu", d, m, seed)
    x, dictionary.starting = x[:batch], True
    before = dictionary.before(x)
    mask = batch_mask(before, dictionary.active_at_start())
    loss = (x - dictionary.decode(before.relu() * mask)).square().sum()
    loss = loss + LAMBDA * d * (mask * (before > 0)).sum() + 0.0 * dictionary.threshold.sum()
    assert_step_is_autograds(dictionary, loss / batch, x)


@settings(max_examples=100, deadline=None)
@given(
    batch=st.integers(1, 20),
    m=st.integers(1, 200),
    share=st.floats(0, 1),
    levels=st.sampled_from([2, 5, 1000]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 10_000),
)
def test_batch_top_k_is_exact_with_any_ties(
    batch: int, m: int, share: float, levels: int, dtype: torch.dtype, seed: int
) -> None:
    total = max(1, round(share * batch * m / 4))
    generator = torch.Generator().manual_seed(seed)
    x = (torch.randint(0, levels, (batch, m), generator=generator) / levels - 0.3).to(dtype)
    top = batch_top_k(x, total)
    flat = x.float().flatten().tolist()
    wanted = sorted(range(len(flat)), key=lambda place: (-flat[place], place))[:total]
    wanted = sorted(place for place in wanted if flat[place] > 0)
    assert (top.code.rows() * m + top.code.indices).tolist() == wanted
    assert top.code.values.tolist() == [flat[place] for place in wanted]
    slices = x.split(max(1, batch // 3))
    whole = joined([batch_top_k(part, total) for part in slices], total)
    assert all(torch.equal(a, b) for a, b in zip(whole.code, top.code, strict=True))
    assert float(whole.cutoff) == float(top.cutoff)
    assert float(top.cutoff) == min([flat[place] for place in wanted], default=0.0)


def test_batch_top_k_looks_at_columns_that_fill_no_block() -> None:
    x = torch.zeros(3, 5 * BLOCK + 3)
    x[1, -1] = x[2, 0] = 1.0
    code = batch_top_k(x, 2).code
    assert (code.rows().tolist(), code.indices.tolist()) == ([1, 2], [5 * BLOCK + 2, 0])


@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka", "jumprelu", "gated"])
def test_low_precision_only_chooses(architecture: str) -> None:
    """With the encoder in bfloat16, values and error are those of float32, but for a few pairs at
    the edge.
    """
    dictionary = made(architecture, 48, 400, k=12, seed=3)
    dictionary.b_enc.data.fill_(-20.0)  # few fire: the sparse way
    x = torch.randn(64, 48)
    exact = dictionary.learn(x, FastEncoder(dictionary, "float32"), LAMBDA)
    step = dictionary.learn(x, FastEncoder(dictionary, "bfloat16"), LAMBDA)
    same = ((step.error - exact.error).abs().amax(1) < 1e-3).float().mean()
    assert same > 0.3
    assert (step.error.norm() / exact.error.norm() - 1).abs() < 0.02
    assert int((step.active - exact.active).abs().sum()) <= 0.02 * int(exact.active.sum())


def test_classes_are_the_registrys() -> None:
    named: list[Callable[..., Dictionary]] = [BatchTopK, Gated, JumpReLU, Matryoshka]
    assert [ARCHITECTURES[kind.architecture] for kind in named] == named  # type: ignore[attr-defined]
