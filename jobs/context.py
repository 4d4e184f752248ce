"""What a running kind may ask of the runner."""

from __future__ import annotations

import importlib.metadata
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from jobs.process import host
from jobs.specs import Spec

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


class DirectContext:
    """A `Context` without a supervisor: runs a kind in this process, for tests and notebooks.

    What is said is kept in `said`, `shares` and `points`; set `stop` to ask for the end.
    """

    def __init__(
        self, workspace: Workspace, spec: Spec, job: str = "direct-1", device: str = "cpu"
    ) -> None:
        self.workspace = workspace
        self.spec = spec
        self.job = job
        self.device = device
        self.checkpoint = workspace.job_folder(job) / "checkpoint"
        self.checkpoint.mkdir(parents=True, exist_ok=True)
        self.said: list[str] = []
        self.shares: list[tuple[float, str]] = []
        self.points: list[tuple[str, dict[str, float]]] = []
        self.stop = False

    def progress(self, share: float, message: str = "") -> None:
        """Keeps it in `shares`."""
        self.shares.append((share, message))

    def metrics(self, series: str, **values: float) -> None:
        """Keeps it in `points`."""
        self.points.append((series, values))

    def say(self, message: str) -> None:
        """Keeps it in `said`."""
        self.said.append(message)

    def cancelled(self) -> bool:
        """Whether `stop` was set."""
        return self.stop

    def provenance(self, **more: Any) -> dict[str, Any]:
        """As a job's."""
        return {**provenance(self.job, self.spec), **more}


def provenance(job: str, spec: Spec) -> dict[str, Any]:
    """What a manifest says of where its contents came from, down to the command to repeat it."""
    from jobs.parse import dump, shell_command

    return {
        "job": job,
        "spec": dump(spec),
        "command": shell_command(spec),
        "inputs": spec.inputs(),
        "seed": getattr(spec, "seed", None),
        "versions": versions(),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": host(),
    }


def versions() -> dict[str, str]:
    """Versions that results may depend on, without importing what they belong to."""
    found = {"python": platform.python_version()}
    for name, package in (
        ("saetui", "saetui"),
        ("torch", "torch"),
        ("transformer_lens", "transformer-lens"),
    ):
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found
