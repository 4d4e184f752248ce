"""Dictionaries for other libraries. Torch-free: formats that need torch are written by a process of
their own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.environment import computing
from jobs.saelens import read_config, write_config
from store.errors import AskedWrongly, SaetuiError

LIBRARIES = {
    "saelens": "SAELens",
    "dictionary_learning": "dictionary_learning",
    "sparsify": "sparsify",
}
"""Format → the library whose it is."""
_HOLDS = {
    "standard": ("saelens", "dictionary_learning"),
    "gated": ("saelens", "dictionary_learning"),
    "jumprelu": ("saelens", "dictionary_learning"),
    "topk": ("saelens", "dictionary_learning", "sparsify"),
    "jumprelu_transcoder": ("saelens",),
    "jumprelu_skip_transcoder": ("saelens",),
    "topk_transcoder": ("sparsify",),
    "topk_skip_transcoder": ("sparsify",),
}
"""Architecture in ``cfg.json`` → the formats that can say what it does."""
_MEANS = {
    "crosscoder": "a crosscoder, over several hooks",
    "jumprelu": "a dictionary with thresholds (jumprelu)",
    "jumprelu_transcoder": "a transcoder with thresholds",
    "jumprelu_skip_transcoder": "a transcoder with thresholds",
    "topk_transcoder": "a transcoder with a top-k of every token",
    "topk_skip_transcoder": "a transcoder with a top-k of every token",
}


def formats_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The formats that can hold the dictionary of this ``cfg.json``."""
    formats = _HOLDS.get(str(config.get("architecture")), ())
    widths = config.get("d_in"), config.get("d_out", config.get("d_in"))
    if widths[0] != widths[1]:  # sparsify writes what it reads: one width
        return tuple(one for one in formats if one != "sparsify")
    return formats


def export(name: str, cfg: Path, weights: Path, to: Path, format_: str) -> None:
    """Writes the dictionary `name`, which lies in the files `cfg` and `weights`, into the folder
    `to` as `format_` has it.

    Raises AskedWrongly where that format has no such architecture, SaetuiError where files cannot
    be read or written.
    """
    config = read_config(cfg)
    held = formats_of(config)
    if format_ not in held:
        architecture = str(config.get("architecture"))
        what = _MEANS.get(architecture, f"of architecture {architecture}")
        others = " or ".join(f"--format {one}" for one in held)
        can = f"say {others}" if held else f"nor can another format; its own folder is {cfg.parent}"
        raise AskedWrongly(f"{name} is {what}, which {LIBRARIES[format_]} cannot hold; {can}.")
    if format_ == "saelens":
        shutil.copyfile(weights, to / weights.name)
        write_config(to / cfg.name, config)
    else:
        _with_torch(cfg.parent, to, format_)


def _with_torch(source: Path, to: Path, format_: str) -> None:
    """`jobs.dictionary.exchange.export`, which says on stdout what went wrong."""
    command = ["-m", "jobs.dictionary.exchange.export", str(source), str(to), format_]
    done = subprocess.run(
        [sys.executable, "-P", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=computing(""),
        check=False,
    )
    if done.returncode:
        if said := done.stdout.strip():
            raise SaetuiError(said)
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise SaetuiError(f"{source} could not be written as {format_}: {lines[-1]}")
