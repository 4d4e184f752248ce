"""What processes of `tests.fault.killing` are copies of ends with the file that asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import forkserver

import pytest


@pytest.fixture(autouse=True, scope="module")
def _server_ends() -> Iterator[None]:
    yield
    forkserver._forkserver._stop()
