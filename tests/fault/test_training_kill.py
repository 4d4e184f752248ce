"""Training that is killed without a word goes on to the same bytes."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from jobs import resume, submit
from jobs import state as states
from jobs.queue import wait
from jobs.specs import TrainSae
from store import Workspace
from tests.fault.killing import killed, start

WEIGHTS = "sae_weights.safetensors"


def test_killed_at_random_moments(tmp_path: Path) -> None:
    for run in ("whole", "killed"):
        (tmp_path / run).mkdir()
    whole = start("training_worker", tmp_path / "whole")
    kills = killed("training_worker", tmp_path / "killed", steps=(0.15, 0.5), seed=2, pause=0.02)
    assert whole.wait() == 0
    assert kills >= 2
    for name in ("topk", "standard"):
        ours, theirs = (tmp_path / run / name / WEIGHTS for run in ("killed", "whole"))
        assert ours.read_bytes() == theirs.read_bytes()


SPEC = TrainSae(
    model="tiny",
    corpus="grammar:",
    hooks=["L1.resid_post", "L2.attn_out"],
    d_sae=[512],
    k=[16],
    tokens=400_000,
    context=64,
    buffer=16_384,
    checkpoint_every=30_000,
)


def unfinished(ws: Workspace) -> list[Path]:
    """Anything in the folders of results that has no manifest."""
    files = [p for p in (ws.root / "dictionaries").rglob("*") if p.is_file()]
    return [p for p in files if not (p.parent / "manifest.json").exists()]


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["worker", "supervisor"])
def test_a_real_job_killed_and_resumed(tmp_path: Path, victim: str) -> None:
    """Model, corpus, engine and training together: same bytes, and nothing half-made to see."""
    moments = random.Random(victim)
    workspaces = [Workspace.create(tmp_path / name) for name in ("whole", "killed")]
    whole = submit(workspaces[0], SPEC)
    assert wait(workspaces[0], whole.id, 600).state == "done"

    job, ws = submit(workspaces[1], SPEC), workspaces[1]
    share = 0.05
    for _ in range(3):
        share += moments.uniform(0.1, 0.3)
        deadline = time.monotonic() + 300
        while (state := job.state()).state != "running" or state.progress < share:
            assert state.state in ("queued", "running") and time.monotonic() < deadline, state
            time.sleep(0.005)
        process = getattr(state, victim)
        os.kill(process.pid, signal.SIGKILL)
        ended = wait(ws, job.id, 60)
        assert ended.state in ("failed", "lost"), ended
        assert ws.dictionaries() == [] and unfinished(ws) == []
        resume(ws, job.id)
    assert wait(ws, job.id, 600).state == "done"
    assert states.read(ws, job.id).error is None
    for name in SPEC.outputs():
        ours, theirs = (w.dictionary(name).weights.read_bytes() for w in workspaces)
        assert ours == theirs
