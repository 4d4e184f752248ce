"""What every test stands on: jobs of a test wait only for jobs of that test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_leases(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Device leases are the machine's: without this, tests would queue behind the user's jobs."""
    leases = tmp_path_factory.mktemp("leases")
    monkeypatch.setenv("SAETUI_LEASES", str(leases))
    return leases
