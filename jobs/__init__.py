"""The work: what can be asked, how it runs, and the mathematics behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.pipeline import submit_file, submit_pipeline
    from jobs.queue import Job, cancel, remove, resume, retry, submit

__all__ = ["Job", "cancel", "remove", "resume", "retry", "submit", "submit_file", "submit_pipeline"]


def __getattr__(name: str) -> Any:
    # Looked up when asked for, so that a supervisor, one per waiting job, stays small.
    if name in __all__:
        from jobs import pipeline, queue

        return getattr(pipeline if name.startswith("submit_") else queue, name)
    raise AttributeError(f"module 'jobs' has no attribute {name!r}")
