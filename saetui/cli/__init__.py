"""The command line. One small module a command; whatever is slow is imported where it is used.

Results go to stdout, everything else to stderr. Exit status: 0 done, 1 failed, 2 asked wrongly.
"""

from __future__ import annotations

from saetui.cli.root import main

__all__ = ["main"]
