"""What every test stands on: jobs of a test wait only for jobs of that test."""

from __future__ import annotations

import atexit
import gc
import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from jobs import state as states
from store import Workspace, connection

ROOT = Path(__file__).parents[1]

# Two test processes share two cores: torch's threads that wait must not spin for long.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

# And with one thread each they take a tenth less; what tests start has one thread too.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Imports make much that lives and little that is to be collected.
gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was imported stays: to look through all of it at every collection took a fifth of the
    time that tests take.
    """
    gc.freeze()


# It is let go in the end, after pytest has looked for garbage twice: extension modules take what is
# left for a leak, and say so.
atexit.register(gc.unfreeze)


# How long it takes to think of an example tells how busy a machine is, no more.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# ``workspace.duckdb`` is for other programs. To write it anew takes as long as most that tests
# publish, so it is written only where they look at it.
_write_views = connection.write_file


@pytest.fixture(autouse=True, scope="module")
def written_views(request: pytest.FixtureRequest) -> None:
    """Tests of the store look at it."""
    looked_at = request.path.parent.name == "store" or request.path.name.startswith("test_store_")
    connection.write_file = _write_views if looked_at else lambda *_, **__: None


_number = count()


@pytest.fixture(scope="session")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tests have folders of their own. pytest's `mktemp` looks at all that it made before:
    with thousands of them that took longer than most tests.
    """
    return tmp_path_factory.mktemp("owned")


@pytest.fixture(autouse=True)
def own_leases(owned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Device leases are the machine's: without this, tests would queue behind the user's jobs."""
    leases = owned / f"leases{next(_number)}"
    leases.mkdir()
    monkeypatch.setenv("SAETUI_LEASES", str(leases))
    return leases


@pytest.fixture(autouse=True)
def own_state(owned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sessions, settings and themes of a test are its own, never the user's."""
    home = owned / f"home{next(_number)}"
    home.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    return home


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace in which the toy kinds of `tests.toy_kinds` can be asked for."""
    monkeypatch.setenv("SAETUI_EXTRA_KINDS", "tests.toy_kinds")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("SAETUI_GRACE", "1")
    ws = Workspace.create(tmp_path / "workshop")
    yield ws
    for job in states.list_jobs(ws):
        for process in (job.supervisor, job.worker):
            if process:
                process.signal(signal.SIGKILL)
