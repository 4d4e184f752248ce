"""Jobs in a process of their own that are killed without a word, again and again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(worker: str, folder: Path) -> subprocess.Popen[str]:
    """`worker` of this folder at work in `folder`; it prints the share done, line by line."""
    command = [sys.executable, "-m", f"tests.fault.{worker}", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def killed(
    worker: str,
    folder: Path,
    steps: tuple[float, float],
    seed: int,
    after: Callable[[], None] = lambda: None,
    pause: float = 0.0,
) -> int:
    """How often it was killed before it came to its end: each time when a share that lies between
    `steps` had been done since, and up to `pause` seconds later; `after` looks at what is left.
    """
    moments, share, kills = random.Random(seed), 0.0, 0
    while True:
        process = start(worker, folder)
        assert process.stdout is not None
        until = share + moments.uniform(*steps)
        for line in process.stdout:
            share = float(line)
            if share > until:
                time.sleep(moments.uniform(0, pause))
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        if process.wait() == 0:
            return kills
        after()
        kills += 1
