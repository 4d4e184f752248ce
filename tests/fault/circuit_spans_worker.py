"""A process that runs ``circuit`` by span in a workspace, for `test_circuit_kill` to kill."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fault.circuit_worker import main

if __name__ == "__main__":
    main(Path(sys.argv[1]), per_position="spans")
