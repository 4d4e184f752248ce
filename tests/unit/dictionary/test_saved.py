"""Dictionaries on disk: SAELens's layout, and what damaged or foreign folders get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from jobs.dictionary import ARCHITECTURES, load, save_folder
from jobs.dictionary.saved import hook_metadata
from jobs.names import parse_hook
from store import AskedWrongly, SaetuiError
from tests.unit.dictionary.made import made


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_there_and_back(architecture: str, tmp_path: Path) -> None:
    dictionary = made(architecture)
    save_folder(tmp_path, dictionary, scale=1.0, metadata={"hook_name": "blocks.0.hook_mlp_out"})
    loaded = load(tmp_path)
    x = torch.randn(7, 10)
    same = torch.allclose if dictionary.folded else torch.equal  # folding rounds
    assert same(loaded.encode(x), dictionary.encode(x))
    assert same(loaded(x), dictionary(x))
    expected = dictionary.saved_as or architecture
    assert (loaded.saved_as or loaded.architecture) == expected
    assert (loaded.d_in, loaded.d_sae, loaded.d_out) == (10, 24, 10)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_sparse_and_dense_codes_agree(architecture: str) -> None:
    dictionary = made(architecture)
    x = torch.randn(50, 10)
    code, dense = dictionary.sparse(x), dictionary.encode(x)
    torch.testing.assert_close(code.dense(24), dense)
    torch.testing.assert_close(dictionary.reconstruct(code), dictionary.decode(dense))
    torch.testing.assert_close(dictionary.written(x, code), dictionary(x))
    assert (code.values > 0).all()
    assert code.offsets.tolist() == [0, *(dense > 0).sum(1).cumsum(0).tolist()]


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_scale_is_folded_in(architecture: str, tmp_path: Path) -> None:
    """A dictionary trained on s·x reads x once saved; its features are in units of x."""
    dictionary, s = made(architecture), 4.0
    save_folder(tmp_path, dictionary, scale=s, metadata={})
    x = torch.randn(7, 10)
    torch.testing.assert_close(load(tmp_path).encode(x), dictionary.encode(s * x) / s)
    torch.testing.assert_close(load(tmp_path)(x), dictionary(s * x) / s)


def test_layout_is_saelens(tmp_path: Path) -> None:
    save_folder(tmp_path, made("topk"), scale=1.0, metadata={"model_name": "tiny"})
    shapes = {k: tuple(v.shape) for k, v in load_file(tmp_path / "sae_weights.safetensors").items()}
    assert shapes == {"W_enc": (10, 24), "b_enc": (24,), "W_dec": (24, 10), "b_dec": (10,)}
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config == {
        "architecture": "topk",
        "d_in": 10,
        "d_sae": 24,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "k": 3,
        "rescale_acts_by_decoder_norm": False,
        "metadata": {
            "sae_lens_version": "6.54.0",
            "sae_lens_training_version": None,
            "model_name": "tiny",
        },
    }


@pytest.mark.parametrize(
    ("hook", "reshape"),
    [("L1.z", "hook_z"), ("L1.z.H0", "none"), ("L1.mlp_in", "none"), ("L1.attn_out", "none")],
)
def test_heads_of_z_are_joined_by_saelens_unless_one_is_meant(
    tmp_path: Path, hook: str, reshape: str
) -> None:
    save_folder(tmp_path, made("topk"), scale=1.0, metadata=hook_metadata(parse_hook(hook)))
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["reshape_activations"] == reshape


@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka"])
def test_a_batch_dictionary_is_saved_as_what_it_does_alone(
    architecture: str, tmp_path: Path
) -> None:
    """Selection over a batch is for training; the threshold it found is what others need."""
    dictionary = made(architecture)
    dictionary.threshold.data.fill_(0.7)
    save_folder(tmp_path, dictionary, scale=2.0, metadata={"model_name": "tiny"})
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["architecture"] == "jumprelu" and "k" not in config
    assert config["metadata"]["trained_as"] == architecture and config["metadata"]["k"] == 3
    saved = load_file(tmp_path / "sae_weights.safetensors")["threshold"]
    torch.testing.assert_close(saved, torch.full((24,), 0.35))


def test_gated_names_are_saelens(tmp_path: Path) -> None:
    save_folder(tmp_path, made("gated"), scale=1.0, metadata={})
    names = set(load_file(tmp_path / "sae_weights.safetensors"))
    assert names == {"W_enc", "W_dec", "b_dec", "b_gate", "b_mag", "r_mag"}


def test_same_weights_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        save_folder(tmp_path / name, made("topk"), scale=3.0, metadata={})
    a, b = (tmp_path / name / "sae_weights.safetensors" for name in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_b_dec_may_stay_in_the_input(tmp_path: Path) -> None:
    """SAELens folders with apply_b_dec_to_input off encode x itself."""
    save_folder(tmp_path, made("standard"), scale=1.0, metadata={})
    change(tmp_path, apply_b_dec_to_input=False)
    loaded, x = load(tmp_path), torch.randn(5, 10)
    torch.testing.assert_close(loaded.encode(x), (x @ loaded.W_enc + loaded.b_enc).relu())


def change(folder: Path, **values: object) -> None:
    config = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps(config | values))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"architecture": "temporal"}, "'temporal'; this version knows standard, gated, topk"),
        ({"normalize_activations": "layer_norm"}, "fold that into the weights first"),
        ({"rescale_acts_by_decoder_norm": True}, "fold that into the weights first"),
        ({"k": "many"}, "no usable k"),
        ({"d_sae": 12}, r"W_enc in .* has shape \(10, 24\), but cfg.json asks for \(10, 12\)"),
        ({"k": 25}, "no usable k"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, values: dict[str, object], says: str) -> None:
    save_folder(tmp_path, made("topk"), scale=1.0, metadata={})
    change(tmp_path, **values)
    with pytest.raises(SaetuiError, match=says):
        load(tmp_path)


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(SaetuiError, match=r"cfg\.json cannot be read"):
        load(tmp_path / "nowhere")
    save_folder(tmp_path, made("topk"), scale=1.0, metadata={})
    weights = tmp_path / "sae_weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(SaetuiError, match="cannot be read"):
        load(tmp_path)
    save_file({"W_enc": torch.zeros(10, 24)}, weights)
    with pytest.raises(SaetuiError, match="holds no"):
        load(tmp_path)


def test_a_workspace_needs_an_id() -> None:
    with pytest.raises(AskedWrongly, match="Which dictionary"):
        load(object())  # type: ignore[arg-type]
