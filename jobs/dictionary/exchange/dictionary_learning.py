"""dictionary_learning folders: ``config.json`` and ``ae.pt``, read as weights alone."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jobs.dictionary.damaged import beginning, unreadable
from jobs.dictionary.exchange.foreign import Foreign, assembled, need
from jobs.dictionary.saved import read_config
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
_SAVED = (b"PK\x03\x04", b"\x80")
"""How what ``torch.save`` writes begins: a zip file, before torch 1.6 a pickle."""
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
    state = _state(weights_path)
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


def _state(path: Path) -> dict[str, Tensor]:
    """The tensors of ``ae.pt``: a pickle, read by torch's reader that builds tensors alone."""
    if not beginning(path, 4).startswith(_SAVED):
        raise unreadable(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise SaetuiError(
            f"{path} holds more than weights (reading a pickle may run code); it is refused."
        ) from None
    except Exception as error:  # what torch raises for damaged bytes is said nowhere
        raise unreadable(path, error) from None
    if not isinstance(state, dict) or not state:
        raise SaetuiError(
            f"{path} holds no table of weights; the trainer of dictionary_learning saves a "
            "state_dict there."
        )
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


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
    """From ``submodule_name``, e.g. ``resid_post_layer_8``, or from the layer of a residual."""
    name, layer = str(about.get("submodule_name")), about.get("layer")
    for site in ("resid_post", "resid_pre", "mlp_out", "attn_out"):
        if name.startswith(site) and type(layer) is int:
            return f"L{layer}.{site}"
    return None


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) and value else None
