"""A process that writes one dictionary for another library: ``… SOURCE TO FORMAT``.

SOURCE is a folder of our own, TO a folder that is there and empty. What goes wrong is one sentence
on stdout.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from jobs.dictionary.exchange import dictionary_learning, sparsify
from jobs.dictionary.saved import CONFIG, WEIGHTS, read_weights
from jobs.saelens import read_config
from store.errors import SaetuiError

WRITERS: dict[str, Callable[[Path, Mapping[str, Any], dict[str, Tensor]], None]] = {
    "dictionary_learning": dictionary_learning.write,
    "sparsify": sparsify.write,
}
"""Format → what writes a folder of it, from SAELens's configuration and weights."""


def export(source: Path, to: Path, format_: str) -> None:
    """Writes the dictionary of the folder `source` into `to`; raises SaetuiError where files are
    damaged, OSError where they cannot be written.
    """
    config, weights = read_config(source / CONFIG), read_weights(source / WEIGHTS)
    WRITERS[format_](to, config, weights)


def main(source: str, to: str, format_: str) -> int:
    """`export`, with its ending as an exit status."""
    try:
        export(Path(source), Path(to), format_)
    except SaetuiError as error:
        print(error)
        return error.exit_code
    except OSError as error:
        print(f"{to} cannot be written: {error.strerror or error}.")
        return SaetuiError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
