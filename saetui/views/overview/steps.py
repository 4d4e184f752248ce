"""What could be done next, as commands: suggestions made from what the workspace holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.state import JobState

FEW = 4
"""Dictionaries named in one command at most."""


@dataclass(frozen=True)
class Step:
    """One suggestion."""

    says: str
    """Why, in a few words."""
    command: str
    """The command that does it."""


def next_steps(
    dictionaries: Sequence[str],
    profiled: Collection[str],
    labelled: int,
    jobs: Sequence[JobState],
) -> list[Step]:
    """Suggestions, the most useful first. `jobs` are newest first."""
    steps = [*_mend(jobs)]
    if not dictionaries:
        if not any(job.live for job in jobs):
            steps.append(
                Step(
                    "train a first dictionary",
                    "saetui run train_sae model=tiny corpus=grammar: hooks=L2.resid_post d_sae=512",
                )
            )
        return steps
    waiting = {name for job in jobs if job.live for name in job.spec.get("dictionaries", ())}
    missing = [name for name in dictionaries if name not in profiled and name not in waiting]
    if missing:
        names = ",".join(missing[:FEW])
        steps.append(Step("profile, to see features", f"saetui run profile dictionaries={names}"))
    if profiled:
        first = next(name for name in dictionaries if name in profiled)
        steps += [
            Step("compare dictionaries", 'saetui sql "FROM dictionaries ORDER BY fvu"'),
            Step("list features", f"saetui features {first} --sort max"),
        ]
        if labelled:
            steps.append(Step("list what you labelled", 'saetui sql "FROM labels"'))
        steps += _causes([name for name in dictionaries if name in profiled], jobs)
    return steps


def _causes(profiled: Sequence[str], jobs: Sequence[JobState]) -> list[Step]:
    """From features to what they cause: ablations and circuits nobody has asked for, else those
    that are there.
    """
    model = profiled[0].partition("/")[0]
    hooks = {name.rpartition("/")[0]: name for name in profiled if name.startswith(f"{model}/")}
    names = ",".join(list(hooks.values())[:FEW])
    asked = {job.kind for job in jobs}
    done = {job.kind for job in jobs if job.state == "done"}
    steps = []
    if "circuit" not in asked:
        command = f"saetui run circuit task=agreement dictionaries={names}"
        steps.append(Step("find what causes a behaviour", command))
    elif "circuit" in done:
        steps.append(Step("see the circuits", "saetui circuit"))
    if "ablate" not in asked and len(hooks) > 1:
        command = f"saetui run ablate density=0.02 dictionaries={names}"
        steps.append(Step("see what features change", command))
    return steps


def _mend(jobs: Sequence[JobState]) -> list[Step]:
    """The newest job of each kind, if it broke."""
    seen: set[str] = set()
    steps = []
    for job in jobs:
        if job.kind in seen:
            continue
        seen.add(job.kind)
        if job.state in ("failed", "lost"):
            steps.append(Step(f"see why {job.job} {job.state}", f"saetui jobs logs {job.job}"))
            steps.append(Step("go on from its checkpoint", f"saetui jobs resume {job.job}"))
    return steps
