"""A process that runs ``circuit`` in a workspace, for `test_circuit_kill` to kill."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from jobs.context import DirectContext
from jobs.kinds import circuit
from jobs.specs import Circuit
from store import Workspace


class Telling(DirectContext):
    """Prints how far it is."""

    def progress(self, share: float, message: str = "") -> None:
        print(share, flush=True)


def main(folder: Path, **more: Any) -> None:
    """A search in the workspace `folder`, asked for what is usual here and `more`."""
    torch.set_num_threads(1)
    spec = Circuit(
        task=str(folder.parent / "task.jsonl"),
        dictionaries=["early", "late", "latest"],
        sizes=[1, 4, 16],
        steps=8,
        edges=3,
        exact=3,
        bootstrap=20,
        **more,
    )
    circuit.run(spec, Telling(Workspace(folder), spec, "circuit-1"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
