"""What a process held at most is its own, whoever started it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import peers
from tests.bench.peers import peak as module

LARGE = 256 << 20


@pytest.mark.skipif(not module.STATUS.exists(), reason="only Linux tells")
def test_a_small_process_that_a_large_one_started_is_small() -> None:
    held = bytearray(b"x") * LARGE
    done = subprocess.run(
        [sys.executable, "-c", "from peak import peak; print(peak())"],
        cwd=Path(peers.__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0 < int(done.stdout) < len(held) / 2
    assert module.peak() > len(held)
