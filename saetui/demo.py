"""The demo: what ``saetui demo`` trains, how it is asked for once, and what it came to.

Everything that decides how long it takes is in `RECIPES`.
"""

from __future__ import annotations

import fcntl
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.pipeline import Planned
    from jobs.state import JobState
    from store import Workspace

MODEL = "smollm2"
"""Model of the demo unless another is named."""

FOLDER = "saetui-demo"
"""Folder of the demo unless another is named."""

RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    # A real model and real text: the residual stream of a middle layer, and the two components
    # that write to it there, in one forward pass.
    "smollm2": {
        "train": {
            "kind": "train_sae",
            "model": "smollm2",
            "corpus": "docs:",
            "hooks": ["L12.resid_post", "L12.mlp_out", "L12.attn_out"],
            "architecture": "topk",
            "d_sae": 4608,
            "k": 32,
            "learning_rate": 3e-3,  # a short run: a tenth less FVU than at the default
            "tokens": 250_000,
            "corpus_tokens": 250_000,
            "context": 128,
        },
        "profile": {
            "kind": "profile",
            "dictionaries": "@train",
            "tokens": 100_000,
            "ce_tokens": 8_192,
        },
        "cluster": {
            "kind": "cluster",
            "dictionaries": "smollm2/L12.resid_post/topk-4608-k32-s0",
            "resolution": 6,  # groups of some fifty features, which a label can sum up
            "after": ["profile"],
        },
        "circuit": {
            "kind": "circuit",
            "task": "agreement_pp",
            "dictionaries": "@train",
            "method": ["relp", "random"],  # what is found in seconds, beside an order by chance
            "limit": 40,
            "transfer": False,
            "after": ["profile"],
        },
    },
    # A model made on this machine, on text whose latent variables are known.
    "tiny": {
        "train": {
            "kind": "train_sae",
            "model": "tiny",
            "corpus": "grammar:",
            "hooks": ["L2.resid_post", "L2.mlp_out", "L2.attn_out"],
            "architecture": "topk",
            "d_sae": 1024,
            "k": 16,
            "tokens": 300_000,
            "corpus_tokens": 300_000,
            "context": 128,
        },
        "profile": {
            "kind": "profile",
            "dictionaries": "@train",
            "tokens": 60_000,
            "ce_tokens": 8_192,
        },
        "cluster": {
            "kind": "cluster",
            "dictionaries": "tiny/L2.resid_post/topk-1024-k16-s0",
            "after": ["profile"],
        },
        "circuit": {
            "kind": "circuit",
            "task": "agreement_pp",
            "dictionaries": "@train",
            "method": ["relp", "random"],
            "transfer": False,
            "after": ["profile"],
        },
    },
}
"""Model → pipeline, as a TOML file would hold it: stage → kind and keys."""


def recipe(model: str) -> dict[str, dict[str, Any]]:
    """The pipeline for `model`; raises AskedWrongly where the demo has none."""
    if model not in RECIPES:
        raise AskedWrongly(
            f"The demo has no recipe for {model!r}, only for {' and '.join(RECIPES)}; for any "
            f"other model: saetui run train_sae model={model} hooks=…"
        )
    return RECIPES[model]


def open_or_make(folder: Path, model: str) -> Workspace:
    """The workspace at `folder`, made with `model` as its default where there is none yet."""
    from store import Workspace

    train = recipe(model)["train"]
    if (folder / "workspace.toml").is_file():
        return Workspace(folder)
    defaults: dict[str, Any] = {key: train[key] for key in ("model", "corpus") if key in train}
    return Workspace.create(folder, defaults=defaults)


class Asked(NamedTuple):
    """What the demo consists of."""

    jobs: list[str]
    """Its jobs, in order."""
    dictionaries: list[str]
    """What they make."""


def ask_for(ws: Workspace, model: str) -> Asked:
    """The demo's jobs: those of earlier that are done or go on, the others submitted.

    What an earlier demo finished is not done again; what it left unfinished goes on.
    """
    from jobs.pipeline import plan
    from jobs.queue import submit

    with _one_at_a_time(ws):
        planned = plan(recipe(model))
        asked: list[str | None] = []
        for job in planned:
            found = _existing(ws, job)
            if not found and not _made(ws, job):
                after = [name for position in job.after if (name := asked[position])]
                found = submit(ws, job.spec, after=after).id
            asked.append(found)
    made = [name for job in planned for name in job.spec.outputs()]
    return Asked([name for name in asked if name], made)


@contextmanager
def _one_at_a_time(ws: Workspace) -> Iterator[None]:
    """Two demos that start on the same workspace at once must not both submit."""
    with open(ws.root / "workspace.toml", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _existing(ws: Workspace, planned: Planned) -> str | None:
    """The newest job with this very spec, resumed if it stopped; None if it must be asked anew."""
    from jobs.parse import dump
    from jobs.queue import resume
    from jobs.state import list_jobs

    spec = dump(planned.spec)
    found = next((state for state in list_jobs(ws) if state.spec == spec), None)
    if found is None:
        return None
    if found.state == "done":
        return found.job if _made(ws, planned) or not planned.spec.outputs() else None
    if found.live and found.supervised:
        return found.job
    return resume(ws, found.job).id


def _made(ws: Workspace, planned: Planned) -> bool:
    """Whether all that a job makes is there, whoever made it."""
    outputs = planned.spec.outputs()
    return bool(outputs) and set(ws.dictionaries()).issuperset(outputs)


RESULTS = """
WITH speed AS (
  SELECT dictionary, median(tokens_per_second) AS tokens_per_second
  FROM training GROUP BY dictionary
)
SELECT dictionary, fvu, l0, ce_recovered, dead_fraction, tokens_trained, tokens_per_second
FROM dictionaries LEFT JOIN speed USING (dictionary)
WHERE dictionary IN ({dictionaries}) ORDER BY layer, site DESC
"""
"""What the demo's dictionaries came to, for their ids as SQL literals."""


def wall_seconds(states: Sequence[JobState]) -> float | None:
    """From the first job submitted to the last one ended; None while one has not ended."""
    ends = [state.ended_at for state in states]
    if not states or None in ends:
        return None
    last = max(end for end in ends if end is not None)
    return (last - min(state.created_at for state in states)).total_seconds()


def next_commands(folder: Path, dictionary: str | None) -> list[str]:
    """What to try next, ready to be copied."""
    where = shlex.quote(str(folder))
    commands = [f"saetui {where}"]
    if dictionary:
        commands += [
            f"saetui features {dictionary} -w {where} --sort max --limit 20",
            f"saetui feature {dictionary} 0 -w {where}",
            f"saetui circuit -w {where}",
            f'saetui sql -w {where} "SELECT dictionary, fvu, l0, ce_recovered FROM dictionaries"',
        ]
    return [*commands, "saetui docs tables"]
