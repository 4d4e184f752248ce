"""SAELens's ``cfg.json``, without torch: what a folder has to say of itself to be read as meant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from store.errors import SaetuiError

VERSION = "6.54.0"
"""Version of SAELens whose layout is written here, and the newest whose folders were read."""
HOOK_Z = "hook_z"
"""Value of ``reshape_activations`` where SAELens joins the heads of z before it encodes them."""


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object in a file, such as ``cfg.json``. Raises SaetuiError where there is none."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SaetuiError(f"{path} cannot be read: {str(error).splitlines()[0]}.") from None
    if not isinstance(config, dict):
        raise SaetuiError(f"{path} is not a JSON object.")
    return config


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Writes `config` as SAELens reads it; equal configurations give equal bytes."""
    text = json.dumps(as_saelens_reads(config), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def as_saelens_reads(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` with what SAELens needs to find in it and earlier folders of ours lack.

    Without a version SAELens takes a folder for one from before 6.0 and drops its ``metadata``. It
    trained none of ours: ``sae_lens_training_version`` is null, which it would fill in otherwise.
    z of all heads comes to it as [..., heads, d_head], and must be joined.
    """
    found = config.get("metadata")
    metadata = found if isinstance(found, dict) else {}
    versions = {"sae_lens_version": VERSION, "sae_lens_training_version": None}
    return {
        **config,
        "reshape_activations": HOOK_Z if _joins_heads(metadata) else "none",
        "metadata": {**versions, **metadata},
    }


def version_of(config: Mapping[str, Any]) -> str:
    """Version of SAELens that wrote `config`; empty where it does not say, as before 6.0."""
    metadata = config.get("metadata")
    inside = metadata.get("sae_lens_version") if isinstance(metadata, dict) else None
    found = config.get("sae_lens_version") or inside
    return found if isinstance(found, str) else ""


def newer(version: str) -> bool:
    """Whether `version` is of a later release than `VERSION`; those that only mend count not."""
    return _release(version) > _release(VERSION)


def not_understood(config: Mapping[str, Any]) -> list[str]:
    """Keys of `config` that `VERSION` did not write."""
    return sorted(config.keys() - _KEYS)


def _release(version: str) -> tuple[int, ...]:
    numbers = version.split(".")[:2]
    return tuple(int(number) if number.isdecimal() else 0 for number in numbers)


def _joins_heads(metadata: Mapping[str, Any]) -> bool:
    name = str(metadata.get("hook_name"))
    return name.endswith(f".{HOOK_Z}") and metadata.get("hook_head_index") is None


_EVERY = (
    "architecture apply_b_dec_to_input d_in d_out d_sae device dtype metadata "
    "normalize_activations reshape_activations"
)
_INFERENCE = "k rescale_acts_by_decoder_norm"
_TRAINING = (
    "aux_loss_coefficient decoder_init_norm jumprelu_bandwidth jumprelu_init_threshold "
    "jumprelu_sparsity_loss_mode jumprelu_ste_to_input jumprelu_tanh_scale l0_coefficient "
    "l0_warm_up_steps l1_coefficient l1_warm_up_steps lp_norm matryoshka_widths "
    "pre_act_loss_coefficient target_l0 topk_threshold_lr use_matryoshka_aux_loss "
    "use_sparse_activations"
)
_KEYS = frozenset(f"{_EVERY} {_INFERENCE} {_TRAINING}".split())
"""Fields of the configurations of `VERSION`, of the architectures that are read here."""
