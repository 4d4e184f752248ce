"""Transcoders: pairs of hooks from one forward, in training, on disk and spliced into a model."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from jobs.dictionary import load, save_folder
from jobs.dictionary.architectures import Transcoder
from jobs.dictionary.exchange import read
from jobs.dictionary.initial import from_data
from jobs.dictionary.learner import Recipe
from jobs.dictionary.massive import Scale
from jobs.dictionary.profile.splice import silenced, transcoded
from jobs.dictionary.profile.subject import Site, subject
from jobs.dictionary.stream import ActivationStream
from jobs.dictionary.trainer import Plan, Stopped, Trainer
from jobs.names import Hook
from tests.unit.dictionary.worlds import PretendCorpus, PretendModel

READ, WRITTEN = Hook(0, "mlp_in"), Hook(0, "mlp_out")
D_OUT = 20
RECIPE = Recipe(learning_rate=3e-3, dead_after=512, aux_k=8, seed=3)


class Mlp(PretendModel):
    """Writes another direction of another width for each that it reads, and a constant."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(12)
        self.answer = torch.randn(len(self.true), D_OUT, generator=generator) / 4
        self.long = 1.0
        """Factor on what is written at position 3."""

    def activations(self, tokens: Tensor, hooks: list[Hook]) -> dict[Hook, Tensor]:
        (x,) = super().activations(tokens, [READ]).values()
        y = (self.strength[tokens % 500] @ self.answer + 0.5).to(x.dtype)
        y[:, 3] *= self.long
        return {hook: x if hook == READ else y for hook in hooks}


def trainer(folder: Path, skip: bool = False, model: Mlp | None = None, **more: object) -> Trainer:
    stream = ActivationStream(
        *(model or Mlp(), PretendCorpus(), []),
        pairs=[(READ, WRITTEN)],
        tokens=6144,
        batch=128,
        buffer=512,
        forward=8,
    )
    plan = Plan("one", WRITTEN, "transcoder", 128, {"k": 4, "skip": skip}, RECIPE, READ)
    return Trainer([plan], stream, folder, precision="float32", checkpoint_every=1000, **more)


def saved(run: Trainer, folder: Path) -> Path:
    read_scale, scale = run.stream.scales[READ], run.stream.scales[WRITTEN]
    save_folder(folder, run.learners["one"].dictionary, scale.factor, {}, read_scale.factor)
    return folder


@pytest.mark.parametrize("skip", [False, True])
def test_learns_what_is_written_and_keeps_the_models_units(tmp_path: Path, skip: bool) -> None:
    """Each hook has its own width and scale; both are folded away in what is saved."""
    run = trainer(tmp_path / "run", skip)
    run.train()
    curve = [row["fvu"] for row in run.curves["one"].rows]
    assert curve[-1] < 0.65 * curve[0]
    loaded = load(saved(run, tmp_path / "saved"))
    assert (loaded.d_in, loaded.d_out) == (32, D_OUT)
    tokens = torch.arange(400).view(25, 16)
    at = Mlp().activations(tokens, [READ, WRITTEN])
    x, y = (at[hook].flatten(0, 1).float() for hook in (READ, WRITTEN))
    reads, writes = (run.stream.scales[hook].factor for hook in (READ, WRITTEN))
    expected = run.learners["one"].dictionary(x * reads) / writes
    torch.testing.assert_close(loaded(x), expected, rtol=1e-3, atol=1e-4)
    assert (y - loaded(x)).square().sum() / (y - y.mean(0)).square().sum() < 0.6
    assert torch.allclose(loaded.W_dec.norm(dim=1), torch.ones(128), atol=1e-5)


def test_a_skip_begins_as_the_best_linear_map_and_features_with_what_it_leaves() -> None:
    generator = torch.Generator().manual_seed(4)
    x = 1 + torch.randn(900, 10, generator=generator) * torch.linspace(0.3, 3, 10)
    true = torch.randn(6, 10, generator=generator)
    left = torch.randn(900, 6, generator=generator).relu() / 10
    y = x @ true.T + left
    one = Transcoder(10, 24, 3, skip=True, d_out=6).requires_grad_(False)
    from_data(one, x, generator, y)
    linear = y.mean(0) + (x - x.mean(0)) @ one.W_skip.T
    spread = (y - y.mean(0)).square().sum()
    assert (y - linear).square().sum() < 0.05 * spread
    rest = y - one.bypass(x)
    along = torch.nn.functional.normalize(rest - rest.mean(0)) @ one.W_dec.T
    torch.testing.assert_close(along.amax(0), torch.ones(24))  # each is what one row leaves


