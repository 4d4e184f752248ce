"""Dictionaries on disk, in SAELens's layout: ``cfg.json`` and ``sae_weights.safetensors``.

A crosscoder, which SAELens does not know, lies in a folder of the same kind: its n sources are
joined, source after source, in the d_in = n·d rows of ``W_enc`` [n·d, m], the columns of ``W_dec``
[m, n·d] and ``b_dec`` [n·d], in units of the models. ``source_scale`` [n] brings each source to
mean ‖x_s‖² = d; ``cfg.json`` has ``n_sources``, and under ``metadata`` the ``sources`` in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from jobs.dictionary.architectures import (
    ARCHITECTURES,
    TOPK_TRANSCODERS,
    TRANSCODERS,
    Transcoder,
)
from jobs.dictionary.base import Dictionary
from jobs.dictionary.damaged import unreadable
from jobs.names import Hook
from jobs.saelens import read_config, write_config
from store.errors import AskedWrongly, SaetuiError

if TYPE_CHECKING:
    from store import Workspace

CONFIG = "cfg.json"
WEIGHTS = "sae_weights.safetensors"


def load(
    source: Workspace | Path | str, dictionary: str | None = None, device: str = "cpu"
) -> Dictionary:
    """A trained dictionary: ``load(workspace, id)``, or ``load(folder)`` for any SAELens folder.

    Raises AskedWrongly for an unknown id or an architecture this version lacks, SaetuiError for
    files that are missing or damaged.
    """
    if isinstance(source, Path | str):
        folder = Path(source) if dictionary is None else _at(Path(source), dictionary)
    elif dictionary is None:
        raise AskedWrongly("Which dictionary? Give its id: load(workspace, id).")
    else:
        folder = source.dictionary(dictionary).folder
    return load_folder(folder).to(device)


def _at(root: Path, dictionary: str) -> Path:
    from store import Workspace

    return Workspace(root).dictionary(dictionary).folder


def load_folder(folder: Path) -> Dictionary:
    """The dictionary in a SAELens folder."""
    config = read_config(folder / CONFIG)
    return assemble(config, read_weights(folder / WEIGHTS), folder / CONFIG, folder / WEIGHTS)


def assemble(
    config: Mapping[str, Any], weights: Mapping[str, Tensor], config_path: Path, weights_path: Path
) -> Dictionary:
    """A dictionary from SAELens's configuration and weights; the paths are for messages.

    Raises AskedWrongly for an architecture this version lacks, SaetuiError where sizes and weights
    do not go together.
    """
    made = _empty(config_path, config)
    if not isinstance(made, Transcoder):  # which has no bias of its input's width
        made.subtract_b_dec = bool(config.get("apply_b_dec_to_input", True))
    for name, parameter in list(made.named_parameters()):
        if name in made.folded:
            empty = torch.nn.Parameter(torch.zeros(parameter.shape), requires_grad=False)
            made.register_parameter(name, empty)
            continue
        saved = made.saved_names.get(name, name)
        tensor = weights.get(saved)
        if tensor is None:
            raise SaetuiError(f"{weights_path} holds no {saved}; it is not a whole dictionary.")
        turned = name == "encoder"
        shape = tuple(reversed(parameter.shape)) if turned else tuple(parameter.shape)
        if tensor.shape != shape:
            raise SaetuiError(
                f"{saved} in {weights_path} has shape {tuple(tensor.shape)}, "
                f"but {config_path.name} asks for {shape}."
            )
        tensor = tensor.T if turned else tensor
        ready = tensor.to(torch.float32).contiguous()
        made.register_parameter(name, torch.nn.Parameter(ready, requires_grad=False))
    return made.eval()


def save_folder(
    folder: Path,
    dictionary: Dictionary,
    scale: float | Tensor,
    metadata: Mapping[str, Any],
    read_scale: float | None = None,
) -> None:
    """Writes a SAELens folder; equal weights give equal bytes.

    `scale` is the factor that training multiplied activations by, `read_scale` that of the input
    where it is another hook's; for a crosscoder `scale` holds one a source. They are folded in
    here, so that the saved dictionary reads and writes activations as the model has them.
    """
    weights = {}
    for name, held in dictionary.unscaled(
        scale, scale if read_scale is None else read_scale
    ).items():
        tensor = held.cpu()
        weights[dictionary.saved_names.get(name, name)] = (
            tensor.T if name == "encoder" else tensor
        ).contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / WEIGHTS)
    config = {
        "architecture": dictionary.saved_as or dictionary.architecture,
        "d_in": dictionary.d_in,
        "d_sae": dictionary.d_sae,
        **({"d_out": dictionary.d_out} if isinstance(dictionary, Transcoder) else {}),
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": dictionary.subtract_b_dec,
        "normalize_activations": "none",
        "reshape_activations": "none",
        **(dictionary.options() if dictionary.saved_as is None else {}),
        **dictionary.saelens_options,
        "metadata": {**_origin(dictionary), **metadata},
    }
    write_config(folder / CONFIG, config)


def hook_metadata(hook: Hook) -> dict[str, Any]:
    """How SAELens names a hook in ``metadata``: one head of it by a number of its own."""
    head = {} if hook.head is None else {"hook_head_index": hook.head}
    return {"hook_name": hook.point, **head}


def _origin(dictionary: Dictionary) -> dict[str, Any]:
    """How it was trained, where ``cfg.json`` names the architecture of its inference instead."""
    if dictionary.saved_as in (None, dictionary.architecture):
        return {}
    return {"trained_as": dictionary.architecture, **dictionary.options()}


def _empty(path: Path, config: Mapping[str, Any]) -> Dictionary:
    name = config.get("architecture")
    if name in (*TRANSCODERS, *TOPK_TRANSCODERS):
        return _empty_transcoder(path, config)
    kind = ARCHITECTURES.get(str(name))
    if kind in (None, Transcoder):
        known = ", ".join([*(one for one in ARCHITECTURES if one != "transcoder"), *TRANSCODERS])
        raise AskedWrongly(f"{path} has architecture {name!r}; this version knows {known}.")
    assert kind is not None
    _refuse_what_changes_inputs(path, config)
    sizes = {key: _size(path, config, key) for key in ("d_in", "d_sae", *kind.settings)}
    if sizes["d_in"] % sizes.get("n_sources", 1):
        raise SaetuiError(f"{path} gives no usable n_sources: it does not divide d_in.")
    _check_k(path, sizes)
    with torch.device("meta"):
        return kind(**sizes)


def _check_k(path: Path, sizes: Mapping[str, int]) -> None:
    if sizes.get("k", 1) > sizes["d_sae"]:
        raise SaetuiError(f"{path} gives no usable k: it is above d_sae.")


def _empty_transcoder(path: Path, config: Mapping[str, Any]) -> Dictionary:
    _refuse_what_changes_inputs(path, config)
    name = str(config["architecture"])
    per_token = name in TOPK_TRANSCODERS
    keys = ("d_in", "d_sae", "d_out", *(("k",) if per_token else ()))
    sizes = {key: _size(path, config, key) for key in keys}
    _check_k(path, sizes)
    with torch.device("meta"):
        return Transcoder(**sizes, skip="skip" in name, per_token=per_token)


def _refuse_what_changes_inputs(path: Path, config: Mapping[str, Any]) -> None:
    if (config.get("normalize_activations") or "none") != "none":
        raise AskedWrongly(
            f"{path} normalises activations ({config['normalize_activations']!r}); "
            "fold that into the weights first."
        )
    if config.get("rescale_acts_by_decoder_norm"):
        raise AskedWrongly(f"{path} rescales by decoder norm; fold that into the weights first.")


def _size(path: Path, config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    if type(value) is not int or value < 1:
        raise SaetuiError(f"{path} gives no usable {key}: {value!r}.")
    return value


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a safetensors file."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from None
