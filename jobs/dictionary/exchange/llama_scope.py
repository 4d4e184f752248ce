"""Llama Scope, He et al. 2024, arXiv:2410.20526, and its dictionaries of the R1 distillation, in
the two layouts of OpenMOSS's Language-Model-SAEs: ``hyperparams.json`` with
``checkpoints/final.safetensors``, later ``config.json`` with ``sae_weights.safetensors``.

They were trained on s·x, s = √d / (mean ‖x‖ of the data), and are made here what their own library
makes of them for use: with s_in and s_out of what is read and written,

    f = z·[z > θ],  z = (s_in x·W_enc + b_enc)/s_out,  ŷ = f·W_dec + b_dec/s_out,

so that features are in units of what is written. θ is ``jump_relu_threshold`` in these units, or of
the later layout exp(log_jumprelu_threshold)/s_out. SAELens's features are s times as large. Where
the library weighs features by the length of their directions (``sparsity_include_decoder_norm``),
that goes into the encoder first; SAELens leaves it out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jobs.dictionary.exchange.foreign import (
    Foreign,
    assembled,
    check_numbers,
    need,
    parts_of,
)
from jobs.dictionary.saved import read_weights
from jobs.saelens import read_config
from store.errors import AskedWrongly, SaetuiError

FILES = ("hyperparams.json", "checkpoints/final.safetensors")
LATER = ("config.json", "sae_weights.safetensors")
FORMAT = "llama_scope"
NORMS = "dataset_average_activation_norm"
WEIGHED = "sparsity_include_decoder_norm"
LOG_THRESHOLD = "log_jumprelu_threshold"
NORMALISED = "ln2.hook_normalized"
"""What their transcoders read: what the norm before the MLP gives, without its gain."""
UNIT = 1e-2
"""Directions whose lengths differ from 1 by no more are left: the files are in bfloat16."""
_MODELS = {
    "Llama3_1-8B-Base": "meta-llama/Llama-3.1-8B",
    "Llama-Scope-R1-Distill": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
}
"""Part of a repository's name → the model that their dictionaries read."""
_KINDS = {"jumprelu": "jumprelu", "topk": "topk", "relu": "standard"}


def read(folder: Path) -> Foreign:
    """The dictionary in a folder of Llama Scope."""
    return _read(folder, FILES)


def read_later(folder: Path, factor: float | None = None) -> Foreign:
    """The dictionary in a folder of the later layout; `factor` is s where its files do not say."""
    return _read(folder, LATER, factor)


def _read(folder: Path, files: tuple[str, str], factor: float | None = None) -> Foreign:
    config_path, path = (folder / name for name in files)
    about, state = read_config(config_path), read_weights(path)
    _check(config_path, about)
    hook, written = (_text(about, f"hook_point_{end}", config_path) for end in ("in", "out"))
    weights = _weights(about, state, path)
    d_in, (d_sae, d_out) = len(weights["W_enc"]), weights["W_dec"].shape
    s_in = _factor(about, state, config_path, hook, "in", d_in, factor)
    s_out = _factor(about, state, config_path, written, "out", d_out, factor)
    kind, theta = _kind(about, state, config_path, s_in, s_out)
    if theta is not None:
        weights["threshold"] = theta.expand(d_sae)
    weights["W_enc"] *= s_in / s_out
    weights["b_enc"] /= s_out
    weights["b_dec"] /= s_out
    config = {"d_in": about.get("d_model"), "d_sae": about.get("d_sae", d_sae)}
    config |= {"architecture": kind, "k": about.get("top_k")}
    config["apply_b_dec_to_input"] = bool(about.get("apply_decoder_bias_to_pre_encoder"))
    if hook != written:
        config |= {"architecture": _transcoder(kind, config_path), "d_out": d_out}
    made = assembled(config, weights, config_path, path)
    trained = "transcoder" if hook != written else str(about.get("act_fn", "jumprelu"))
    found = (made, FORMAT, trained, _model(folder), written)
    before_gain = hook != written and hook.endswith(NORMALISED)
    return Foreign(*found, before_gain=before_gain, factor=s_in)


def _model(folder: Path) -> str | None:
    """The model, where a folder is called as the repository's is."""
    parts = parts_of(folder)
    return next((model for part in parts for name, model in _MODELS.items() if name in part), None)


