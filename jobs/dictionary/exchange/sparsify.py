"""sparsify folders: ``cfg.json`` and ``sae.safetensors``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from jobs.dictionary.exchange.conventions import reading
from jobs.dictionary.exchange.foreign import Foreign, assembled, need
from jobs.dictionary.saved import read_weights
from jobs.saelens import read_config
from store.errors import AskedWrongly

FILES = ("cfg.json", "sae.safetensors")
_TRANSCODERS = {False: "topk_transcoder", True: "topk_skip_transcoder"}
"""By whether a linear map goes beside the features."""
_LAYER = re.compile(r"^layers\.(\d+)(\.mlp|\.self_attn|\.attention)?$")
_SITES = {None: "resid_post", ".mlp": "mlp_out", ".self_attn": "attn_out", ".attention": "attn_out"}


def read(folder: Path) -> Foreign:
    """The dictionary in a sparsify folder."""
    config_path, weights_path = (folder / name for name in FILES)
    own = read_config(config_path)
    transcode, skip = bool(own.get("transcode")), bool(own.get("skip_connection"))
    if skip and not transcode:
        raise AskedWrongly(
            f"{config_path} is an autoencoder with a skip connection, a copy of its input; this "
            "version reads autoencoders without one, and transcoders."
        )
    activation = str(own.get("activation", "topk"))
    if activation != "topk":
        raise AskedWrongly(f"{config_path} has activation {activation!r}; this version knows topk.")
    if own.get("signed"):
        raise AskedWrongly(
            f"{config_path} chooses features by size with either sign (signed); this version reads "
            "features that are not negative."
        )
    state = read_weights(weights_path)
    weights = {
        "W_enc": need(state, "encoder.weight", weights_path, 2).T,
        "b_enc": need(state, "encoder.bias", weights_path, 1),
        "W_dec": need(state, "W_dec", weights_path, 2),
        "b_dec": need(state, "b_dec", weights_path, 1),
    }
    if skip:
        weights["W_skip"] = need(state, "W_skip", weights_path, 2)
    d_sae, d_out = weights["W_dec"].shape
    config = {
        "architecture": "topk",
        "d_in": weights["W_enc"].shape[0],
        "d_sae": own.get("num_latents") or d_sae,
        "k": own.get("k"),
    }
    if transcode:
        config |= {"architecture": _TRANSCODERS[skip], "d_out": d_out}
    made = assembled(config, weights, config_path, weights_path)
    trained = "transcoder" if transcode else "topk"
    model, hook = own.get("model_name"), own.get("hook_name")  # which `write` adds
    return Foreign(
        made,
        "sparsify",
        trained,
        model if isinstance(model, str) else None,
        hook if isinstance(hook, str) else _hook(folder.resolve().name),
    )


def _hook(name: str) -> str | None:
    """sparsify names folders after modules: ``layers.8``, ``layers.8.mlp``."""
    found = _LAYER.match(name)
    return f"L{found[1]}.{_SITES[found[2]]}" if found else None


def write(folder: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Writes the dictionary of SAELens's `config` and `weights`, a top-k of every token, into
    `folder`. sparsify names hooks by folders; ``cfg.json`` names model and hook besides.
    """
    config_path, weights_path = (folder / name for name in FILES)
    transcode = "transcoder" in str(config["architecture"])
    takes_off = bool(config.get("apply_b_dec_to_input", True)) and not transcode
    ready = reading(weights, takes_off, not transcode)
    lengths = torch.linalg.vector_norm(need(ready, "W_dec", weights_path, 2), dim=1)
    state = {
        "encoder.weight": need(ready, "W_enc", weights_path, 2).T,
        "encoder.bias": need(ready, "b_enc", weights_path, 1),
        "W_dec": ready["W_dec"],
        "b_dec": need(ready, "b_dec", weights_path, 1),
    }
    if skip := "skip" in str(config["architecture"]):
        state["W_skip"] = need(ready, "W_skip", weights_path, 2)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, weights_path)
    own = {
        "activation": "topk",
        "expansion_factor": max(1, config["d_sae"] // config["d_in"]),
        "normalize_decoder": bool(torch.allclose(lengths, torch.ones_like(lengths))),
        "num_latents": config["d_sae"],
        "k": config["k"],
        "multi_topk": False,
        "skip_connection": skip,
        "transcode": transcode,
        "d_in": config["d_in"],
        **_place(config.get("metadata") or {}),
    }
    text = json.dumps(own, indent=2, ensure_ascii=False)
    config_path.write_text(text + "\n", encoding="utf-8")


def _place(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Model and hook, as far as they are known; of a transcoder the hook that it writes."""
    head = metadata.get("hook_head_index")
    hook = metadata.get("hook_name_out") or metadata.get("hook_name")
    named = f"{hook}.H{head}" if hook and head is not None else hook
    return {"model_name": metadata.get("model_name"), "hook_name": named}
