"""The bfloat16 encoder errs by its roundings, and chooses otherwise only where these decide."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from jobs.dictionary import ARCHITECTURES, Dictionary
from jobs.dictionary.initial import from_data
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import SPARSE_BELOW
from tests.unit.dictionary.made import options

U = torch.finfo(torch.bfloat16).eps / 2
"""The most that rounding to bfloat16 takes, as a share of the number."""


def correlated(d: int, seed: int) -> Tensor:
    """Inputs with a mean and directions that many share, as activations have them."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(256, d, generator=generator) @ torch.randn(d, d, generator=generator)
    return mixed / d**0.5 + 2 * torch.randn(1, d, generator=generator)


def begun(architecture: str, x: Tensor) -> Dictionary:
    """A dictionary that starts from data, with biases that let more through."""
    kind, d = ARCHITECTURES[architecture], x.shape[1]
    dictionary = kind(d_in=d, d_sae=4 * d, **options(architecture, 4 * d, 8)).requires_grad_(False)
    from_data(dictionary, x, torch.Generator().manual_seed(0))
    noise = torch.randn(4 * d, generator=torch.Generator().manual_seed(1))
    dictionary.b_enc.add_(0.2 + noise / 20)
    return dictionary


class Read(NamedTuple):
    """Pre-activations in both precisions, [batch, m], and how far apart they may be."""

    low: Tensor
    exact: Tensor
    """In float64."""
    most: Tensor
    """No rounding of c, w, b and z can err by more."""
    usual: Tensor
    """What roundings that know nothing of each other make, root mean square."""


def read(dictionary: Dictionary, x: Tensor) -> Read:
    c, w, b = dictionary.centred(x).double(), dictionary.encoder.double(), dictionary.b_enc.double()
    exact = c @ w.T + b
    low = FastEncoder(dictionary, "bfloat16")(c.float()).double()
    # Two factors, then the sum: (1 + u)³ − 1, and the float32 that products are added up in.
    sums = c.abs() @ w.abs().T + b.abs()
    most = ((1 + U) ** 3 - 1 + len(w.T) * torch.finfo(torch.float32).eps) * sums
    squares = 2 * c.square() @ w.square().T + b.square() + exact.square()
    return Read(low, exact, most, U / 3**0.5 * squares.sqrt())


DENSE = ["standard", "jumprelu"]
"""Architectures whose steps use the pre-activations as they are while much fires."""


@pytest.mark.parametrize("d", [48, 256])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_pre_activations_err_by_their_roundings(architecture: str, d: int) -> None:
    x = correlated(d, seed=3)
    got = read(begun(architecture, x), x)
    error = got.low - got.exact
    assert bool((error.abs() <= got.most).all())
    assert 0.1 < float((error / got.usual).square().mean().sqrt()) < 1


@pytest.mark.parametrize("d", [48, 256])
@pytest.mark.parametrize("architecture", DENSE)
def test_the_dense_steps_choose_otherwise_only_at_the_edge(architecture: str, d: int) -> None:
    x = correlated(d, seed=4)
    dictionary = begun(architecture, x)
    edge = dictionary.threshold.double() if architecture == "jumprelu" else torch.zeros(4 * d)
    got = read(dictionary, x)
    exact, low = got.exact > edge, got.low > edge
    assert float(exact.double().mean()) > SPARSE_BELOW, "dense"
    other = exact != low
    assert bool(((got.exact - edge).abs() <= got.most)[other].all())
    # Pairs that lie within three usual errors of the edge are all that may change sides, but for
    # one in hundreds; and of all that fire they are few.
    near = (got.exact - edge).abs() < 3 * got.usual
    assert int((other & ~near).sum()) <= 0.01 * int(other.sum())
    assert 0 < int(other.sum()) < 0.02 * int(exact.sum())


@pytest.mark.parametrize("architecture", DENSE)
def test_the_dense_steps_learn_what_float32_learns(architecture: str) -> None:
    x = correlated(128, seed=5)
    dictionary = begun(architecture, x)
    losses, ways = [], []
    for precision in ("float32", "bfloat16"):
        step = dictionary.learn(x, FastEncoder(dictionary, precision), 0.05)
        losses.append(float(step.loss))
        gradients = (p.grad for p in dictionary.parameters() if p.grad is not None)
        ways.append(torch.cat([gradient.flatten().clone() for gradient in gradients]))
    assert step.code is None, "dense"
    assert losses[1] == pytest.approx(losses[0], rel=2 * U)
    assert float(torch.cosine_similarity(*ways, dim=0)) > 0.99
