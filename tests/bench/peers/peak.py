"""Memory of a process at its most; needs Python alone, so any library's environment has it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak() -> int:
    """Bytes that this process has held at most.

    Not ``ru_maxrss`` where there is another way: on Linux that outlives ``exec``, so that a process
    which a larger one started is never said to be smaller than it.
    """
    told = STATUS.read_text() if STATUS.exists() else ""
    for line in told.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
