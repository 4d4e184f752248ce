"""What a model's name tells before anything is loaded: whether it can be one, and its size.

Torch-free: jobs are checked with it when they are asked for.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from jobs.model.truth.listed import LISTED, PREFIX
from jobs.names import Hook
from store.errors import AskedWrongly


class Shape(NamedTuple):
    """Sizes of a model; None where its config does not say."""

    n_layers: int | None
    d_model: int | None
    context: int | None
    """Positions it can read."""
    n_heads: int | None = None
    """Attention heads of a layer."""
    d_head: int | None = None
    """Width of a head, where that is not d_model / n_heads."""

    def width(self, hook: Hook) -> int | None:
        """Width of the activation at `hook`; None where that is not known."""
        if hook.site != "z":
            return self.d_model
        if self.d_model is None or self.n_heads is None:
            return None
        head = self.d_head or self.d_model // self.n_heads
        return head if hook.head is not None else head * self.n_heads


BUILT_IN = {"tiny": Shape(4, 128, 512, 4), "smollm2": Shape(30, 576, 8192, 9)} | {
    PREFIX + name: Shape(one.n_layers, one.d_model, one.context, one.n_heads)
    for name, one in LISTED.items()
}
"""Models that need no config to be known."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
_KEYS = (
    ("num_hidden_layers", "n_layer", "num_layers"),
    ("hidden_size", "n_embd", "d_model"),
    ("max_position_embeddings", "n_positions", "n_ctx"),
    ("num_attention_heads", "n_head", "num_heads"),
    ("head_dim",),
)
"""What configs of transformers call the fields of `Shape`."""


def shape(name: str, revision: str | None = None) -> Shape | None:
    """The sizes of the model called `name`; None where only the hub or the weights know them.

    Raises AskedWrongly for a name that means nothing, for a file or folder that is no model, and
    for a revision of what has none.
    """
    check_revision(name, revision)
    if name in BUILT_IN:
        return BUILT_IN[name]
    if is_hub(name):
        return None
    path = Path(name).expanduser()
    if path.suffix == ".gguf" or path.is_file():
        if not path.is_file():
            raise AskedWrongly(f"There is no GGUF file {path}.")
        return None
    config = check_folder(path)
    check_weights(path)
    return Shape(*(_number(config, keys) for keys in _KEYS))


def check_revision(name: str, revision: str | None) -> None:
    """Raises AskedWrongly for a revision of a model that has none."""
    if revision is not None and not is_hub(name):
        raise AskedWrongly(
            f"revision={revision} means nothing for {name}: only hub models have any."
        )


def _number(config: dict[str, Any], keys: tuple[str, ...]) -> int | None:
    found = next((config[key] for key in keys if key in config), None)
    return found if type(found) is int and found > 0 else None


def is_hub_name(name: str) -> bool:
    """Whether `name` could name a model of the hub."""
    return _NAME.fullmatch(name) is not None and not name.endswith(".gguf")


def is_hub(name: str) -> bool:
    """Whether a name can only mean a hub model: what lies here under that name comes first.

    Raises AskedWrongly for a name that means nothing.
    """
    if name in BUILT_IN or (name and Path(name).expanduser().exists()):
        return False
    if is_hub_name(name):
        return True
    if name.startswith((".", "/", "~")) or name.endswith(".gguf"):
        return False
    if name.startswith(PREFIX):
        raise AskedWrongly(f"No model is called {name!r}; of its kind there are {_truths()}.")
    raise AskedWrongly(
        f"No model is called {name!r}: valid are tiny, smollm2, truth:NAME, a GGUF file, a Hugging "
        "Face folder or a hub name such as EleutherAI/pythia-70m."
    )


def _truths() -> str:
    return ", ".join(PREFIX + name for name in LISTED)


def check_folder(folder: Path) -> dict[str, Any]:
    """The parsed ``config.json``; raises AskedWrongly where the folder holds no model."""
    if not folder.is_dir():
        raise AskedWrongly(f"There is no model folder {folder}.")
    config = folder / "config.json"
    if not config.is_file():
        raise AskedWrongly(
            f"{folder} holds no config.json, so it is not a Hugging Face model folder; name the "
            "folder that save_pretrained wrote."
        )
    try:
        parsed = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AskedWrongly(f"{config} cannot be read as JSON: {error}.") from None
    if not isinstance(parsed, dict) or not parsed.get("model_type"):
        raise AskedWrongly(f"{config} names no model_type, so nothing can load it.")
    return parsed


def check_weights(folder: Path) -> None:
    """Raises AskedWrongly unless the folder holds safetensors weights."""
    if not any(folder.glob("*.safetensors")):
        raise AskedWrongly(
            f"{folder} holds no *.safetensors weights; save the model with safetensors."
        )
