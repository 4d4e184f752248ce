"""Gemma Scope, Llama Scope, Qwen Scope: what is read from their files, and what bad ones get.

That SAELens reads the same from them is held by `tests/exchange`.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from jobs.dictionary.exchange import read
from jobs.dictionary.exchange.hub import fetched, on_hub
from jobs.names import Hook, parse_hook
from jobs.specs import ImportSae
from store import AskedWrongly, SaetuiError
from tests.unit.dictionary import scopes
from tests.unit.dictionary.bomb import Bomb
from tests.unit.dictionary.scopes import HOOK, NORM, D, K, M, drawn

X = torch.randn(60, D, generator=torch.Generator().manual_seed(1))


def jumped(x: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    z = x @ weights["W_enc"] + weights["b_enc"]
    return z.relu() * (z > weights["threshold"])


@pytest.mark.parametrize(
    ("kind", "hook"), [("res", "L3.resid_post"), ("mlp", "L3.mlp_out"), ("att", "L3.z")]
)
def test_gemma_scope_says_by_its_path_what_it_reads(tmp_path: Path, kind: str, hook: str) -> None:
    found, w = read(scopes.gemma(tmp_path, kind)), drawn()
    assert (found.format, found.architecture) == ("gemma_scope", "jumprelu")
    assert (found.model, found.hook, found.warning) == ("google/gemma-2-2b", hook, None)
    f = jumped(X, w)
    assert 0.1 < float((f > 0).float().mean()) < 0.9
    torch.testing.assert_close(found.dictionary.encode(X), f)
    torch.testing.assert_close(found.dictionary(X), f @ w["W_dec"] + w["b_dec"])


def test_gemma_scopes_transcoders_read_before_the_gain(tmp_path: Path) -> None:
    """The hook here has what the MLP reads, with the gain of the norm."""
    found, w = read(scopes.gemma(tmp_path, "transcoders")), drawn()
    assert (found.architecture, found.hook, found.before_gain) == ("transcoder", "L3.mlp_out", True)
    gain = torch.rand(D) + 0.5
    found.dictionary.read_multiplied(gain)
    torch.testing.assert_close(found.dictionary(X * gain), jumped(X, w) @ w["W_dec"] + w["b_dec"])


def test_a_gemma_scope_folder_elsewhere_says_less(tmp_path: Path) -> None:
    """Copied out of its repository it is read, once model and hook are said."""
    lies = scopes.gemma(tmp_path, inside="layer_3/width_16k/average_l0_82")
    shutil.copytree(lies, tmp_path / "mine")
    found = read(tmp_path / "mine")
    assert (found.model, found.hook) == (None, None)
    assert "mine is called gemma-scope-…, as the repository is: it is" in str(found.warning)
    cached = "models--google--gemma-scope-2b-pt-res/snapshots/0a1b/layer_3/width_16k/average_l0_82"
    shutil.copytree(lies, tmp_path / cached)
    assert read(tmp_path / cached).hook == "L3.resid_post"


def test_gemma_scope_folders_that_cannot_be_read(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    bad: dict[str, tuple[dict[str, Any], str]] = {
        "bomb": (
            {"b_enc": np.array([Bomb(trace)], dtype=object)},
            "more than numbers .*; it is re",
        ),
        "nan": ({"b_dec": np.full(D, np.nan)}, "b_dec in .* holds NaN or infinity"),
        "missing": ({"threshold": None}, "holds no threshold; it is not a whole dictionary"),
        "shape": ({"W_dec": np.zeros((M, D + 1))}, "W_dec in .* has shape"),
        "flat": ({"W_enc": np.zeros(M)}, "W_enc in .* has 1 axes; it should have 2"),
        "whole": ({"b_enc": np.zeros(M, int)}, "b_enc in .* holds int64, not real numbers"),
        "scaled": ({"scaling_factor": np.full(M, 2.0)}, "finetuning scaling factor"),
    }
    for name, (changes, says) in bad.items():
        refused(scopes.gemma(tmp_path / name, **changes), says)
    assert not trace.exists()
    folder = scopes.gemma(tmp_path / "bytes")
    whole = (folder / "params.npz").read_bytes()
    for content, says in {
        b"": "params.npz is empty; copy or download it again",
        b"nothing of the kind": "params.npz cannot be read: it is damaged or of another kind",
        whole[:900]: "params.npz cannot be read .*: it is damaged or of another kind",
        b"\x80\x04nothing": "holds more than numbers .reading a pickle may run code",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0": "a pointer of Git LFS",
    }.items():
        (folder / "params.npz").write_bytes(content)
        refused(folder, says)
    embedding = scopes.gemma(tmp_path / "e", inside="embedding/width_4k/average_l0_6")
    refused(embedding, "reads embeddings before they are scaled, which is no hook here")


@pytest.mark.parametrize("about", [None, {"model_name": "gemma-v3-1b-pt"}])
def test_gemma_scope_2_with_and_without_its_configuration(tmp_path: Path, about: Any) -> None:
    w = drawn()
    for kind, hook in (("resid_post", "resid_post"), ("attn_out_all", "z"), ("mlp_out", "mlp_out")):
        found = read(scopes.gemma_2(tmp_path / kind, kind, about))
        assert (found.format, found.model) == ("gemma_scope_2", "google/gemma-3-1b-pt")
        assert found.hook == f"L3.{hook}" and not found.before_gain
        torch.testing.assert_close(found.dictionary(X), jumped(X, w) @ w["W_dec"] + w["b_dec"])


@pytest.mark.parametrize("skip", [None, torch.randn(D, D)])
def test_gemma_scope_2s_transcoders_add_their_input_as_googles_tutorial_does(
    tmp_path: Path, skip: torch.Tensor | None
) -> None:
    found, w = read(scopes.gemma_2(tmp_path, "transcoder_all", skip=skip)), drawn()
    assert (found.architecture, found.hook) == ("transcoder", "L3.mlp_out")
    more = 0 if skip is None else X @ skip
    torch.testing.assert_close(found.dictionary(X), jumped(X, w) @ w["W_dec"] + w["b_dec"] + more)


def test_gemma_scope_2_elsewhere_is_told_by_its_configuration(tmp_path: Path) -> None:
    about = {"model_name": "google/gemma-3-270m-pt"}
    for point, hook in {
        "model.layers.7.output": "L7.resid_post",
        "model.layers.7.self_attn.o_proj.input": "L7.z",
        "model.layers.7.pre_feedforward_layernorm.output": "L7.mlp_out",
    }.items():
        told = about | {"hf_hook_point_in": point}
        shutil.copytree(scopes.gemma_2(tmp_path / hook, "any", told), tmp_path / f"my-{hook}")
        found = read(tmp_path / f"my-{hook}")
        assert (found.model, found.hook) == ("google/gemma-3-270m", hook)
        assert (found.architecture == "transcoder") == ("pre_feed" in point)


def test_gemma_scope_2_folders_that_cannot_be_read(tmp_path: Path) -> None:
    refused(scopes.gemma_2(tmp_path / "a", "clt"), "is of clt, which spans layers")
    refused(
        scopes.gemma_2(tmp_path / "b", about={"architecture": "topk"}), "architecture 'topk'; G"
    )
    refused(scopes.gemma_2(tmp_path / "c", b_dec=torch.full((D,), torch.inf)), "b_dec in .* NaN or")
    refused(scopes.gemma_2(tmp_path / "d", w_dec=torch.zeros(M, 3, D)), "w_dec in .* has 3 axes")
    refused(scopes.gemma_2(tmp_path / "e", threshold=torch.zeros(3)), "threshold in .* has shape")


def test_llama_scope_is_read_in_the_models_units(tmp_path: Path) -> None:
    found, w, s = read(scopes.llama(tmp_path)), drawn(), math.sqrt(D) / NORM
    assert (found.format, found.architecture) == ("llama_scope", "jumprelu")
    assert (found.model, found.hook, found.factor) == ("meta-llama/Llama-3.1-8B", HOOK, s)
    z = (s * X @ w["W_enc"] + w["b_enc"]) / s
    f = z.relu() * (z > 0.25)
    assert 0.1 < float((f > 0).float().mean()) < 0.9
    torch.testing.assert_close(found.dictionary.encode(X), f)
    torch.testing.assert_close(found.dictionary(X), f @ w["W_dec"] + w["b_dec"] / s)


def test_llama_scopes_directions_of_other_lengths_weigh_features(tmp_path: Path) -> None:
    """As their own library does it, before it compares with the threshold."""
    w, s = drawn(unit=False), math.sqrt(D) / NORM
    found, length = read(scopes.llama(tmp_path, unit=False)), w["W_dec"].norm(dim=1)
    z = (s * X @ w["W_enc"] + w["b_enc"]) / s * length
    f = z.relu() * (z > 0.25)
    torch.testing.assert_close(found.dictionary.encode(X), f)
    expected = f @ (w["W_dec"] / length[:, None]) + w["b_dec"] / s
    torch.testing.assert_close(found.dictionary(X), expected)


def test_a_top_k_of_llama_scope_stays_one_where_it_has_no_threshold(tmp_path: Path) -> None:
    found = read(scopes.llama(tmp_path, act_fn="topk", jump_relu_threshold=0.0)).dictionary
    assert found.architecture == "topk"
    assert int((found.encode(X) > 0).sum(1).max()) == K
    with_one = read(scopes.llama(tmp_path / "jumps", act_fn="topk")).dictionary
    assert with_one.architecture == "jumprelu"


def test_llama_scopes_transcoders_have_a_factor_at_either_end(tmp_path: Path) -> None:
    ends = {
        "hook_point_in": "blocks.3.ln2.hook_normalized",
        "hook_point_out": "blocks.3.hook_mlp_out",
    }
    norms = {"in": math.sqrt(D), "out": 0.5}
    found = read(scopes.llama(tmp_path, dataset_average_activation_norm=norms, **ends))
    assert found.before_gain and found.architecture == "transcoder"
    assert found.hook is not None and parse_hook(found.hook) == Hook(3, "mlp_out")
    w, s_out = drawn(), math.sqrt(D) / 0.5
    z = (X @ w["W_enc"] + w["b_enc"]) / s_out
    f = z.relu() * (z > 0.25)
    torch.testing.assert_close(found.dictionary(X), f @ w["W_dec"] + w["b_dec"] / s_out)


def test_llama_scopes_later_layout(tmp_path: Path) -> None:
    found, w, s = read(scopes.llama_later(tmp_path)), drawn(), math.sqrt(D) / NORM
    assert (found.format, found.hook, found.factor) == ("llama_scope", HOOK, pytest.approx(s))
    assert found.model == "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"
    scaled = jumped(s * X, w)
    torch.testing.assert_close(found.dictionary.encode(X), scaled / s)
    torch.testing.assert_close(found.dictionary(X), (scaled @ w["W_dec"] + w["b_dec"]) / s)
    unsaid = scopes.llama_later(tmp_path / "unsaid", norm=False)
    refused(unsaid, "does not say how long activations are at .*; give norm_scaling_factor=…")
    torch.testing.assert_close(read(unsaid, factor=s).dictionary(X), found.dictionary(X))


@pytest.mark.parametrize(
    ("about", "says"),
    [
        (
            {"norm_activation": "token-wise"},
            "normalises activations token-wise, which no weights c",
        ),
        ({"act_fn": "prelu"}, "act_fn 'prelu'; this version knows jumprelu, topk, relu"),
        ({"use_glu_encoder": True}, "has a gate beside its encoder"),
        ({"jump_relu_threshold": None}, "no usable jump_relu_threshold: None"),
        (
            {"dataset_average_activation_norm": {"in": 0.0}},
            "no usable dataset_average_activation_n",
        ),
        ({"dataset_average_activation_norm": None}, "does not say how long activations are"),
        ({"hook_point_in": 3}, "no usable hook_point_in: 3"),
        ({"d_model": D + 1}, "has shape"),
        ({"act_fn": "topk", "jump_relu_threshold": 0, "top_k": M + 1}, "no usable k: it is above"),
    ],
)
def test_llama_scope_folders_that_cannot_be_read(tmp_path: Path, about: Any, says: str) -> None:
    refused(scopes.llama(tmp_path, **about), says)


def test_weights_of_llama_scope_that_cannot_be_right(tmp_path: Path) -> None:
    refused(scopes.llama(tmp_path / "a", drop="decoder.bias"), "holds no decoder.bias; it is not a")
    for name, changes, says in (
        ("nan", {"encoder.bias": torch.full((M,), torch.nan)}, "b_enc in .* holds NaN or infinity"),
        ("less", {"encoder.bias": torch.zeros(M - 1)}, "not of equally many features"),
        ("whole", {"decoder.weight": torch.ones(D, M, dtype=torch.int8)}, "W_dec in .* holds int8"),
    ):
        folder = scopes.llama(tmp_path / name)
        path = folder / "checkpoints" / "final.safetensors"
        save_file(load_file(path) | changes, path)
        refused(folder, says)


def test_qwen_scope_says_its_k_by_its_repository(tmp_path: Path) -> None:
    path = scopes.qwen(tmp_path)
    found, w = read(path), drawn()
    assert (found.format, found.architecture, found.hook) == ("qwen_scope", "topk", "L3.resid_post")
    assert found.model == "Qwen/Qwen3-1.7B-Base"
    z = (X @ w["W_enc"] + w["b_enc"]).relu()
    top = z.topk(K, dim=1)
    f = torch.zeros_like(z).scatter(1, top.indices, top.values)
    torch.testing.assert_close(found.dictionary(X), f @ w["W_dec"] + w["b_dec"])
    alone = shutil.copy(path, tmp_path / path.name)
    refused(Path(alone), "only the name of its repository says; put the file into a folder of that")


def test_transcoders_of_qwen_have_no_threshold(tmp_path: Path) -> None:
    path = scopes.qwen_transcoder(tmp_path)
    found, w = read(path), drawn()
    assert (found.format, found.model) == ("qwen_transcoder", "Qwen/Qwen3-0.6B")
    assert (found.architecture, found.hook) == ("transcoder", "L3.mlp_out")
    f = (X @ w["W_enc"] + w["b_enc"]).relu()
    torch.testing.assert_close(found.dictionary(X), f @ w["W_dec"] + w["b_dec"])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    refused(scopes.qwen(tmp_path / "a", b_enc=None), "holds no b_enc; it is not a whole dictionary")
    refused(scopes.qwen(tmp_path / "b", b_dec=torch.full((D,), torch.nan)), "b_dec in .* holds NaN")
    refused(scopes.qwen(tmp_path / "c", W_enc=torch.zeros(M, D + 1)), "W_enc in .* has shape")
    trace = tmp_path / "ran"
    refused(scopes.qwen(tmp_path / "d", more=Bomb(trace)), "holds more than weights .*; it is refu")
    assert not trace.exists()
    other = tmp_path / "layer3.pt"
    other.touch()
    refused(
        other, "is a file of no kind that is read; wanted is a folder, or Qwen's layer12.sae.pt"
    )
    refused(scopes.llama(tmp_path / "e"), "is a folder; qwen_scope is a file a layer", "qwen_scope")


def refused(folder: Path, says: str, format_: str = "auto") -> None:
    with pytest.raises(SaetuiError, match=says) as caught:
        read(folder, format_)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "repository", "folder"),
    [
        (
            "gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82",
            "google/gemma-scope-2b-pt-res",
            "layer_12/width_16k/average_l0_82",
        ),
        (
            "gemma-scope-2-1b-pt-res/layer_13_width_16k_l0_big",
            "google/gemma-scope-2-1b-pt",
            "resid_post/layer_13_width_16k_l0_big",
        ),
        (
            "gemma-scope-2-270m-it-transcoders/transcoder/layer_9_width_16k_l0_small_affine",
            "google/gemma-scope-2-270m-it",
            "transcoder/layer_9_width_16k_l0_small_affine",
        ),
        (
            "llama_scope_lxm_32x/l7m_32x",
            "fnlp/Llama3_1-8B-Base-LXM-32x",
            "Llama3_1-8B-Base-L7M-32x",
        ),
        (
            "qwen-scope-3-30b-a3b-base-w128k-l100/layer7",
            "Qwen/SAE-Res-Qwen3-30B-A3B-Base-W128K-L0_100",
            "layer7.sae.pt",
        ),
        ("google/gemma-scope-2b-pt-res/layer_1", "google/gemma-scope-2b-pt-res", "layer_1"),
        ("llama_scope_lxm_32x/l7r_32x", "llama_scope_lxm_32x/l7r_32x", ""),
    ],
)
def test_names_of_saelens_say_where_they_lie_on_the_hub(
    name: str, repository: str, folder: str
) -> None:
    assert on_hub(name) == (repository, folder, None)


@pytest.mark.parametrize(
    ("owner", "make", "name", "hook"),
    [
        ("google", scopes.gemma, "gemma-scope-2b-pt-res/{}", "L3.resid_post"),
        ("google", scopes.gemma_2, "google/gemma-scope-2-1b-pt/{}", "L3.resid_post"),
        ("fnlp", scopes.llama, "llama_scope_lxr_8x/l3r_8x", HOOK),
        ("Qwen", scopes.qwen, "Qwen/SAE-Res-Qwen3-1.7B-Base-W32K-L0_4/{}", "L3.resid_post"),
    ],
)
def test_what_the_hub_gave_once_is_read_by_its_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: str,
    make: Callable[[Path], Path],
    name: str,
    hook: str,
) -> None:
    """From the hub's cache, as `huggingface_hub` keeps it."""
    repository, *inside = make(tmp_path / "made").relative_to(tmp_path / "made").parts
    kept = tmp_path / "hub" / f"models--{owner}--{repository}"
    shutil.copytree(tmp_path / "made" / repository, kept / "snapshots" / "0a1b2c")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("0a1b2c")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    source = name.format("/".join(inside))
    found = read(fetched(source, on_hub(source)))
    assert found.hook == hook and found.model and found.warning is None


