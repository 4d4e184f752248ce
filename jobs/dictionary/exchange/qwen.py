"""Dictionaries of Qwen models that are one file a layer: Qwen Scope's ``layer12.sae.pt``, a top-k
of the residual stream, and Hanna's transcoders, ``layer_12.safetensors``, of features above zero.
The repository's name says the model, and the k of Qwen Scope:
``SAE-Res-Qwen3-1.7B-Base-W32K-L0_50``, ``qwen3-4b-transcoders``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from jobs.dictionary.exchange.foreign import Foreign, assembled, need, parts_of
from jobs.dictionary.exchange.torch_file import tensors_of
from jobs.dictionary.saved import read_weights
from store.errors import AskedWrongly

SCOPE = "qwen_scope"
SCOPE_FILE = re.compile(r"^layer(\d+)\.sae\.pt$")
TRANSCODER = "qwen_transcoder"
TRANSCODER_FILE = re.compile(r"^layer_(\d+)\.safetensors$")
_SCOPE_REPOSITORY = re.compile(r"^SAE-Res-(Qwen.+)-W\d+K-L0_(\d+)$")
_TRANSCODER_REPOSITORY = re.compile(r"^qwen3-(\d+(?:\.\d+)?)b-transcoders")


def read_scope(path: Path) -> Foreign:
    """The dictionary in a file of Qwen Scope."""
    matches = (_SCOPE_REPOSITORY.match(part) for part in parts_of(path.parent))
    found = next((one for one in matches if one), None)
    if found is None:
        raise AskedWrongly(
            f"How many features fire at {path} only the name of its repository says; put the file "
            "into a folder of that name, SAE-Res-Qwen…-L0_…."
        )
    weights = _weights(tensors_of(path), path)
    weights["W_dec"] = weights["W_dec"].T
    d_sae, d_in = weights["W_dec"].shape
    config = {"architecture": "topk", "d_in": d_in, "d_sae": d_sae, "k": int(found[2])}
    made = assembled(config | {"apply_b_dec_to_input": False}, weights, path, path)
    return Foreign(made, SCOPE, "topk", f"Qwen/{found[1]}", _hook(SCOPE_FILE, path, "resid_post"))


def read_transcoder(path: Path) -> Foreign:
    """The transcoder in a file of Hanna's."""
    matches = (_TRANSCODER_REPOSITORY.match(part) for part in parts_of(path.parent))
    found = next((one for one in matches if one), None)
    weights = _weights(read_weights(path), path)
    weights["threshold"] = torch.zeros(len(weights["b_enc"]))
    d_sae, d_out = weights["W_dec"].shape
    config = {"architecture": "jumprelu_transcoder", "d_sae": d_sae, "d_out": d_out}
    made = assembled(config | {"d_in": len(weights["W_enc"])}, weights, path, path)
    model = f"Qwen/Qwen3-{found[1]}B" if found else None
    return Foreign(made, TRANSCODER, "transcoder", model, _hook(TRANSCODER_FILE, path, "mlp_out"))


def _weights(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Both have the encoder with a row a feature."""
    return {
        "W_enc": need(state, "W_enc", path, 2).T,
        "b_enc": need(state, "b_enc", path, 1),
        "W_dec": need(state, "W_dec", path, 2),
        "b_dec": need(state, "b_dec", path, 1),
    }


def _hook(pattern: re.Pattern[str], path: Path, site: str) -> str | None:
    layer = pattern.match(path.name)
    return f"L{layer[1]}.{site}" if layer else None
