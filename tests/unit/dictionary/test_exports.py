"""Dictionaries written for other libraries, and read again: the same reconstruction.

That the libraries themselves find it too is held by `tests/exchange`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from jobs.dictionary import ARCHITECTURES, Dictionary, save_folder
from jobs.dictionary.architectures import Transcoder
from jobs.dictionary.exchange import Foreign, read
from jobs.dictionary.saved import hook_metadata
from jobs.exports import LIBRARIES, formats_of
from jobs.names import parse_hook
from saetui.cli import main
from store import AskedWrongly, SaetuiError, Workspace
from tests.unit.dictionary.exported import exported, trained
from tests.unit.dictionary.made import made

NAME = "tiny/L2.resid_post/one"


def saved(folder: Path, one: Dictionary, hook: str = "L2.resid_post", **config: Any) -> Path:
    metadata = {"model_name": "tiny", **hook_metadata(parse_hook(hook)), "context_size": 64}
    save_folder(folder, one, 1.0, metadata)
    text = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps(text | config))
    return folder


def there_and_back(source: Path, to: Path, format_: str) -> Foreign:
    return read(exported(source, to, format_), format_)


def assert_same(found: Dictionary, expected: Dictionary) -> None:
    x = torch.randn(200, expected.d_in)
    error = torch.linalg.vector_norm(found(x) - expected(x)) / torch.linalg.vector_norm(expected(x))
    assert error < 1e-6
    assert ((found.encode(x) > 0) == (expected.encode(x) > 0)).all()


@pytest.mark.parametrize("format_", LIBRARIES)
@pytest.mark.parametrize(
    "architecture", [*ARCHITECTURES, "topk_transcoder", "topk_skip_transcoder"]
)
def test_every_architecture_that_both_know_comes_back(
    architecture: str, format_: str, tmp_path: Path
) -> None:
    expected = trained(architecture)
    source = saved(tmp_path / "ours", expected)
    config = json.loads((source / "cfg.json").read_text())
    if format_ in formats_of(config):
        found = there_and_back(source, tmp_path / "theirs", format_)
        assert_same(found.dictionary, expected)
        assert found.model == "tiny" and found.hook is not None
        assert parse_hook(found.hook) == parse_hook("L2.resid_post")
    else:
        with pytest.raises(AskedWrongly, match=f"which {LIBRARIES[format_]} cannot hold; "):
            there_and_back(source, tmp_path / "theirs", format_)


@pytest.mark.parametrize(
    ("architecture", "format_"),
    [
        ("standard", "dictionary_learning"),
        ("gated", "dictionary_learning"),
        ("jumprelu", "dictionary_learning"),
        ("batchtopk", "dictionary_learning"),
        ("matryoshka", "dictionary_learning"),
        ("topk", "dictionary_learning"),
        ("topk", "sparsify"),
    ],
)
def test_libraries_that_take_b_dec_off_write_for_those_that_do_not(
    architecture: str, format_: str, tmp_path: Path
) -> None:
    source = saved(tmp_path / "ours", trained(architecture), apply_b_dec_to_input=False)
    expected = read(source).dictionary
    assert not expected.subtract_b_dec
    assert_same(there_and_back(source, tmp_path / "theirs", format_).dictionary, expected)


@pytest.mark.parametrize(
    ("architecture", "own"),
    [
        ("batchtopk", "BatchTopKSAE"),
        ("matryoshka", "MatryoshkaBatchTopKSAE"),
        ("jumprelu", "JumpReluAutoEncoder"),
    ],
)
def test_thresholds_go_where_their_training_keeps_them(
    architecture: str, own: str, tmp_path: Path
) -> None:
    source = saved(tmp_path / "ours", trained(architecture))
    found = there_and_back(source, tmp_path / "theirs", "dictionary_learning")
    assert found.architecture == own
    state = torch.load(tmp_path / "theirs" / "ae.pt", weights_only=True)
    assert state["threshold"].ndim == (1 if architecture == "jumprelu" else 0)
    if architecture == "matryoshka":
        assert state["group_sizes"].tolist() == [6, 6, 12]


def test_a_batchtopk_with_a_threshold_a_feature_goes_as_jumprelu(tmp_path: Path) -> None:
    one = made("batchtopk")
    found = there_and_back(saved(tmp_path / "a", one), tmp_path / "b", "dictionary_learning")
    assert found.architecture == "JumpReluAutoEncoder"
    assert_same(found.dictionary, one)


def test_directions_have_length_one_where_dictionary_learning_makes_them_so(
    tmp_path: Path,
) -> None:
    """A direction of length zero, which it would divide by, becomes a feature that is silent."""
    one = trained("standard")
    one.W_dec.data[4] = 0
    found = there_and_back(saved(tmp_path / "a", one), tmp_path / "b", "dictionary_learning")
    torch.testing.assert_close(found.dictionary.W_dec.norm(dim=1), torch.ones(24))
    x = torch.randn(50, 10)
    assert not found.dictionary.encode(x)[:, 4].any()
    torch.testing.assert_close(found.dictionary(x), one(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("format_", ["saelens", "dictionary_learning", "sparsify"])
@pytest.mark.parametrize("hook", ["L1.z", "L1.z.H2", "L1.mlp_in", "L0.resid_mid"])
def test_every_hook_is_said(hook: str, format_: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "ours", trained("topk"), hook)
    found = there_and_back(source, tmp_path / "theirs", format_).hook
    assert found is not None and parse_hook(found) == parse_hook(hook)


def test_sparsify_writes_as_wide_as_it_reads(tmp_path: Path) -> None:
    one = Transcoder(10, 24, k=3, d_out=6, per_token=True)
    with pytest.raises(AskedWrongly, match="nor can another format; its own folder is"):
        there_and_back(saved(tmp_path / "a", one), tmp_path / "b", "sparsify")


def test_damaged_weights_are_one_sentence(tmp_path: Path) -> None:
    source = saved(tmp_path / "ours", trained("topk"))
    (source / "sae_weights.safetensors").write_bytes(b"")
    for format_ in ("dictionary_learning", "sparsify"):
        with pytest.raises(SaetuiError, match=r"sae_weights.safetensors is empty") as caught:
            there_and_back(source, tmp_path / format_, format_)
        assert "\n" not in str(caught.value)


def workspace(root: Path, one: Dictionary) -> Workspace:
    made_here = Workspace.create(root)
    with made_here.publish_folder("dictionaries", NAME, manifest={"kind": "train_sae"}) as to:
        saved(to, one)
    return made_here


def test_the_command_writes_a_whole_folder_or_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = trained("gated")
    root, out = workspace(tmp_path / "ws", one).root, tmp_path / "out"
    words = ["export", "sae", NAME, "-w", str(root), "--to"]
    assert main([*words, str(out / "a"), "--format", "dictionary_learning"]) == 0
    assert f"{NAME} is in {out / 'a'} (dictionary_learning)." in capsys.readouterr().out
    assert_same(read(out / "a").dictionary, one)
    assert main([*words, str(out / "b"), "--format", "sparsify"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "which sparsify cannot hold; say --format saelens or --format dictionary_" in said
    assert [path.name for path in out.iterdir()] == ["a"]


def test_sparsify_finds_its_own_names(tmp_path: Path) -> None:
    source = saved(tmp_path / "ours", trained("topk_skip_transcoder"))
    there_and_back(source, tmp_path / "theirs", "sparsify")
    shapes = {k: tuple(v.shape) for k, v in load_file(tmp_path / "theirs/sae.safetensors").items()}
    assert shapes == {
        "encoder.weight": (24, 10),
        "encoder.bias": (24,),
        "W_dec": (24, 10),
        "b_dec": (10,),
        "W_skip": (10, 10),
    }
