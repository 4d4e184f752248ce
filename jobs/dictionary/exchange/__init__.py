"""Dictionaries of other libraries: each format is one module that reads a folder or file of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jobs.dictionary.exchange import (
    dictionary_learning,
    gemma_scope,
    gemma_scope_2,
    llama_scope,
    qwen,
    saelens,
    sparsify,
)
from jobs.dictionary.exchange.foreign import Foreign
from store.errors import AskedWrongly


class Layout(NamedTuple):
    """A kind of folder."""

    format: str
    files: tuple[str, ...]
    """What makes one out."""
    read: Callable[[Path], Foreign]
    scaled: Callable[[Path, float], Foreign] | None = None
    """Reads one that normalises activations by a factor which is not among its files."""


LAYOUTS = (
    Layout("saelens", saelens.FILES, saelens.read, saelens.read),
    Layout("dictionary_learning", dictionary_learning.FILES, dictionary_learning.read),
    Layout("sparsify", sparsify.FILES, sparsify.read),
    Layout(gemma_scope.FORMAT, gemma_scope.FILES, gemma_scope.read),
    Layout(gemma_scope_2.FORMAT, gemma_scope_2.FILES, gemma_scope_2.read),
    Layout(llama_scope.FORMAT, llama_scope.FILES, llama_scope.read),
    Layout(llama_scope.FORMAT, llama_scope.LATER, llama_scope.read_later, llama_scope.read_later),
)
"""All that are read; of those whose files are there the first is taken."""


class File(NamedTuple):
    """A kind of file that is a dictionary by itself."""

    format: str
    name: re.Pattern[str]
    read: Callable[[Path], Foreign]


FILES = (
    File(qwen.SCOPE, qwen.SCOPE_FILE, qwen.read_scope),
    File(qwen.TRANSCODER, qwen.TRANSCODER_FILE, qwen.read_transcoder),
)


def read(source: Path, format_: str = "auto", factor: float | None = None) -> Foreign:
    """The dictionary in the folder or file `source`, and what its files say about it. `factor` is
    what its library multiplies activations by, for folders that ask for it without holding it.

    Raises AskedWrongly where the folder is of no known format or another than `format_`, of an
    architecture this version lacks, or needs what it cannot fold away; SaetuiError where files are
    damaged: unreadable, of shapes that do not fit, with NaN or with code in them.
    """
    if source.is_file():
        return _file(source, format_).read(source)
    layout = _layout(source, format_)
    if factor is not None and layout.scaled:
        return layout.scaled(source, factor)
    return layout.read(source)


def _file(path: Path, format_: str) -> File:
    for file in FILES:
        if format_ in ("auto", file.format) and (format_ != "auto" or file.name.match(path.name)):
            return file
    raise AskedWrongly(
        f"{path} is a file of no kind that is read; wanted is a folder, or Qwen's layer12.sae.pt "
        "or layer_12.safetensors."
    )


def _layout(folder: Path, format_: str) -> Layout:
    asked = [one for one in LAYOUTS if format_ in ("auto", one.format)]
    if not asked:
        raise AskedWrongly(f"{folder} is a folder; {format_} is a file a layer.")
    for layout in asked:
        if all((folder / file).is_file() for file in layout.files):
            return layout
    if format_ != "auto":
        missing = next(name for name in asked[0].files if not (folder / name).is_file())
        raise AskedWrongly(f"{folder} has no {missing}, so it is not a {format_} folder.")
    wanted = "; ".join(f"{' and '.join(one.files)} ({one.format})" for one in LAYOUTS)
    inside = sorted(path.parent.name for path in folder.glob("*/*") if path.name in _FIRST)
    hint = f" Its folder {inside[0]} may be one." if inside else ""
    raise AskedWrongly(f"{folder} holds no dictionary: wanted are {wanted}.{hint}")


_FIRST = {layout.files[0] for layout in LAYOUTS}

__all__ = ["FILES", "LAYOUTS", "File", "Foreign", "Layout", "read"]
