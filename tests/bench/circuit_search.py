"""One circuit search of a bench, run as the job that it is, in this process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from store import SaetuiError, Workspace
from tests.bench.circuits_compared import LARGEST

if TYPE_CHECKING:
    from jobs.context import DirectContext

SIZES = (1, 2, 5, 10, 14, 20, 30, 50, 70, 100, LARGEST)
"""Nodes of circuits that are scored."""
BATCH = 96
"""Prompts of a pass: they are short."""


def searched(ws: Workspace, name: str, **how: Any) -> DirectContext | None:
    """Searches the circuit called `name`, `how` being the rest of its spec; prints what came of it.
    A refusal is printed and passed over: None.
    """
    from jobs.context import DirectContext
    from jobs.kinds.circuit import run
    from jobs.specs.circuit import Circuit

    spec = Circuit(name=name, sizes=list(SIZES), batch=BATCH, edges=0, exact=0, **how)
    began, context, refused = time.process_time(), DirectContext(ws, spec, job=name), False
    try:
        said = run(spec, context)
    except SaetuiError as error:
        said, refused = str(error), True
    print(f"{name}: {time.process_time() - began:.0f} CPU s; {said}", flush=True)
    return None if refused else context
