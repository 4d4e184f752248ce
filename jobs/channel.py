"""The worker's end of its line to the supervisor: events out; silence means the supervisor died."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from jobs.events import Gathered, encode

SLOWEST = 2.0
"""Seconds between lines of a job that has run for long."""

MESSAGES = 50
"""Messages in one line."""


class Channel:
    """Sends what a kind says to the supervisor, gathered into few lines; any thread may say."""

    def __init__(self, descriptor: int, attempt: int, grace: float) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._attempt = attempt
        self._grace = grace
        self._gathered = Gathered()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._news = threading.Event()
        self._began = time.monotonic()
        self.orphaned = threading.Event()
        """Set when the supervisor is gone; the process ends itself `grace` seconds later."""
        threading.Thread(target=self._flow, daemon=True, name="events").start()
        threading.Thread(target=self._listen, daemon=True, name="supervisor").start()

    def progress(self, share: float, message: str) -> None:
        """The newest progress replaces one not yet sent."""
        with self._lock:
            self._gathered.progress = (share, message)
        self._news.set()

    def metrics(self, series: str, values: Mapping[str, float]) -> None:
        """The newest point of a series replaces one not yet sent."""
        with self._lock:
            self._gathered.metrics[series] = dict(values)
        self._news.set()

    def say(self, message: str) -> None:
        """A message; of many at once the last `MESSAGES` are sent."""
        with self._lock:
            self._gathered.said.append(message)
            # A flood of them is in the log; whoever watches sees its end.
            del self._gathered.said[:-MESSAGES]
        self._news.set()

    def end(self, state: str, message: str, error: str | None = None) -> None:
        """How the job ended, after everything still to be said."""
        self._flush()
        with self._sending:
            self._send({"end": state, "message": message, "error": error, "at": time.time()})

    def _flow(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            self._flush()
            # Ten lines a second at first, one in two seconds in the long run: curves are drawn at
            # the width of a screen, and a day's events stay a few megabytes.
            time.sleep(min(SLOWEST, max(0.1, (time.monotonic() - self._began) / 600)))

    def _flush(self) -> None:
        with self._sending:
            with self._lock:
                line = self._gathered.line()
            if line:
                self._send(line)

    def _send(self, line: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendall(encode({**line, "attempt": self._attempt}))

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while self._socket.recv(64):
                continue
        self.orphaned.set()
        # The kind sees it as a cancellation and may write a checkpoint first.
        time.sleep(self._grace)
        os.killpg(0, signal.SIGKILL)