def _weights(
    about: Mapping[str, Any], state: Mapping[str, Tensor], path: Path
) -> dict[str, Tensor]:
    """Encoder and decoder as they were trained, lengths of directions folded in."""
    weights = {
        "W_enc": need(state, "encoder.weight", path, 2).T,
        "b_enc": need(state, "encoder.bias", path, 1),
        "W_dec": need(state, "decoder.weight", path, 2).T,
    }
    d_sae, d_out = weights["W_dec"].shape
    biased = about.get("use_decoder_bias", True)
    weights["b_dec"] = need(state, "decoder.bias", path, 1) if biased else torch.zeros(d_out)
    check_numbers(weights, path)
    if not weights["W_enc"].shape[1] == len(weights["b_enc"]) == d_sae:
        raise SaetuiError(f"Encoder and decoder in {path} are not of equally many features.")
    weights = {name: tensor.float().clone() for name, tensor in weights.items()}
    if about.get(WEIGHED, True):
        _fold_lengths(weights)
    return weights


def _check(path: Path, about: Mapping[str, Any]) -> None:
    """Refuses what this reader does not fold."""
    if about.get("use_glu_encoder"):
        raise AskedWrongly(
            f"{path} has a gate beside its encoder (use_glu_encoder); not read here."
        )
    how = about.get("norm_activation", "dataset-wise")
    if how not in ("dataset-wise", "inference"):
        raise AskedWrongly(
            f"{path} normalises activations {how}, which no weights can hold; this version reads "
            "dataset-wise."
        )
    if about.get("act_fn", "jumprelu") not in _KINDS:
        raise AskedWrongly(
            f"{path} has act_fn {about['act_fn']!r}; this version knows {', '.join(_KINDS)}."
        )


def _factor(
    about: Mapping[str, Any],
    state: Mapping[str, Tensor],
    path: Path,
    hook: str,
    end: str,
    width: int,
    factor: float | None,
) -> float:
    """s at one end: of the configuration, else of the weights, else as told."""
    if about.get("norm_activation") == "inference":
        return 1.0
    norms, held = about.get(NORMS), state.get(f"{NORMS}.{hook}")
    norm = norms.get(end, norms.get(hook)) if isinstance(norms, dict) else None
    if norm is None and held is not None:
        norm = float(held)
    if norm is None:
        if factor is None:
            raise AskedWrongly(
                f"{path} does not say how long activations are at {hook} ({NORMS}); give "
                "norm_scaling_factor=…, as SAELens's pretrained_saes.yaml has it."
            )
        return factor
    if not isinstance(norm, int | float) or not math.isfinite(norm) or norm <= 0:
        raise SaetuiError(f"{path} gives no usable {NORMS}: {norm!r}.")
    return math.sqrt(width) / norm


def _kind(
    about: Mapping[str, Any], state: Mapping[str, Tensor], path: Path, s_in: float, s_out: float
) -> tuple[str, Tensor | None]:
    """Architecture, and θ in units of what is written. A top-k that was given a threshold is a
    jumprelu in use.
    """
    kind = _KINDS[about.get("act_fn", "jumprelu")]
    one = about.get("jump_relu_threshold")
    if kind == "topk" and isinstance(one, int | float) and one > 0:
        kind = "jumprelu"
    if kind != "jumprelu":
        return kind, None
    if LOG_THRESHOLD in state:
        return kind, need(state, LOG_THRESHOLD, path, 1).float().exp() / s_out
    if not isinstance(one, int | float) or not math.isfinite(one) or one < 0:
        raise SaetuiError(f"{path} gives no usable jump_relu_threshold: {one!r}.")
    return kind, torch.tensor([one * (1.0 if about.get(WEIGHED, True) else s_in / s_out)])


def _transcoder(kind: str, path: Path) -> str:
    if kind == "standard":
        raise AskedWrongly(f"{path} is a transcoder of relu features; this version reads jumprelu.")
    return f"{kind}_transcoder"


def _fold_lengths(weights: dict[str, Tensor]) -> None:
    lengths = torch.linalg.vector_norm(weights["W_dec"], dim=1)
    lengths = lengths.where(lengths > 0, 1.0)
    if bool(((lengths - 1).abs() <= UNIT).all()):
        return
    weights["W_enc"] *= lengths
    weights["b_enc"] *= lengths
    weights["W_dec"] /= lengths[:, None]


def _text(about: Mapping[str, Any], key: str, path: Path) -> str:
    value = about.get(key)
    if not isinstance(value, str) or not value:
        raise SaetuiError(f"{path} gives no usable {key}: {value!r}.")
    return value