@pytest.mark.parametrize("asked_at", [3, 33])
def test_stops_and_resumes_to_the_same_bytes(tmp_path: Path, asked_at: int) -> None:
    whole, questions = trainer(tmp_path / "whole", True), itertools.count()
    whole.train()
    with pytest.raises(Stopped):
        trainer(tmp_path / "cut", True, stop=lambda: next(questions) >= asked_at).train()
    again = trainer(tmp_path / "cut", True)
    again.train()
    a, b = (saved(run, tmp_path / name) for run, name in ((whole, "a"), (again, "b")))
    for file in ("sae_weights.safetensors", "cfg.json"):
        assert (a / file).read_bytes() == (b / file).read_bytes()


def test_a_token_massive_at_either_hook_is_left_out_at_both(tmp_path: Path) -> None:
    model = Mlp()
    model.sink, model.long = 100.0, 100.0  # positions 0 of the input, 3 of the output
    run = trainer(tmp_path, model=model)
    run.train()
    assert run.stream.left_out == {(READ, WRITTEN): 6144 * 2 // 16}


def random(skip: bool = True) -> Transcoder:
    torch.manual_seed(1)
    made = Transcoder(10, 24, 3, skip=skip, d_out=6)
    for parameter in made.parameters():
        parameter.data.normal_()
    made.threshold.data.abs_()
    return made.requires_grad_(False)


@pytest.mark.parametrize("skip", [False, True])
def test_the_folder_is_saelens(tmp_path: Path, skip: bool) -> None:
    save_folder(tmp_path, random(skip), 1.0, {}, 1.0)
    shapes = {k: tuple(v.shape) for k, v in load_file(tmp_path / "sae_weights.safetensors").items()}
    wanted = {"W_enc": (10, 24), "b_enc": (24,), "threshold": (24,)}
    wanted |= {"W_dec": (24, 6), "b_dec": (6,)} | ({"W_skip": (6, 10)} if skip else {})
    assert shapes == wanted
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["architecture"] == f"jumprelu_{'skip_' if skip else ''}transcoder"
    assert config["d_out"] == 6 and config["apply_b_dec_to_input"] is False
    trained = {"trained_as": "transcoder", "k": 3} | ({"skip": True} if skip else {})
    assert config["metadata"].items() >= trained.items()


def test_a_relu_transcoder_of_saelens_is_one_with_thresholds_of_zero(tmp_path: Path) -> None:
    made = random()
    made.threshold.data.zero_()
    save_folder(tmp_path, made, 1.0, {})
    path = tmp_path / "sae_weights.safetensors"
    save_file({k: v for k, v in load_file(path).items() if k != "threshold"}, path)
    config = json.loads((tmp_path / "cfg.json").read_text())
    (tmp_path / "cfg.json").write_text(json.dumps(config | {"architecture": "skip_transcoder"}))
    found, x = read(tmp_path).dictionary, torch.randn(7, 10)
    torch.testing.assert_close(found(x), made(x), rtol=1e-4, atol=1e-4)


def test_spliced_it_writes_from_what_it_read_except_at_massive_tokens() -> None:
    made, scale = random(), Scale(1.0, 3.0, limit=100.0, skip_first=False)
    reads, writes = (Site(torch.zeros(d), scale) for d in (10, 6))
    one = subject(
        *("one", WRITTEN, made, writes, torch.randn(50, 10)), 2, 0, source=READ, heard=reads
    )
    x, y = torch.randn(2, 5, 10), torch.randn(2, 5, 6)
    x[0, 1] *= 1000
    y[1, 2] *= 1000
    massive = torch.zeros(2, 5, dtype=torch.bool)
    massive[0, 1] = massive[1, 2] = True
    for edits, wanted in ((transcoded(one), made(x)), (silenced(one), torch.zeros_like(y))):
        assert list(edits) == [READ, WRITTEN] and edits[READ](x) is x
        out = edits[WRITTEN](y)
        assert torch.equal(out[massive], y[massive])
        torch.testing.assert_close(out[~massive], wanted[~massive])
