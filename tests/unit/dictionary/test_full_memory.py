"""A step that does not fit the device's memory is done in halves, to the same result."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from jobs.dictionary import ARCHITECTURES, Dictionary
from jobs.dictionary.code import SparseCode
from jobs.dictionary.initial import from_data
from jobs.dictionary.learner import Learner, Recipe
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.stream import ActivationStream
from jobs.dictionary.trainer import Plan, Stopped, Trainer
from store import SaetuiError
from tests.unit.dictionary.made import options
from tests.unit.dictionary.test_learner import inputs
from tests.unit.dictionary.worlds import HOOK, PretendCorpus, PretendModel

RECIPE = Recipe(learning_rate=3e-3, sparsity=0.05, dead_after=512, aux_k=4, start=0.1, reseed=False)


def begun(architecture: str) -> Dictionary:
    """A dictionary that starts from data, eight of its features dead for AuxK."""
    kind = ARCHITECTURES[architecture]
    dictionary = kind(d_in=32, d_sae=96, **options(architecture, 96, 4)).requires_grad_(False)
    from_data(dictionary, inputs(), torch.Generator().manual_seed(0))
    dictionary.b_enc[:8] = -50.0
    return dictionary


def learned(
    architecture: str, said: list[str], dictionary: Dictionary | None = None, **changes: object
) -> Learner:
    """One after eight steps, of which the first two count as the beginning."""
    recipe = Recipe(**(vars(RECIPE) | changes))
    one = Learner(dictionary or begun(architecture), recipe, "float32", said.append)
    for step in range(8):
        one.step(inputs()[step * 100 : step * 100 + 100], 0.06 * step, measure=False)
    return one


def difference(one: Learner, other: Learner) -> float:
    a, b = one.tensors(), other.tensors()
    return max(float((a[name] - b[name]).abs().max()) for name in a if name.startswith("weights."))


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than 30 rows of pre-activations fit."""
    encode = FastEncoder.__call__

    def limited(self: FastEncoder, centred: Tensor) -> Tensor:
        if len(centred) > 30:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return encode(self, centred)

    monkeypatch.setattr(FastEncoder, "__call__", limited)


HALVED = [
    "out of GPU memory: 50 tokens of a step at a time from here on",
    "out of GPU memory: 25 tokens of a step at a time from here on",
]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_halved_it_learns_the_same(architecture: str, request: pytest.FixtureRequest) -> None:
    """Up to the order of sums: 1e-7 here."""
    said: list[str] = []
    whole = learned(architecture, said)
    assert not said
    parts = learned(architecture, said, micro_batch=25)
    assert not said and difference(whole, parts) < 1e-4
    assert torch.equal(whole.since, parts.since)
    request.getfixturevalue("small_memory")
    halved = learned(architecture, said)
    assert said == HALVED
    assert difference(halved, parts) == 0.0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_halved_where_reconstructions_do_not_fit(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After what fires was chosen: the choice is the whole batch's, decoding goes part by part."""
    for name in ("standard", "jumprelu"):  # the sparse way, however much fires
        monkeypatch.setattr(f"jobs.dictionary.architectures.{name}.SPARSE_BELOW", 1.0)
    whole, parts = learned(architecture, []), learned(architecture, [], micro_batch=25)
    times = SparseCode.times
    rows_a_token = 3 if architecture == "matryoshka" else 1  # it reconstructs by three prefixes

    def limited(self: SparseCode, rows: Tensor) -> Tensor:
        if len(self.offsets) - 1 > 30 * rows_a_token:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return times(self, rows)

    said: list[str] = []
    start = begun(architecture)
    monkeypatch.setattr(SparseCode, "times", limited)
    halved = learned(architecture, said, start)
    assert said == HALVED
    assert difference(halved, parts) == 0.0 and difference(halved, whole) < 1e-4
    assert torch.equal(halved.since, whole.since)


def test_when_one_token_does_not_fit_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: FastEncoder, centred: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(FastEncoder, "__call__", full)
    with pytest.raises(SaetuiError, match="not even one token of a step fits"):
        learned("topk", [])


@pytest.mark.parametrize("architecture", ["topk", "batchtopk"])
def test_a_resumed_run_goes_on_in_halves(
    architecture: str, tmp_path: Path, small_memory: None
) -> None:
    plan = Plan("one", HOOK, architecture, 64, {"k": 4}, RECIPE)

    def trainer(folder: str, **more: object) -> Trainer:
        stream = ActivationStream(
            PretendModel(), PretendCorpus(), [HOOK], tokens=3072, batch=128, buffer=512, forward=8
        )
        asked = {"precision": "float32", "checkpoint_every": 500} | more
        return Trainer([plan], stream, tmp_path / folder, **asked)  # type: ignore[arg-type]

    whole, questions = trainer("whole"), itertools.count()
    whole.train()
    with pytest.raises(Stopped):
        trainer("cut", stop=lambda: next(questions) >= 20).train()
    again = trainer("cut")
    again.train()
    assert again.learners["one"].encoder.rows == whole.learners["one"].encoder.rows == 16
    assert difference(again.learners["one"], whole.learners["one"]) == 0.0
