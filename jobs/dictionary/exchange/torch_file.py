"""Tables of weights that ``torch.save`` wrote: pickles, read by torch's reader that builds tensors
alone.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor

from jobs.dictionary.damaged import beginning, unreadable
from store.errors import SaetuiError

_SAVED = (b"PK\x03\x04", b"\x80")
"""How what ``torch.save`` writes begins: a zip file, before torch 1.6 a pickle."""


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors in a saved ``state_dict``. Raises SaetuiError for what is damaged, something
    else, or has code in it.
    """
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
        raise SaetuiError(f"{path} holds no table of weights, which a state_dict would be.")
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}
