"""A process that runs ``ablate`` in a workspace, for `test_ablate_kill` to kill."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from jobs.context import DirectContext
from jobs.kinds import ablate
from jobs.specs import Ablate
from store import Workspace

SPEC = Ablate(
    dictionaries=["early", "late", "latest"],
    select="SELECT 'early' AS dictionary, unnest(range(8)) AS feature",
    nulls=3,
    tokens=800,
    per_source=5,
    batch=8,
)


class Telling(DirectContext):
    """Prints how far it is."""

    def progress(self, share: float, message: str = "") -> None:
        print(share, flush=True)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    ablate.GROUP = 40
    ablate.run(SPEC, Telling(Workspace(folder), SPEC, "ablate-1"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
