"""Small folders in the layouts of Gemma Scope and Llama Scope, with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

D, M, K = 12, 40, 4
NORM = 5.0
"""Mean ‖x‖ that Llama Scope's files tell."""
HOOK = "blocks.3.hook_resid_post"


def drawn(seed: int = 0, d_out: int = D, unit: bool = True) -> dict[str, Tensor]:
    """Weights as the papers write them; directions of length one where `unit`."""
    torch.manual_seed(seed)
    W_dec = torch.randn(M, d_out)
    return {
        "W_enc": torch.randn(D, M) / 2,
        "b_enc": torch.randn(M) / 2,
        "threshold": torch.rand(M),
        "W_dec": torch.nn.functional.normalize(W_dec) if unit else W_dec,
        "b_dec": torch.randn(d_out),
    }


def gemma(root: Path, kind: str = "res", inside: str = "", **changes: Any) -> Path:
    """Gemma Scope's; `changes` are other arrays, None for one to leave out."""
    inside = inside or "layer_3/width_16k/average_l0_82"
    folder = root / f"gemma-scope-2b-pt-{kind}" / inside
    folder.mkdir(parents=True)
    arrays = {name: tensor.numpy() for name, tensor in drawn().items()} | changes
    kept = {name: array for name, array in arrays.items() if array is not None}
    np.savez(folder / "params.npz", **kept)
    return folder


def gemma_2(
    root: Path,
    kind: str = "resid_post",
    about: dict[str, Any] | None = None,
    skip: Tensor | None = None,
    **changes: Tensor,
) -> Path:
    """Gemma Scope 2's, with a ``config.json`` where `about` is given."""
    folder = root / "gemma-scope-2-1b-pt" / kind / "layer_3_width_16k_l0_big"
    folder.mkdir(parents=True)
    named = {"W_enc": "w_enc", "W_dec": "w_dec"}
    weights = {named.get(name, name): tensor for name, tensor in drawn().items()} | changes
    if skip is not None:
        weights["affine_skip_connection"] = skip
    save_file(weights, folder / "params.safetensors")
    if about is not None:
        (folder / "config.json").write_text(json.dumps({"architecture": "jump_relu"} | about))
    return folder


def llama(root: Path, unit: bool = True, drop: str = "", **about: Any) -> Path:
    """Llama Scope's, of its first layout."""
    folder = root / "Llama3_1-8B-Base-LXR-8x" / "Llama3_1-8B-Base-L3R-8x"
    (folder / "checkpoints").mkdir(parents=True)
    weights = {name: t for name, t in _llama(unit).items() if name != drop}
    save_file(weights, folder / "checkpoints" / "final.safetensors")
    told = {
        "d_model": D,
        "d_sae": M,
        "top_k": K,
        "act_fn": "jumprelu",
        "jump_relu_threshold": 0.25,
        "norm_activation": "dataset-wise",
        "dataset_average_activation_norm": {"in": NORM, "out": NORM},
        "use_decoder_bias": True,
        "apply_decoder_bias_to_pre_encoder": False,
        "sparsity_include_decoder_norm": True,
        "hook_point_in": HOOK,
        "hook_point_out": HOOK,
    }
    (folder / "hyperparams.json").write_text(json.dumps(told | about))
    return folder


def llama_later(root: Path, norm: bool = True, **about: Any) -> Path:
    """The layout of the dictionaries of the R1 distillation."""
    folder = root / "Llama-Scope-R1-Distill" / "800M-Slimpajama-0-OpenR1-Math-220k" / "L3R"
    folder.mkdir(parents=True)
    weights = _llama(True) | {"log_jumprelu_threshold": drawn()["threshold"].log()}
    if norm:
        weights[f"dataset_average_activation_norm.{HOOK}"] = torch.tensor(NORM)
    save_file(weights, folder / "sae_weights.safetensors")
    told = {"d_model": D, "expansion_factor": M / D, "act_fn": "jumprelu", "sae_type": "sae"}
    told |= {"hook_point_in": HOOK, "hook_point_out": HOOK, "norm_activation": "dataset-wise"}
    (folder / "config.json").write_text(json.dumps(told | about))
    return folder


def _llama(unit: bool) -> dict[str, Tensor]:
    weights = drawn(unit=unit)
    return {
        "encoder.weight": weights["W_enc"].T.contiguous(),
        "encoder.bias": weights["b_enc"],
        "decoder.weight": weights["W_dec"].T.contiguous(),
        "decoder.bias": weights["b_dec"],
    }


def qwen(root: Path, **changes: Any) -> Path:
    """A file of Qwen Scope's; `changes` are other weights, None for one to leave out."""
    folder = root / f"SAE-Res-Qwen3-1.7B-Base-W32K-L0_{K}"
    folder.mkdir(parents=True)
    weights = drawn()
    del weights["threshold"]
    for name in ("W_enc", "W_dec"):
        weights[name] = weights[name].T.contiguous()
    kept = {name: one for name, one in (weights | changes).items() if one is not None}
    torch.save(kept, folder / "layer3.sae.pt")
    return folder / "layer3.sae.pt"


def qwen_transcoder(root: Path) -> Path:
    """A file of Hanna's, with what lies beside it in the repository."""
    folder = root / "qwen3-0.6b-transcoders-lowl0"
    folder.mkdir(parents=True)
    weights = drawn()
    del weights["threshold"]
    weights["W_enc"] = weights["W_enc"].T.contiguous()
    save_file(weights, folder / "layer_3.safetensors")
    (folder / "config.yaml").write_text("model_name: Qwen/Qwen3-0.6B\n")
    trained = {"d_model": D, "d_feature": M, "batch_size": 9}
    told = "".join(f"{name}:\n  value: {value}\n" for name, value in trained.items())
    (folder / "wandb-config.yaml").write_text(told)
    return folder / "layer_3.safetensors"
