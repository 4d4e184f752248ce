"""A pickle that runs code."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Bomb:
    """Unpickled, it would make a file: proof that code was run."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return (Path.touch, (self.trace,))
