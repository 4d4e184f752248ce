"""Training keeps to one device, and takes the branches for CUDA to the CPU's results."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from jobs.dictionary import ARCHITECTURES
from jobs.dictionary.initial import from_data
from jobs.dictionary.learner import Learner, Recipe
from jobs.dictionary.stream import ActivationStream
from jobs.dictionary.trainer import Plan, Stopped, Trainer
from jobs.names import Hook
from tests.unit.dictionary.elsewhere import GPU, Elsewhere, pretended_gpu
from tests.unit.dictionary.made import options
from tests.unit.dictionary.worlds import HOOK, OTHER, PretendCorpus, PretendModel

RECIPE = Recipe(
    learning_rate=3e-3, sparsity=0.05, dead_after=64, aux_k=4, start=0.5, micro_batch=24
)


def trained(architecture: str, precision: str, device: str) -> tuple[dict[str, Tensor], int]:
    """Weights after six steps that begin, settle, revive and re-seed; how many were re-seeded."""
    torch.manual_seed(0)
    x = torch.randn(256, 32)
    kind = ARCHITECTURES[architecture]
    dictionary = kind(d_in=32, d_sae=96, **options(architecture, 96, 4)).requires_grad_(False)
    dictionary.to(device)
    x = x.to(device)
    y = x.flip(1) if architecture == "transcoder" else None
    from_data(dictionary, x, torch.Generator().manual_seed(0), y)
    dictionary.b_enc[:3] = -50.0
    learner = Learner(dictionary, RECIPE, precision)
    for step in range(6):
        part = slice(32 * step, 32 * step + 32)
        learner.step(x[part], step / 6, measure=step == 5, y=None if y is None else y[part])
    learner.restore(learner.tensors())
    return {name: p.detach() for name, p in dictionary.named_parameters()}, learner.reseeded


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_training_on_a_gpu_brings_no_tensor_of_the_cpu_in(
    architecture: str, precision: str
) -> None:
    wanted, reseeded = trained(architecture, precision, "cpu")
    with pretended_gpu():
        found, as_many = trained(architecture, precision, "cuda:0")
    assert as_many == reseeded > 0
    for name, p in found.items():
        assert isinstance(p, Elsewhere)
        # Sums are added up in another order; Adam makes the difference a step where a gradient is
        # near zero.
        far = (p.held - wanted[name]).abs() > 1e-4
        assert far.float().mean() < 0.02, name


class ModelThere(PretendModel):
    """Reads tokens on the GPU, and leaves its activations there."""

    def activations(self, tokens: Tensor, hooks: list[Hook]) -> dict[Hook, Tensor]:
        assert tokens.device == GPU
        found = super().activations(tokens.cpu(), hooks)
        return {hook: x.to(GPU) for hook, x in found.items()}


def test_a_job_on_a_gpu_reads_trains_stops_and_resumes(tmp_path: Path) -> None:
    plans = [
        Plan("topk", HOOK, "topk", 64, {"k": 4}, RECIPE),
        Plan("gated", OTHER, "gated", 64, {}, RECIPE),
    ]

    def trained_by(model: PretendModel, folder: str, device: str, **more: Any) -> Trainer:
        asked = {"tokens": 2048, "batch": 128, "buffer": 512, "device": device}
        stream = ActivationStream(model, PretendCorpus(ragged=True), [HOOK, OTHER], **asked)
        made = Trainer(plans, stream, tmp_path / folder, precision="float32", device=device, **more)
        made.train()
        return made

    wanted = trained_by(PretendModel(), "cpu", "cpu")
    questions = itertools.count()
    with pretended_gpu():
        with pytest.raises(Stopped):
            trained_by(ModelThere(), "gpu", "cuda:0", stop=lambda: next(questions) >= 6)
        found = trained_by(ModelThere(), "gpu", "cuda:0")
    for name, learner in found.learners.items():
        assert learner.dictionary.device == GPU
        assert learner.adam.steps == wanted.learners[name].adam.steps


def test_what_lies_in_two_places_is_refused() -> None:
    with pretended_gpu():
        x = torch.ones(3, device="cuda:0")
        assert (x + 1).device == GPU
        with pytest.raises(RuntimeError, match="brings together"):
            x + torch.ones(3)
        with pytest.raises(RuntimeError, match="generator of the CPU"):
            torch.randn(3, device="cuda:0", generator=torch.Generator())
        assert x.to("cpu").tolist() == [1.0, 1.0, 1.0]
