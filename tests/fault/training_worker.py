"""A process that trains two small dictionaries into a folder, for `test_training_kill` to kill."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from jobs.dictionary import save_folder
from jobs.dictionary.learner import Recipe
from jobs.dictionary.stream import ActivationStream
from jobs.dictionary.trainer import Plan, Trainer
from tests.unit.dictionary.worlds import HOOK, OTHER, PretendCorpus, PretendModel


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    recipe = Recipe(learning_rate=3e-3, dead_after=2048, aux_k=8, sparsity=0.1)
    plans = [
        Plan("topk", HOOK, "topk", 256, {"k": 4}, recipe),
        Plan("standard", OTHER, "standard", 128, {}, recipe),
    ]
    stream = ActivationStream(
        PretendModel(), PretendCorpus(), [HOOK, OTHER], tokens=40_000, batch=128, buffer=512
    )
    trainer = Trainer(
        plans,
        stream,
        folder / "checkpoint",
        precision="bfloat16",
        checkpoint_every=700,
        progress=lambda share, message: print(share, flush=True),
    )
    for name, learner in trainer.train().items():
        save_folder(folder / name, learner.dictionary, scale=2.0, metadata={})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
