"""Fixtures that drive the workbench; see `tests.driver`."""

from __future__ import annotations

from tests.driver import made, root, workbench

__all__ = ["made", "root", "workbench"]
