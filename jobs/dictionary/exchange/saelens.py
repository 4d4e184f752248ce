"""SAELens folders: ``cfg.json`` and ``sae_weights.safetensors``, of inference or of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jobs.dictionary.architectures import ARCHITECTURES, TOPK_TRANSCODERS, TRANSCODERS
from jobs.dictionary.exchange.conventions import scaled
from jobs.dictionary.exchange.foreign import Foreign, assembled, need
from jobs.dictionary.exchange.saelens_before_6 import in_words_of_6
from jobs.dictionary.saved import CONFIG, WEIGHTS, read_weights
from jobs.saelens import HOOK_Z, VERSION, newer, not_understood, read_config, version_of
from store.errors import AskedWrongly, SaetuiError

FILES = (CONFIG, WEIGHTS)
BATCH = ("batchtopk", "matryoshka_batchtopk")
"""Architectures of unfinished training, whose inference is jumprelu with one threshold."""


AVERAGE = "expected_average_only_in"
"""Value of ``normalize_activations`` where one factor brings all to an average length of √d."""
RELU = ("transcoder", "skip_transcoder")
"""Transcoders without thresholds: those of jumprelu with θ = 0."""


def read(folder: Path, factor: float | None = None) -> Foreign:
    """The dictionary in a SAELens folder, with decoder norms folded in where it asks for that; and
    with `factor`, what it multiplies activations by where it brings their average length to √d.
    """
    config, weights = read_config(folder / CONFIG), read_weights(folder / WEIGHTS)
    version = version_of(config)
    try:
        found = _understood(folder, in_words_of_6(config, folder / CONFIG), weights, factor)
    except SaetuiError as error:
        if newer(version):
            text = str(error).rstrip(".")
            raise type(error)(
                f"{text}; the folder is of SAELens {version}, newer than this version knows."
            ) from None
        raise
    return found._replace(warning=_newer(config, version)) if newer(version) else found


def _newer(config: dict[str, Any], version: str) -> str:
    keys = not_understood(config)
    which = f"not understood are {', '.join(keys)}" if keys else "all its keys are known"
    return f"{CONFIG} is of SAELens {version}, newer than {VERSION}, the newest known; {which}."


def _understood(
    folder: Path, config: dict[str, Any], weights: dict[str, Tensor], factor: float | None
) -> Foreign:
    own = str(config.get("architecture") or "standard")
    if own not in ARCHITECTURES and own not in (*BATCH, *TRANSCODERS, *TOPK_TRANSCODERS, *RELU):
        raise AskedWrongly(
            f"{folder / CONFIG} has architecture {own!r}; this version knows "
            f"{', '.join([*ARCHITECTURES, *TRANSCODERS])}."
        )
    if own == "crosscoder":
        raise AskedWrongly(
            f"{folder / CONFIG} is a crosscoder, over several hooks; import_sae takes dictionaries "
            "of one."
        )
    config["architecture"] = own
    if own in BATCH:
        _as_jumprelu(config, weights, folder / WEIGHTS)
    if own in RELU:
        config["architecture"] = f"jumprelu_{own}"
        weights["threshold"] = torch.zeros_like(need(weights, "b_enc", folder / WEIGHTS, 1))
    if "log_threshold" in weights and "threshold" not in weights:
        weights["threshold"] = weights["log_threshold"].exp()
    if config.get("rescale_acts_by_decoder_norm"):
        _fold_norms(config, weights, folder / WEIGHTS)
    _check_scaling(config, weights, folder / CONFIG)
    if normalised := config.get("normalize_activations") == AVERAGE:
        weights = _scaled(config, weights, folder / CONFIG, factor)
    dictionary = assembled(config, weights, folder / CONFIG, folder / WEIGHTS)
    metadata = config.get("metadata") or {}
    found = {**config, **(metadata if isinstance(metadata, dict) else {})}
    trained = str(found.get("trained_as", own))
    hook = _hook(found)
    _check_reshaping(folder / CONFIG, config, hook)
    about = (dictionary, "saelens", trained, _text(found, "model_name"), hook)
    return Foreign(*about, factor=factor if normalised else None)


def _scaled(
    config: dict[str, Any], weights: dict[str, Tensor], path: Path, factor: float | None
) -> dict[str, Tensor]:
    """The average length is of SAELens's own measuring, and in none of its files."""
    if factor is None:
        raise AskedWrongly(
            f"{path} normalises activations ({AVERAGE!r}) by a factor that is not among its files; "
            "give norm_scaling_factor=…, as SAELens's pretrained_saes.yaml has it, or √d by the "
            "mean length of activations there."
        )
    config["normalize_activations"] = "none"
    return scaled(weights, factor)


def _check_scaling(config: dict[str, Any], weights: dict[str, Tensor], path: Path) -> None:
    """Versions before 6 wrote a factor a feature even where nothing was finetuned: ones."""
    factor = weights.pop("scaling_factor", None)
    idle = factor is not None and torch.allclose(factor.float(), torch.ones(factor.shape))
    if not idle and (factor is not None or config.get("finetuning_scaling_factor")):
        raise AskedWrongly(f"{path} has a finetuning scaling factor; fold it in first.")


def _check_reshaping(path: Path, config: dict[str, Any], hook: str | None) -> None:
    """z of all heads is one activation here already; nothing else is joined by SAELens."""
    asked = config.get("reshape_activations") or "none"
    if asked not in ("none", HOOK_Z):
        raise AskedWrongly(f"{path} reshapes activations ({asked!r}); this version knows {HOOK_Z}.")
    if asked == HOOK_Z and hook and HOOK_Z not in hook:
        raise AskedWrongly(f"{path} joins heads of z, but its hook is {hook}.")


def _hook(found: dict[str, Any]) -> str | None:
    """The hook, with the one head of it that was read where that is said."""
    name, head = _text(found, "hook_name"), found.get("hook_head_index")
    return f"{name}.H{head}" if name and type(head) is int else name


def _as_jumprelu(config: dict[str, Any], weights: dict[str, Tensor], path: Path) -> None:
    one = need(weights, "topk_threshold", path, 0)
    weights["threshold"] = torch.full_like(need(weights, "b_enc", path, 1), float(one))
    config["architecture"] = "jumprelu"


def _fold_norms(config: dict[str, Any], weights: dict[str, Tensor], path: Path) -> None:
    """SAELens multiplies pre-activations by ‖d_i‖ and divides by it when decoding."""
    D = need(weights, "W_dec", path, 2)
    norms = torch.linalg.vector_norm(D.float(), dim=1).clamp_min(1e-8)
    weights["W_enc"] = need(weights, "W_enc", path, 2) * norms
    weights["b_enc"] = need(weights, "b_enc", path, 1) * norms
    weights["W_dec"] = D / norms[:, None]
    config["rescale_acts_by_decoder_norm"] = False


def _text(found: dict[str, Any], key: str) -> str | None:
    value = found.get(key)
    return value if isinstance(value, str) and value else None
