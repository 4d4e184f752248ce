"""How jobs are shown in lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.state import JobState

STATES: dict[str, tuple[str, str]] = {
    "queued": ("○ queued", "muted"),
    "running": ("● running", "accent"),
    "done": ("✓ done", "good"),
    "failed": ("✗ failed", "bad"),
    "cancelled": ("– cancelled", "muted"),
    "lost": ("? lost", "warn"),
}
"""State → how it is written, with the style; told by sign and word, not by colour alone."""


def job_row(job: JobState) -> tuple[Any, ...]:
    """A job as a row: job, kind, state, progress, what it says."""
    said = job.error if job.state == "failed" else job.message
    return (job.job, job.kind, job.state, job.progress, said)
