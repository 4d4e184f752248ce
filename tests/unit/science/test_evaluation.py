"""Dictionaries trained on ``tiny`` beat their controls by every measure that asks for learning."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.kinds import evaluate, train_sae
from jobs.specs import Evaluate, TrainSae
from store import Workspace
from tests.unit.profile.planted import Running

pytestmark = pytest.mark.slow  # trains dictionaries, and tiny itself on a new machine


def test_two_seeds_beat_the_random_dictionary(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    spec = TrainSae(
        corpus="grammar:",
        hooks=["L2.resid_post"],
        d_sae=[512],
        k=[16],
        seed=[0, 1],
        tokens=150_000,
        corpus_tokens=150_000,
        batch=1024,
    )
    train_sae.run(spec, Running(workspace, "train_sae-1"))
    running = Running(workspace, "evaluate-1")
    asked = Evaluate(dictionaries=spec.outputs(), tokens=12_000, ce_tokens=2048)
    evaluate.run(asked, running)
    print(*running.said, sep="\n")
    rows = workspace.sql("SELECT * FROM evaluations WHERE about IS NULL").pl().to_dicts()
    for dictionary in spec.outputs():
        found = {row["measure"]: row for row in rows if row["dictionary"] == dictionary}
        for measure in ("fvu", "kl", "dead_fraction"):
            assert found[measure]["value"] < 0.8 * found[measure]["random_dictionary"], measure
        assert found["fvu"]["low"] < found["fvu"]["value"] < found["fvu"]["high"]
        for measure in ("ce_recovered", "seed_cosine", "concept_f1"):
            assert found[measure]["value"] > 0.05 + found[measure]["random_dictionary"], measure
        # Five features of a random dictionary probe nearly as well, and it varies by .04 by chance.
        assert found["probe_k5"]["value"] > 0.01 + found["probe_k5"]["random_dictionary"]
        for measure in ("concept_f1", "probe_k1", "probe_k5"):
            assert found[measure]["value"] > 0.1 + found[measure]["shuffled_labels"], measure
            assert found[measure]["value"] < found[measure]["dense_activation"], measure
        assert found["probe_k5"]["shuffled_labels"] == pytest.approx(0.5, abs=0.03)
