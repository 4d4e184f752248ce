"""Loads a model by name: built in, from a file or folder, or from the hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jobs.model.shape import check_folder, check_revision, is_hub
from jobs.model.tokenizer import Tokenizer
from jobs.model.truth.listed import LISTED, PREFIX

Dtype = Literal["auto", "float32", "bfloat16"]
Say = Callable[[str], object]


class _Found(NamedTuple):
    """A model that lies on this machine."""

    folder: Path
    source: str


def load_model(
    name: str,
    *,
    device: str = "cpu",
    dtype: Dtype = "auto",
    revision: str | None = None,
    say: Say = print,
) -> Any:
    """The `LanguageModel` called `name`: ``tiny``, ``smollm2``, ``truth:NAME``, a GGUF file, a
    Hugging Face folder, or a hub name (with `revision`).

    ``dtype="auto"`` takes bfloat16 where the device multiplies it faster, for models wide enough
    to gain. Raises AskedWrongly for a name that means nothing here, SaetuiError for a download
    or a file that fails; both say which models need no hub.
    """
    found = _find(name, revision, say)  # before torch is loaded, which takes seconds

    import torch

    from jobs.model.folder import folder_model
    from jobs.model.language_model import LanguageModel

    chosen = _dtype(dtype, device, found.folder)
    hf_model = folder_model(found.folder, chosen).to(torch.device(device))
    return LanguageModel(name, found.source, hf_model, load_tokenizer(name, revision=revision))


def load_tokenizer(name: str, *, revision: str | None = None, say: Say = print) -> Tokenizer:
    """The tokenizer of the model called `name`, without loading its weights."""
    from jobs.model.folder import folder_tokenizer

    return folder_tokenizer(_find(name, revision, say, weights=False).folder)


def _find(name: str, revision: str | None, say: Say, *, weights: bool = True) -> _Found:
    check_revision(name, revision)
    if name == "tiny":
        from jobs.model.tiny import tiny_folder

        folder = tiny_folder(say)
        return _Found(folder, f"trained by saetui on its grammar ({folder.name})")
    if name.startswith(PREFIX) and name.removeprefix(PREFIX) in LISTED:
        from jobs.model.truth.made import truth_folder

        return _Found(truth_folder(name.removeprefix(PREFIX)), "compiled by saetui")
    if name == "smollm2":
        from jobs.model.smollm2 import GGUF_NAME, GGUF_SHA256, REQUIREMENT, smollm2_folder

        source = f"{GGUF_NAME} of {REQUIREMENT} from the package index, sha256 {GGUF_SHA256[:12]}"
        return _Found(smollm2_folder(say), source)
    if is_hub(name):
        from jobs.model.hub import hub_folder

        folder, commit = hub_folder(name, revision, say, weights=weights)
        return _Found(folder, f"Hugging Face hub, {name} at commit {commit[:12]}")
    return _local(Path(name).expanduser(), say)


def _local(path: Path, say: Say) -> _Found:
    """A GGUF file or a model folder."""
    if path.suffix == ".gguf" or path.is_file():
        from jobs.model.gguf import gguf_folder

        return _Found(gguf_folder(path, say), f"GGUF file {path.resolve()}")
    check_folder(path)
    return _Found(path.resolve(), f"folder {path.resolve()}")


def _dtype(asked: Dtype, device: str, folder: Path) -> Any:
    import torch

    if asked != "auto":
        return getattr(torch, asked)
    wide = int(check_folder(folder).get("hidden_size") or 0) >= 512
    return torch.bfloat16 if wide and _fast_bfloat16(device) else torch.float32


def _fast_bfloat16(device: str) -> bool:
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    return any(
        getattr(torch.cpu, test, lambda: False)()
        for test in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    )
