"""Fixtures that drive the workbench; see `tests.driver`."""

from __future__ import annotations

from tests.driver import copied, made, root, workbench

__all__ = ["copied", "made", "root", "workbench"]
