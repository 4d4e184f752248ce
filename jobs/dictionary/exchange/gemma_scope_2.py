"""Gemma Scope 2, dictionaries of Gemma 3: folders of ``params.safetensors``, most with a
``config.json``, such as ``gemma-scope-2-1b-pt/resid_post/layer_13_width_16k_l0_medium``.

z = x·w_enc + b_enc;  f = z·[z > θ];  ŷ = f·w_dec + b_dec (+ x·affine_skip_connection), as Google's
tutorial has it. SAELens 6.54 multiplies by affine_skip_connection transposed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.dictionary.exchange.foreign import Foreign, assembled, need, parts_of
from jobs.dictionary.saved import read_weights
from jobs.saelens import read_config
from store.errors import AskedWrongly

FILES = ("params.safetensors",)
FORMAT = "gemma_scope_2"
CONFIG = "config.json"
SKIP = "affine_skip_connection"
_REPOSITORY = re.compile(r"^gemma-scope-2-(\d+[bm])-(pt|it)$")
_LAYER = re.compile(r"^layer_(\d+)_")
_READ = re.compile(r"layers\.(\d+)\.(.+)$")
_SITES = {
    "resid_post": "resid_post",
    "attn_out": "z",
    "mlp_out": "mlp_out",
    "transcoder": "mlp_out",
}
"""Their folders, apart from ``_all`` behind the name → our site. ``attn_out`` is what the output
matrix of attention reads."""
_POINTS = {
    "output": "resid_post",
    "self_attn.o_proj.input": "attn_out",
    "post_feedforward_layernorm.output": "mlp_out",
    "pre_feedforward_layernorm.output": "transcoder",
}
"""``hf_hook_point_in`` behind the layer → their folder."""
_OTHERS = ("clt", "crosscoder", "crosscoders")
"""Folders of what spans layers."""


def read(folder: Path) -> Foreign:
    """The dictionary in a folder of Gemma Scope 2."""
    path, config_path = folder / FILES[0], folder / CONFIG
    about = read_config(config_path) if config_path.is_file() else {}
    named = about.get("architecture", "jump_relu")
    if named != "jump_relu":
        raise AskedWrongly(
            f"{config_path} has architecture {named!r}; Gemma Scope 2's is jump_relu."
        )
    kind, layer = _place(folder, about)
    state = read_weights(path)
    weights = {
        "W_enc": need(state, "w_enc", path, 2),
        "b_enc": need(state, "b_enc", path, 1),
        "threshold": need(state, "threshold", path, 1),
        "W_dec": need(state, "w_dec", path, 2),
        "b_dec": need(state, "b_dec", path, 1),
    }
    d_sae, d_out = weights["W_dec"].shape
    config: dict[str, Any] = {"d_in": weights["W_enc"].shape[0], "d_sae": d_sae}
    if skip := SKIP in state:
        weights["W_skip"] = need(state, SKIP, path, 2).T
    if kind == "transcoder" or skip:
        name = "jumprelu_skip_transcoder" if skip else "jumprelu_transcoder"
        config |= {"architecture": name, "d_out": d_out}
    else:
        config |= {"architecture": "jumprelu", "apply_b_dec_to_input": False}
    made = assembled(config, weights, path, path)
    hook = f"L{layer}.{_SITES[kind]}" if kind and layer else None
    trained = "transcoder" if made.architecture == "transcoder" else "jumprelu"
    return Foreign(made, FORMAT, trained, _model(folder, about), hook)


def _place(folder: Path, about: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Which of `_SITES` it is of, and the layer: by the folders it lies in, else as its
    ``config.json`` says.
    """
    parts = [part.removesuffix("_all") for part in parts_of(folder)]
    if other := next((part for part in parts[:3] if part in _OTHERS), None):
        raise AskedWrongly(
            f"{folder} is of {other}, which spans layers; import_sae takes dictionaries of one "
            "hook."
        )
    point = _READ.search(str(about.get("hf_hook_point_in")))
    kind = next((part for part in parts[:3] if part in _SITES), None)
    layer = _LAYER.match(folder.name)
    return (
        kind or (_POINTS.get(point[2]) if point else None),
        layer[1] if layer else point[1] if point else None,
    )


def _model(folder: Path, about: Mapping[str, Any]) -> str | None:
    """The model's name on the hub: of the smallest one the trained model has no ``-pt``."""
    told = about.get("model_name")
    if isinstance(told, str) and told:
        name = told.rpartition("/")[2].replace("-v3", "-3")
    else:
        found = (_REPOSITORY.match(part) for part in parts_of(folder))
        repository = next((one for one in found if one), None)
        if repository is None:
            return None
        name = f"gemma-3-{repository[1]}-{repository[2]}"
    return "google/" + (name.removesuffix("-pt") if "270m" in name else name)
