"""Publishes for ever, until somebody kills it: ``store_writer.py ROOT NUMBER``."""

from __future__ import annotations

import sys

from store import Workspace
from tests.unit.store.examples import DICTIONARY, activations, dictionary, profile


def main(root: str, number: int) -> None:
    workspace = Workspace(root)
    for turn in range(100_000):
        job = f"job{number}-{turn}"
        with workspace.publish_table("activations", run=job, scope=DICTIONARY) as out:
            for part in range(4):
                out.write(activations(range(part * 1024, part * 1024 + 1000)), part=part)
        profile(workspace, job, density=0.5)
        dictionary(workspace, f"tiny/{job}", job=job)
        if turn == 0:
            print("ready", flush=True)
        workspace.label(f"tiny/{job}", turn % 512, job)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
