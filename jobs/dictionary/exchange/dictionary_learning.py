"""dictionary_learning folders: ``config.json`` and ``ae.pt``, read and written as weights alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jobs.dictionary.exchange.conventions import of_unit_directions, reading
from jobs.dictionary.exchange.foreign import Foreign, assembled, need
from jobs.dictionary.exchange.torch_file import tensors_of
from jobs.names import SITES, parse_hook
from jobs.saelens import read_config
from store.errors import AskedWrongly, SaetuiError

FILES = ("config.json", "ae.pt")

LINEAR = {
    "W_enc": ("encoder.weight", True),
    "b_enc": ("encoder.bias", False),
    "W_dec": ("decoder.weight", True),
}
"""Our name → theirs, and whether it lies there transposed."""
PLAIN = {name: (name, False) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
GATED = {
    "W_enc": ("encoder.weight", True),
    "b_gate": ("gate_bias", False),
    "r_mag": ("r_mag", False),
    "b_mag": ("mag_bias", False),
    "W_dec": ("decoder.weight", True),
    "b_dec": ("decoder_bias", False),
}
CLASSES: dict[str, tuple[str, dict[str, tuple[str, bool]]]] = {
    "AutoEncoder": ("standard", LINEAR | {"b_dec": ("bias", False)}),
    "AutoEncoderNew": ("standard", LINEAR | {"b_dec": ("decoder.bias", False)}),
    "GatedAutoEncoder": ("gated", GATED),
    "AutoEncoderTopK": ("topk", LINEAR | {"b_dec": ("b_dec", False)}),
    "BatchTopKSAE": ("jumprelu", LINEAR | {"b_dec": ("b_dec", False)}),
    "MatryoshkaBatchTopKSAE": ("jumprelu", PLAIN),
    "JumpReluAutoEncoder": ("jumprelu", PLAIN),
}
"""Their class → our architecture for inference, and where its weights are."""
CHOOSES_K = ("AutoEncoderTopK", "BatchTopKSAE", "MatryoshkaBatchTopKSAE")
"""Classes that keep k, and one threshold."""
READS_X = ("AutoEncoderNew", "JumpReluAutoEncoder")
"""Classes that do not take b_dec off the input."""


def read(folder: Path) -> Foreign:
    """The dictionary in a dictionary_learning folder."""
    config_path, weights_path = (folder / name for name in FILES)
    trainer = read_config(config_path).get("trainer")
    about = trainer if isinstance(trainer, dict) else {}
    own = str(about.get("dict_class"))
    if own not in CLASSES:
        raise AskedWrongly(
            f"{config_path} has dict_class {own!r}; this version knows {', '.join(CLASSES)}."
        )
    architecture, names = CLASSES[own]
    state = tensors_of(weights_path)
    weights = {}
    for ours, (theirs, transposed) in names.items():
        tensor = need(state, theirs, weights_path, 2 if ours.startswith("W_") else 1)
        weights[ours] = tensor.T if transposed else tensor
    if architecture == "jumprelu":
        weights["threshold"] = _threshold(state, weights_path, len(weights["b_enc"]))
    config = {
        "architecture": architecture,
        "d_in": weights["W_dec"].shape[1],
        "d_sae": weights["W_dec"].shape[0],
        "apply_b_dec_to_input": own not in READS_X,
        "k": about.get("k"),
    }
    made = assembled(config, weights, config_path, weights_path)
    return Foreign(made, "dictionary_learning", own, _text(about, "lm_name"), _hook(about))


def _threshold(state: dict[str, Tensor], path: Path, d_sae: int) -> Tensor:
    found = state.get("threshold")
    if found is None:
        raise SaetuiError(f"{path} holds no threshold; without one it cannot be used.")
    if found.ndim == 0:
        if float(found) < 0:
            raise SaetuiError(f"{path} was saved before its threshold was estimated.")
        return found.expand(d_sae)
    return found


def _hook(about: dict[str, Any]) -> str | None:
    """From ``submodule_name``, e.g. ``resid_post_layer_8``."""
    place, layer = str(about.get("submodule_name")).partition("_layer_")[0], about.get("layer")
    if type(layer) is int and place.partition(".")[0] in SITES:
        return f"L{layer}.{place}"
    return None


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) and value else None


def write(folder: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Writes the dictionary of SAELens's `config` and `weights`, which is no transcoder and no
    crosscoder, into `folder`. What was trained as batchtopk or matryoshka stays that where its
    threshold is one number.

    dictionary_learning brings the directions of an ``AutoEncoder`` to length one as it reads it;
    that is done here, in double precision.
    """
    config_path, weights_path = (folder / name for name in FILES)
    metadata = config.get("metadata") or {}
    takes_off = bool(config.get("apply_b_dec_to_input", True))
    own = _class(config, weights, takes_off)
    ready = reading(weights, takes_off, own not in READS_X)
    if own == "AutoEncoder":
        ready = of_unit_directions(ready)
    about = {"dict_class": own, "activation_dim": config["d_in"], "dict_size": config["d_sae"]}
    state = {}
    for ours, (theirs, transposed) in CLASSES[own][1].items():
        tensor = need(ready, ours, weights_path, 2 if ours.startswith("W_") else 1)
        state[theirs] = (tensor.T if transposed else tensor).contiguous()
    if own == "JumpReluAutoEncoder":
        state["threshold"] = ready["threshold"]
    if own in CHOOSES_K:
        about["k"] = config.get("k") or metadata["k"]
        state["k"] = torch.tensor(about["k"], dtype=torch.int)
        # θ is not used where k of every token are chosen: −1 says that none was estimated.
        shared = ready["threshold"][0].clamp_min(0) if "threshold" in ready else -1.0
        state["threshold"] = torch.as_tensor(float(shared))
    if own == "MatryoshkaBatchTopKSAE":
        ends = metadata["prefixes"]
        sizes = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
        state["group_sizes"] = torch.tensor(sizes)
    torch.save(state, weights_path)
    trainer = {**about, **_place(metadata)}
    buffer = {"d_submodule": config["d_in"], "ctx_len": metadata.get("context_size")}
    text = json.dumps({"trainer": trainer, "buffer": buffer}, indent=2, ensure_ascii=False)
    config_path.write_text(text + "\n", encoding="utf-8")


def _class(config: Mapping[str, Any], weights: Mapping[str, Tensor], takes_off: bool) -> str:
    """Their class that does the same."""
    architecture, metadata = str(config["architecture"]), config.get("metadata") or {}
    if architecture == "standard":
        return "AutoEncoder" if takes_off else "AutoEncoderNew"
    if architecture != "jumprelu":
        return {"gated": "GatedAutoEncoder", "topk": "AutoEncoderTopK"}[architecture]
    threshold = weights.get("threshold")
    shared = threshold is not None and bool((threshold == threshold.flatten()[0]).all())
    trained = metadata.get("trained_as")
    if shared and type(metadata.get("k")) is int:
        if trained == "batchtopk":
            return "BatchTopKSAE"
        if trained == "matryoshka" and metadata.get("prefixes"):
            return "MatryoshkaBatchTopKSAE"
    return "JumpReluAutoEncoder"


def _place(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Model and hook in their words, as far as they are known."""
    found: dict[str, Any] = {"lm_name": metadata.get("model_name")}
    if name := metadata.get("hook_name"):
        hook = parse_hook(name)._replace(head=metadata.get("hook_head_index"))
        found |= {"layer": hook.layer, "submodule_name": f"{hook.place}_layer_{hook.layer}"}
    return found