def test_which_dictionary_is_canonical_only_saelens_tells() -> None:
    with pytest.raises(
        AskedWrongly, match="google/gemma-scope-2b-pt-res/layer_12/width_16k/average"
    ):
        on_hub("gemma-scope-2b-pt-res-canonical/layer_12/width_16k/canonical")


@pytest.mark.parametrize("name", ["google/gemma-scope-2b-pt-res", "fnlp/Llama3_1-8B-Base-LXR-8x"])
def test_nobody_means_all_dictionaries_of_a_repository(name: str) -> None:
    with pytest.raises(AskedWrongly, match=f"{name} holds many .* of one of them: {name}/…"):
        on_hub(name)


def test_dictionaries_of_two_widths_have_two_names() -> None:
    spec = ImportSae(source="google/gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82")
    named = spec.dictionary("google/gemma-2-2b", Hook(12, "resid_post"))
    assert named.endswith("/L12.resid_post/width_16k-average_l0_82")


def test_what_a_gemma_scope_folder_needs_is_said_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(
        AskedWrongly, match=r"has no params\.npz, so it is not a gemma_scope folder"
    ):
        read(tmp_path, "gemma_scope")
    (tmp_path / "hyperparams.json").write_text(json.dumps({}))
    with pytest.raises(AskedWrongly, match=r"has no checkpoints/final\.safetensors, so it is not"):
        read(tmp_path, "llama_scope")
