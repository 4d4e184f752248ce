"""What a running kind may ask of the runner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from store import Workspace


class Cancelled(Exception):
    """A kind raises this after its checkpoint is safe, once `Context.cancelled` has turned true."""


class Context(Protocol):
    """The runner's side of a job, as a kind's ``run(spec, context)`` sees it."""

    workspace: Workspace
    job: str
    """Job id; also the run that the job's tables are published under."""
    device: str
    """Torch device string, resolved: ``cpu`` or ``cuda`` (the leased GPU is the only visible)."""
    checkpoint: Path
    """Folder of this job's own, kept until it is done; the same after a resume."""

    def progress(self, share: float, message: str = "") -> None:
        """Reports the share done (0 to 1) and what is being done; calls may come as fast as they
        like, at most 10 a second are written.
        """

    def metrics(self, series: str, **values: float) -> None:
        """Reports numbers for a live curve, e.g. ``metrics(dictionary, step=…, loss=…)``."""

    def say(self, message: str) -> None:
        """Writes a line that the user should see (job page and log)."""

    def cancelled(self) -> bool:
        """Whether the job was asked to stop; look at least once a second of work."""

    def provenance(self, **more: Any) -> dict[str, Any]:
        """Manifest fields of this job (job, spec, seed, versions), with `more` added."""
