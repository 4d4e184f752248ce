"""Where jobs run. A backend only starts a job's supervisor; everything else goes by files."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Protocol

from store.errors import AskedWrongly


class Backend(Protocol):
    """A place where supervisors run."""

    def start(self, root: Path, job: str, lock: int) -> None:
        """Starts ``python -P -m jobs.supervisor ROOT JOB``, detached, and returns at once.

        `lock` is the descriptor of the job's lock, taken by the caller. A backend on this machine
        hands it down, so that the job is never seen without a holder; one elsewhere lets go of it
        and the supervisor takes it there.
        """


def backend(name: str) -> Backend:
    """The backend of this name; AskedWrongly if there is none."""
    from jobs.backends.local import Local

    known: dict[str, Backend] = {"local": Local()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "valid are: " + ", ".join(known) + "."
        raise AskedWrongly(f"There is no backend {name!r}; {hint}")
    return known[name]
