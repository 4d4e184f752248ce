"""What goes on, in a line: jobs that run and wait, the newest one's trouble, devices in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from saetui.text import inert

if TYPE_CHECKING:
    from jobs.state import JobState

NAMED = 3
"""Jobs named in a sentence; others are counted."""


def status(jobs: Sequence[JobState]) -> str:
    """The parts, from the most to the least important, two spaces between; `jobs` newest first."""
    running = [job for job in jobs if job.state == "running"]
    waiting = sum(job.state == "queued" for job in jobs)
    parts = []
    if running:
        parts.append(f"● {len(running)} running")
        parts.append(f"{inert(running[0].job)} {running[0].progress:.0%}")
    if waiting:
        parts.append(f"○ {waiting} queued")
    if jobs and jobs[0].state in ("failed", "lost"):
        parts.append(f"✗ {inert(jobs[0].job)} {jobs[0].state}")
    devices = sorted({inert(job.device) for job in running if job.device})
    return "  ".join([*parts, *devices]) or "no job runs"


def named(jobs: Sequence[JobState]) -> str:
    """The job that `status` names: one that runs, else the newest, if it broke; else none."""
    running = [job.job for job in jobs if job.state == "running"]
    broke = [job.job for job in jobs[:1] if job.state in ("failed", "lost")]
    return [*running, *broke, ""][0]


def ended(before: Sequence[JobState], now: Sequence[JobState]) -> list[JobState]:
    """Jobs that were alive `before` and are not any more."""
    alive = {job.job for job in before if job.live}
    return [job for job in now if job.job in alive and not job.live]


def endings(jobs: Sequence[JobState]) -> tuple[str, str]:
    """One sentence on jobs that ended, and its severity: however many there are."""
    troubled = [job for job in jobs if job.state in ("failed", "lost")]
    severity = "error" if troubled else "information"
    if len(jobs) == 1:
        job = jobs[0]
        why = f": {job.error}" if job.state == "failed" and job.error else ""
        return f"{job.job} {_IS[job.state]}{why}", severity
    parts = []
    for state in ("failed", "lost", "cancelled", "done"):
        names = [job.job for job in jobs if job.state == state]
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            parts.append(f"{len(names)} {state} ({', '.join(names[:NAMED])}{more})")
    return f"{len(jobs)} jobs ended: {', '.join(parts)}", severity


_IS = {"done": "is done", "failed": "failed", "cancelled": "is cancelled", "lost": "is lost"}
"""State → how a sentence says it."""
