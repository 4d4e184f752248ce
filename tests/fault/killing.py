"""Jobs in a process of their own that are killed without a word, again and again."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

_PROCESSES = multiprocessing.get_context("forkserver")
"""Each begins as a copy of one that has the libraries loaded, which takes seconds by itself."""


class Started:
    """A process at work, and what it prints."""

    def __init__(self, worker: str, folder: Path) -> None:
        name = f"tests.fault.{worker}"
        _PROCESSES.set_forkserver_preload([name])
        self._printed, theirs = _PROCESSES.Pipe(duplex=False)
        self._process = _PROCESSES.Process(target=_work, args=(name, folder, theirs))
        self._process.start()
        theirs.close()

    def lines(self) -> Iterator[str]:
        """What it prints, until it ends."""
        with os.fdopen(os.dup(self._printed.fileno())) as printed:
            yield from printed

    def kill(self) -> None:
        """Ends it as the kernel does where memory is short."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)

    def wait(self) -> int | None:
        """Its exit status, once all that it prints has been read."""
        for _ in self.lines():
            pass
        self._printed.close()
        self._process.join()
        return self._process.exitcode


def _work(name: str, folder: Path, printed: Connection) -> None:
    sys.stdout = os.fdopen(printed.fileno(), "w", buffering=1)
    importlib.import_module(name).main(folder)


def start(worker: str, folder: Path) -> Started:
    """`worker` of this folder at work in `folder`; it prints the share done, line by line."""
    return Started(worker, folder)


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
        until = share + moments.uniform(*steps)
        for line in process.lines():
            share = float(line)
            if share > until:
                time.sleep(moments.uniform(0, pause))
                process.kill()
                break
        if process.wait() == 0:
            return kills
        after()
        kills += 1
