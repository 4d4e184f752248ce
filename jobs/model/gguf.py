"""GGUF files: turned once into a cached Hugging Face folder, which then loads in a second."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.model.cache import cache_root, made_once
from jobs.model.folder import first_line
from store.errors import AskedWrongly, SaetuiError

_MAGIC = b"GGUF"
_SAMPLE = 1 << 20


def gguf_folder(path: Path, say: Callable[[str], object] = print) -> Path:
    """The Hugging Face folder made from a GGUF file: weights dequantised to fp32, tokenizer.

    Raises AskedWrongly where there is no such file or it is no GGUF file, SaetuiError where it is
    damaged or of an architecture that ``transformers`` cannot read from GGUF.
    """
    check_gguf(path)
    folder = cache_root() / "models" / f"{path.stem[:80]}-{_fingerprint(path)}"
    return made_once(
        folder,
        lambda staging: _convert(path, staging, say),
        waiting=lambda: say(f"Waiting for another process that is unpacking {path.name}."),
    )


def check_gguf(path: Path) -> None:
    """Raises AskedWrongly unless `path` begins as a GGUF file does."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise AskedWrongly(f"The GGUF file {path} cannot be read: {error.strerror}.") from None
    if start != _MAGIC:
        raise AskedWrongly(f"{path} is no GGUF file: it does not begin with the letters GGUF.")


def _fingerprint(path: Path) -> str:
    """Twelve hexadecimal digits from the size, the beginning and the end of a file: enough to tell
    models apart, quick for many gigabytes.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_SAMPLE))
        file.seek(max(0, size - _SAMPLE))
        digest.update(file.read(_SAMPLE))
    return digest.hexdigest()[:12]


def _convert(path: Path, staging: Path, say: Callable[[str], object]) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    say(f"Unpacking {path.name}: once, some seconds for each 100 MB.")
    where: dict[str, Any] = {"gguf_file": path.name, "local_files_only": True}
    try:
        with _parsed_once():
            tokenizer = AutoTokenizer.from_pretrained(path.parent, **where)
            model = AutoModelForCausalLM.from_pretrained(path.parent, dtype=torch.float32, **where)
    except Exception as error:  # whatever gguf and transformers find wrong with the file
        raise SaetuiError(
            f"The GGUF file {path} cannot be read; is it whole, and of an architecture that "
            f"transformers reads from GGUF? {first_line(error)}"
        ) from error
    _forget_quantisation(model)
    model.save_pretrained(staging)
    tokenizer.save_pretrained(staging)


def _forget_quantisation(model: Any) -> None:
    """The weights are plain numbers now; ``save_pretrained`` refuses those marked otherwise."""
    for owner, name in (
        (model.config, "quantization_config"),
        (model, "hf_quantizer"),
        (model, "quantization_method"),
        (model, "is_quantized"),
    ):
        if name in vars(owner):
            delattr(owner, name)


@contextmanager
def _parsed_once() -> Iterator[None]:
    """Within the block, a GGUF file is parsed once and a name map built once.

    ``transformers`` parses the file three times and builds the map once a submodule: of a minute
    for 135M parameters, that is most.
    """
    import gguf
    import numpy as np

    class Reader(gguf.GGUFReader):
        """Reads through a plain array: slices of a memory map cost ten times as much."""

        @property
        def data(self) -> Any:
            return self._data

        @data.setter
        def data(self, value: Any) -> None:
            self._data = value.view(np.ndarray)

    before = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader = functools.lru_cache(maxsize=1)(Reader)
    gguf.get_tensor_name_map = functools.lru_cache(maxsize=8)(gguf.get_tensor_name_map)
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = before
