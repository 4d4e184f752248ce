"""Gemma Scope, Lieberum et al. 2024, arXiv:2408.05147: folders of ``params.npz``, and where such a
folder lies says what it is of: ``gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82``.

z = x·W_enc + b_enc;  f = z·[z > θ];  x̂ = f·W_dec + b_dec.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from jobs.dictionary.damaged import beginning, unreadable
from jobs.dictionary.exchange.foreign import Foreign, assembled, need, parts_of
from store.errors import AskedWrongly, SaetuiError

FILES = ("params.npz",)
FORMAT = "gemma_scope"
AXES = {"W_enc": 2, "b_enc": 1, "threshold": 1, "W_dec": 2, "b_dec": 1}
"""Names in ``params.npz``, where some releases write W small, → their axes."""
_REPOSITORY = re.compile(r"^gemma-scope-(2b|9b|27b)-(pt|it)-(res|mlp|att|transcoders)$")
_LAYER = re.compile(r"^layer_(\d+)$")
_SITES = {"res": "resid_post", "mlp": "mlp_out", "att": "z", "transcoders": "mlp_out"}


class _Place(NamedTuple):
    model: str | None
    hook: str | None
    transcodes: bool | None
    """None where the path does not say."""


def read(folder: Path) -> Foreign:
    """The dictionary in a folder of Gemma Scope.

    A transcoder there reads what the norm before the MLP gives without its gain, which was folded
    into the MLP (the paper's page 18).
    """
    path, place = folder / FILES[0], _place(folder)
    arrays = _arrays(path)
    weights = {name: need(arrays, name, path, axes) for name, axes in AXES.items()}
    d_sae, d_out = weights["W_dec"].shape
    config: dict[str, Any] = {"d_in": len(weights["W_enc"]), "d_sae": d_sae}
    if place.transcodes:
        config |= {"architecture": "jumprelu_transcoder", "d_out": d_out}
    else:
        config |= {"architecture": "jumprelu", "apply_b_dec_to_input": False}
    made = assembled(config, weights, path, path)
    warning = None
    if place.transcodes is None:
        warning = (
            f"No folder above {folder.name} is called gemma-scope-…, as the repository is: it is "
            "taken for an autoencoder. A transcoder must lie in its gemma-scope-…-transcoders."
        )
    trained = "transcoder" if place.transcodes else "jumprelu"
    about = (made, FORMAT, trained, place.model, place.hook, warning)
    return Foreign(*about, before_gain=bool(place.transcodes))


def _place(folder: Path) -> _Place:
    parts = parts_of(folder)
    if "embedding" in parts[:3]:
        raise AskedWrongly(
            f"{folder} reads embeddings before they are scaled, which is no hook here; take a "
            "dictionary of a layer."
        )
    repository = next((found for part in parts if (found := _REPOSITORY.match(part))), None)
    layer = next((found[1] for part in parts if (found := _LAYER.match(part))), None)
    if repository is None:
        return _Place(None, None, None)
    size, tuned, site = repository.groups()
    model = f"google/gemma-2-{size}{'-it' if tuned == 'it' else ''}"
    hook = f"L{layer}.{_SITES[site]}" if layer else None
    return _Place(model, hook, site == "transcoders")


def _arrays(path: Path) -> dict[str, Tensor]:
    """The arrays of numbers in an ``.npz``; nothing in it is unpickled."""
    if beginning(path, 1) == b"\x80":
        raise _may_run_code(path)
    try:
        with np.load(path, allow_pickle=False) as held:
            found = {name: held[name] for name in held.files if _named(name) in AXES}
            factor = held["scaling_factor"] if "scaling_factor" in held.files else np.ones(1)
    except ValueError as error:
        if "allow_pickle" in str(error) and beginning(path, 2) == b"PK":
            raise _may_run_code(path) from None
        raise unreadable(path) from None
    except Exception as error:  # what zip, zlib and NumPy raise for damaged bytes is said nowhere
        raise unreadable(path, error) from None
    if not np.allclose(factor, 1):
        raise AskedWrongly(f"{path} has a finetuning scaling factor; fold it in first.")
    for name, array in found.items():
        if array.dtype.kind != "f":
            raise SaetuiError(f"{name} in {path} holds {array.dtype}, not real numbers.")
    return {
        _named(name): torch.from_numpy(array.astype(np.float32)) for name, array in found.items()
    }


def _named(name: str) -> str:
    return "W_" + name[2:] if name.startswith("w_") else name


def _may_run_code(path: Path) -> SaetuiError:
    return SaetuiError(
        f"{path} holds more than numbers (reading a pickle may run code); it is refused."
    )
