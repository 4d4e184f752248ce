"""A model kept warm in a process of its own, seen from whoever asks it: start, ask, cancel, close.

The process is ours alone: it listens on one end of a socket pair that nobody else can open, so it
needs no file and no port, and it ends when ours closes, even if we are killed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobs.environment import computing
from jobs.prompt.answer import Answer, decode, encode, from_line
from jobs.prompt.subject import Reader
from jobs.prompt.trial import Outcome, Trial
from jobs.prompt.trial import from_line as outcome_from
from store.errors import AskedWrongly, SaetuiError

IDLE = 600.0
"""Seconds without a prompt after which the process ends."""

GRACE = 2.0
"""Seconds that a cancelled prompt may take to end by itself before the process is killed."""

_LOOK = os.WEXITED | os.WNOHANG | getattr(os, "WNOWAIT", 0)

Say = Callable[[str], object]


class Cancelled(SaetuiError):
    """The prompt was cancelled."""


class WarmModel:
    """A process that loads on the first prompt and stays; any thread may ask, one at a time."""

    def __init__(self, root: Path, reader: Reader, *, idle: float = IDLE) -> None:
        self.root, self.reader, self.idle = root, reader, idle
        self.loaded = False
        """Whether it has answered since it was started."""
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._rest = b""
        self._asking = threading.Lock()
        self._changing = threading.Lock()
        self._number = 0
        self._cancelled = 0
        """Prompts up to this number are cancelled."""
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        process = self._process
        return process.pid if process and _ended(process) is None else None

    def ask(self, text: str, dictionaries: Sequence[str], say: Say | None = None) -> Answer:
        """Which features fire on `text`; blocks, seconds where the model is not loaded yet.

        `say` hears what loading says. Raises Cancelled, AskedWrongly for what cannot be read,
        SaetuiError where the process fails.
        """
        asked = {"text": text, "dictionaries": list(dictionaries)}
        return from_line(self._answered(asked, say)["answer"])

    def load(self, dictionaries: Sequence[str], say: Say | None = None) -> None:
        """Gets everything ready for `ask`, and raises what `ask` does."""
        self._answered({"text": None, "dictionaries": list(dictionaries)}, say)

    def outcome(self, trial: Trial, say: Say | None = None) -> Outcome:
        """What the model says next with nodes of a circuit ablated; blocks and raises as `ask`
        does.
        """
        return outcome_from(self._answered({"trial": trial._asdict()}, say)["outcome"])

    def _answered(self, what: dict[str, Any], say: Say | None) -> dict[str, Any]:
        """The line that answers."""
        with self._changing:
            self._number += 1
            number = self._number
        with self._asking:
            asked = {"id": number, **what}
            answer = self._try(asked, say) or self._try(asked, say)
        if answer is None:
            raise SaetuiError("The model's process ended without a word; ask again.")
        return answer

    def cancel(self) -> None:
        """Gives up what is being asked. A process that still loads, or hangs, is killed; one that
        only computes may come to its end and stays warm.
        """
        with self._changing:
            self._cancelled = self._number
            number = self._number
        if not self._asking.locked():
            return
        if not self.loaded:
            self._end()
            return
        timer = threading.Timer(GRACE, self._kill_if_asked, (number,))
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """Ends the process, now."""
        with self._changing:
            self._closed = True
            self._cancelled = self._number
        self._end()

    def _try(self, asked: dict[str, Any], say: Say | None) -> dict[str, Any] | None:
        """The answer; None where the process had ended for idleness, as it may at any moment."""
        try:
            connection = self._started(asked["id"])
            connection.sendall(encode(asked))
            while True:
                line = self._line(connection)
                if "said" in line and say is not None:
                    say(str(line["said"]))
                if line.get("id") == asked["id"]:
                    break
        except OSError:
            self._check(asked["id"])
            status = self._end(wait=1.0)
            if status == 0:
                return None
            raise SaetuiError(_explain(self.reader.model, status)) from None
        self._check(asked["id"])
        if "error" in line:
            raise (AskedWrongly if line.get("exit_code") == 2 else SaetuiError)(line["error"])
        self.loaded = True
        return line

    def _check(self, number: int) -> None:
        with self._changing:
            self._check_here(number)

    def _check_here(self, number: int) -> None:
        if self._closed or number <= self._cancelled:
            raise Cancelled("Cancelled.")

    def _started(self, number: int) -> socket.socket:
        with self._changing:
            self._check_here(number)
            if self._socket is not None and self._process and _ended(self._process) is None:
                return self._socket
        self._end()
        with self._changing:
            self._check_here(number)
            self._socket, self._process = _start()
            self._rest, self.loaded = b"", False
            connection = self._socket
        first = {"root": str(self.root), "idle": self.idle, **self.reader._asdict()}
        connection.sendall(encode(first))
        return connection

    def _line(self, connection: socket.socket) -> dict[str, Any]:
        """The next line; raises OSError where the other end is gone."""
        while b"\n" not in self._rest:
            chunk = connection.recv(1 << 20)
            if not chunk:
                raise ConnectionResetError
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return decode(line)

    def _kill_if_asked(self, number: int) -> None:
        with self._changing:
            still = self._asking.locked() and self._cancelled >= number == self._number
        if still:
            self._end()

    def _end(self, wait: float = 0.0) -> int:
        """Kills the process, with all its children, if it has not ended within `wait` seconds; its
        exit status.
        """
        with self._changing:
            process, connection = self._process, self._socket
            self._process = self._socket = None
            self.loaded = False
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a line
            connection.close()
        if process is None:
            return 0
        status = _ended(process, wait)
        # Not reaped yet, so nobody else can have its number: its group is safe to kill.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        found = process.wait()
        return found if status is None else status


def _start() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "jobs.prompt.process", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # the terminal's is the workbench's
            process_group=0,
            pass_fds=(theirs.fileno(),),
            env=computing(visible=""),
        )
    return ours, process


def _ended(process: subprocess.Popen[bytes], wait: float = 0.0) -> int | None:
    """Its exit status if it ends of itself within `wait` seconds, without reaping it; else None."""
    if not hasattr(os, "waitid"):  # macOS
        return process.poll()
    deadline = time.monotonic() + wait
    try:
        while (found := os.waitid(os.P_PID, process.pid, _LOOK)) is None:
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.01)
    except ChildProcessError:  # another thread reaped it just now
        return process.wait()
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _explain(model: str, status: int) -> str:
    if status == -signal.SIGKILL:
        return f"The process of {model} was killed, perhaps for lack of memory; ask again."
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return f"The process of {model} ended with {how}; ask again."
