"""Folders of other libraries: what is read from them, and what bad ones get.

That the peers' own files are read to the same numbers is held by `tests/exchange`, with the peers.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from jobs.dictionary import load, save_folder
from jobs.dictionary.exchange import read
from jobs.dictionary.exchange.sample import measured, warning
from jobs.dictionary.saved import hook_metadata
from jobs.names import Hook, parse_hook
from store import SaetuiError
from tests.unit.dictionary.bomb import Bomb
from tests.unit.dictionary.made import made

D, M = 10, 24


def saelens(folder: Path, architecture: str = "topk") -> Path:
    metadata = {"model_name": "gpt2", "hook_name": "blocks.1.hook_resid_pre"}
    save_folder(folder, made(architecture), 1.0, metadata)
    return folder


def test_one_head_of_z_is_named_as_saelens_names_it(tmp_path: Path) -> None:
    hook = Hook(1, "z", 3)
    save_folder(tmp_path, made("topk"), 1.0, hook_metadata(hook))
    metadata = json.loads((tmp_path / "cfg.json").read_text())["metadata"]
    assert metadata["hook_name"] == "blocks.1.attn.hook_z" and metadata["hook_head_index"] == 3
    found = read(tmp_path).hook
    assert found is not None and parse_hook(found) == hook


def test_all_heads_of_z_are_read_as_one_activation(tmp_path: Path) -> None:
    save_folder(tmp_path, made("topk"), 1.0, hook_metadata(Hook(1, "z")))
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["reshape_activations"] == "hook_z"
    found = read(tmp_path).hook
    assert found is not None and parse_hook(found) == Hook(1, "z")
    change(tmp_path, reshape_activations="hook_q")
    refused(tmp_path, "reshapes activations \\('hook_q'\\); this version knows hook_z")
    change(tmp_path, reshape_activations="hook_z", metadata={"hook_name": "blocks.1.hook_mlp_out"})
    refused(tmp_path, "joins heads of z, but its hook is blocks.1.hook_mlp_out")


def change(folder: Path, **values: Any) -> None:
    config = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps(config | values))


def change_weights(folder: Path, **values: torch.Tensor) -> None:
    path = folder / "sae_weights.safetensors"
    save_file(load_file(path) | values, path)


def learning(folder: Path, kind: str = "BatchTopKSAE", **state: Any) -> Path:
    folder.mkdir(exist_ok=True)
    about = {"dict_class": kind, "k": 3, "layer": 2, "submodule_name": "resid_post_layer_2"}
    (folder / "config.json").write_text(json.dumps({"trainer": about | {"lm_name": "gpt2"}}))
    usual = {
        "encoder.weight": torch.randn(M, D),
        "encoder.bias": torch.randn(M),
        "decoder.weight": torch.randn(D, M),
        "b_dec": torch.randn(D),
        "k": torch.tensor(3),
        "threshold": torch.tensor(0.5),
    }
    torch.save(usual | state, folder / "ae.pt")
    return folder


def sparsify(folder: Path, more: dict[str, torch.Tensor] | None = None, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    usual = {"activation": "topk", "k": 3, "num_latents": M, "d_in": D, "transcode": False}
    (folder / "cfg.json").write_text(json.dumps(usual | config))
    names = {"encoder.weight": (M, D), "encoder.bias": (M,), "W_dec": (M, D), "b_dec": (D,)}
    weights = {name: torch.randn(shape) for name, shape in names.items()}
    save_file(weights | (more or {}), folder / "sae.safetensors")
    return folder


@pytest.mark.parametrize("skip", [False, True])
def test_sparsifys_transcoders_keep_their_k_a_token(tmp_path: Path, skip: bool) -> None:
    """No threshold says which features fire; what is kept here reads and writes the same."""
    W_skip = torch.randn(D, D)
    more = {"W_skip": W_skip} if skip else None
    folder = sparsify(tmp_path / "layers.3.mlp", more, transcode=True, skip_connection=skip)
    found, x = read(folder), torch.randn(9, D)
    assert (found.architecture, found.hook) == ("transcoder", "L3.mlp_out")
    save_folder(tmp_path / "ours", found.dictionary, 1.0, {})
    state, kept = load_file(folder / "sae.safetensors"), load(tmp_path / "ours")
    before = (x @ state["encoder.weight"].T + state["encoder.bias"]).relu()
    top = before.topk(3, dim=1)
    f = torch.zeros_like(before).scatter(1, top.indices, top.values)
    y = f @ state["W_dec"] + state["b_dec"] + (x @ W_skip.T if skip else 0)
    for one in (found.dictionary, kept):
        torch.testing.assert_close(one.encode(x), f)
        torch.testing.assert_close(one.sparse(x).dense(M), f)
        torch.testing.assert_close(one(x), y)


def test_files_say_where_a_dictionary_belongs(tmp_path: Path) -> None:
    found = read(saelens(tmp_path / "a"))
    assert (found.format, found.architecture) == ("saelens", "topk")
    assert (found.model, found.hook) == ("gpt2", "blocks.1.hook_resid_pre")
    found = read(learning(tmp_path / "b"))
    assert (found.format, found.architecture) == ("dictionary_learning", "BatchTopKSAE")
    assert (found.model, found.hook) == ("gpt2", "L2.resid_post")
    found = read(sparsify(tmp_path / "layers.7.mlp"))
    assert (found.format, found.model, found.hook) == ("sparsify", None, "L7.mlp_out")


def test_unfinished_batch_training_has_its_threshold(tmp_path: Path) -> None:
    """What SAELens keeps while it trains: one number, which inference needs for every feature."""
    folder = saelens(tmp_path)
    change(folder, architecture="batchtopk", k=3.0, rescale_acts_by_decoder_norm=True)
    change_weights(folder, topk_threshold=torch.tensor(0.75, dtype=torch.double))
    dictionary, x = read(folder).dictionary, torch.randn(9, D)
    weights = load_file(folder / "sae_weights.safetensors")
    norms = weights["W_dec"].norm(dim=1)
    before = ((x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]) * norms
    torch.testing.assert_close(dictionary.encode(x), before * (before > 0.75))
    torch.testing.assert_close(dictionary.W_dec.norm(dim=1), torch.ones(M))


def test_before_6_a_top_k_was_an_activation_function(tmp_path: Path) -> None:
    """Those SAELens itself reads as topk."""
    x = torch.randn(9, D)
    expected = read(saelens(tmp_path / "now")).dictionary(x)
    words = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 3}}
    for name, changed in {
        "none": words,
        "standard": words | {"architecture": "standard"},
        "k": {"architecture": "topk", "activation_fn_kwargs": {"k": 3}},
    }.items():
        before_6(saelens(tmp_path / name), drop=("architecture", "k"), **changed)
        found = read(tmp_path / name)
        assert found.architecture == "topk"
        torch.testing.assert_close(found.dictionary(x), expected, rtol=0, atol=0)


def test_before_6_other_words_said_the_same(tmp_path: Path) -> None:
    folder = saelens(tmp_path, "standard")
    x, expected = torch.randn(9, D), read(folder).dictionary
    before_6(folder, hook_point="blocks.{layer}.attn.hook_z", hook_point_layer=3)
    change(folder, hook_point_head_index=1, model_name="gpt2", activation_fn_str="relu")
    change_weights(folder, scaling_factor=torch.ones(M))
    for normalised in (None, False, "none"):
        change(folder, normalize_activations=normalised)
        found = read(folder)
        assert (found.model, found.hook) == ("gpt2", "blocks.3.attn.hook_z.H1")
        torch.testing.assert_close(found.dictionary(x), expected(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"normalize_activations": True}, "normalises activations .'expected_average_only_in'"),
        ({"activation_fn_str": "tanh-relu"}, "activation_fn 'tanh-relu'; this version knows relu"),
        ({"activation_fn_str": "topk"}, "no usable k: None"),
        ({"activation_fn_str": "topk", "activation_fn_kwargs": {"k": "8"}}, "no usable k: '8'"),
    ],
)
def test_folders_from_before_6_that_cannot_be_read(tmp_path: Path, values: Any, says: str) -> None:
    folder = saelens(tmp_path, "standard")
    before_6(folder, **values)
    refused(folder, says)


def test_a_scaling_factor_that_scales_is_refused(tmp_path: Path) -> None:
    folder = saelens(tmp_path, "standard")
    change_weights(folder, scaling_factor=torch.full((M,), 1.5))
    refused(folder, "has a finetuning scaling factor")


def before_6(folder: Path, drop: tuple[str, ...] = (), **values: Any) -> None:
    config = json.loads((folder / "cfg.json").read_text())
    kept = {k: v for k, v in config.items() if k not in (*drop, "metadata", "reshape_activations")}
    (folder / "cfg.json").write_text(json.dumps(kept | values))


@pytest.mark.parametrize(
    ("version", "values", "says"),
    [
        ("6.54.9", {}, None),
        ("6.55.0", {}, "SAELens 6.55.0, newer than 6.54.0, .*; all its keys are known"),
        (
            "7.0.0-rc.1",
            {"warp": 1, "bent": 0},
            "SAELens 7.0.0-rc.1, .*; not understood are bent, w",
        ),
    ],
)
def test_a_newer_saelens_is_read_with_a_warning(
    tmp_path: Path, version: str, values: Any, says: str | None
) -> None:
    folder = saelens(tmp_path)
    change(folder, metadata={"sae_lens_version": version}, **values)
    warned = read(folder).warning
    assert warned is None if says is None else re.search(says, warned or "")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"architecture": "temporal"}, "architecture 'temporal'; this version knows standard"),
        (
            {"architecture": "quantum", "metadata": {"sae_lens_version": "9.1.0"}},
            "'quantum'; .*; the folder is of SAELens 9.1.0, newer than this version knows",
        ),
        (
            {"d_sae": 12, "metadata": {"sae_lens_version": "9.1.0"}},
            r"asks for \(.*\); the folder is of SAELens 9.1.0, newer than this version knows\.$",
        ),
        ({"normalize_activations": "layer_norm"}, "normalises activations"),
        ({"finetuning_scaling_factor": True}, "finetuning scaling factor"),
        ({"d_sae": 12}, "has shape"),
        ({"k": 99}, "no usable k: it is above d_sae"),
        ({"d_in": "wide"}, "no usable d_in"),
    ],
)
def test_saelens_folders_that_cannot_be_read(tmp_path: Path, values: Any, says: str) -> None:
    folder = saelens(tmp_path)
    change(folder, **values)
    refused(folder, says)


def test_weights_that_cannot_be_right(tmp_path: Path) -> None:
    folder = saelens(tmp_path / "nan")
    change_weights(folder, b_enc=torch.full((M,), torch.nan))
    refused(folder, "b_enc in .* holds NaN")
    folder = saelens(tmp_path / "eighths")
    change_weights(folder, W_dec=torch.ones(M, D, dtype=torch.int8))
    refused(folder, "W_dec in .* holds int8, not real numbers")
    folder = saelens(tmp_path / "flat")
    change_weights(folder, W_enc=torch.zeros(D * M))
    refused(folder, "W_enc in .* has 1 axes")
    folder = learning(tmp_path / "cube", **{"decoder.weight": torch.zeros(D, M, 1)})
    refused(folder, "decoder.weight in .* has 3 axes; it should have 2")
    folder = learning(tmp_path / "narrow", **{"encoder.weight": torch.zeros(M, D - 1)})
    refused(folder, "W_enc in .* has shape")


def test_a_pickle_with_code_in_it_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    refused(learning(tmp_path / "bad", extra=Bomb(trace)), "more than weights .*; it is refused")
    assert not trace.exists()


def test_dictionary_learning_folders_that_cannot_be_read(tmp_path: Path) -> None:
    refused(learning(tmp_path / "a", kind="CrossCoder"), "dict_class 'CrossCoder'; this version")
    refused(learning(tmp_path / "b", threshold=torch.tensor(-1.0)), "before its threshold was est")
    folder = learning(tmp_path / "c")
    whole = (folder / "ae.pt").read_bytes()
    for content, says in {
        b"": "ae.pt is empty; copy or download it again",
        b"nothing of the kind": "ae.pt cannot be read: it is damaged or of another kind; copy or d",
        whole[:500]: "ae.pt cannot be read .*: it is damaged or of another kind; copy or download",
        b"\x80\x02nothing": "ae.pt (cannot be read|holds more than weights)",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0": "a pointer of Git LFS",
    }.items():
        (folder / "ae.pt").write_bytes(content)
        refused(folder, says)
    for empty in ([1, 2], {}):
        torch.save(empty, folder / "ae.pt")
        refused(folder, "holds no table of weights, which a state")


def test_sparsify_folders_that_cannot_be_read(tmp_path: Path) -> None:
    refused(sparsify(tmp_path / "a", skip_connection=True), "an autoencoder with a skip connection")
    folder = sparsify(tmp_path / "b", transcode=True, skip_connection=True)
    refused(folder, "sae.safetensors holds no W_skip")
    refused(sparsify(tmp_path / "c", activation="groupmax"), "activation 'groupmax'")
    refused(sparsify(tmp_path / "d", k=M + 1), "no usable k")
    refused(sparsify(tmp_path / "e", signed=True), "with either sign")
    refused(sparsify(tmp_path / "f", num_latents=M + 1), f"asks for .{D}, {M + 1}.")


@pytest.mark.parametrize(
    ("made_by", "weights"), [(saelens, "sae_weights.safetensors"), (sparsify, "sae.safetensors")]
)
def test_safetensors_that_cannot_be_read(tmp_path: Path, made_by: Any, weights: str) -> None:
    folder = made_by(tmp_path / "a")
    whole = (folder / weights).read_bytes()
    for content, says in {
        b"": f"{weights} is empty; copy or download it again",
        whole[:300]: f"{weights} cannot be read .*: it is damaged or of another kind; copy or d",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0": "a pointer of Git LFS",
    }.items():
        (folder / weights).write_bytes(content)
        refused(folder, says)
    save_file({}, folder / weights)
    refused(folder, f"{weights} holds no .*; it is not a whole dictionary")


def test_folders_of_no_format(tmp_path: Path) -> None:
    refused(tmp_path, "holds no dictionary: wanted are cfg.json and sae_weights.safetensors")
    saelens(tmp_path / "layer_3")
    refused(tmp_path, "Its folder layer_3 may be one")
    with pytest.raises(SaetuiError, match=r"no config.json, so it is not a dictionary_learning"):
        read(tmp_path / "layer_3", "dictionary_learning")


def refused(folder: Path, says: str) -> None:
    with pytest.raises(SaetuiError, match=says) as caught:
        read(folder)
    assert "\n" not in str(caught.value)


def test_a_sample_tells_what_a_dictionary_was_trained_on() -> None:
    """One that knows the directions fits their sums; fed with others it says what would fit."""
    torch.manual_seed(0)
    directions = torch.randn(32, 24)
    directions = torch.linalg.qr(directions - directions.mean(0)).Q.T  # each with mean 0 over d
    y = ((torch.rand(800, 24) < 0.1) * (1 + torch.rand(800, 24))) @ directions
    dictionary = made("jumprelu", 32, 24)
    dictionary.W_dec.data, dictionary.encoder.data = directions, directions.clone()
    for parameter in (dictionary.b_dec, dictionary.b_enc):
        parameter.data.zero_()
    dictionary.threshold.data.fill_(0.8)
    sample = measured(dictionary, y)
    assert sample.fvu < 0.01 and sample.fvu_random > 0.3 and sample.tokens == 800
    assert warning(dictionary, y, sample) is None

    shifted = y + 3 * torch.randn(800, 1)  # what processing takes away: a part common to all d
    told = warning(dictionary, shifted, measured(dictionary, shifted))
    assert told is not None and "centred over d (processed weights) its FVU is 0." in told
    dictionary.b_dec.data.fill_(50)
    told = warning(dictionary, y, measured(dictionary, y))
    assert told is not None and "Check hook and model" in told
