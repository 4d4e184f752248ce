"""The warm process: ``python -P -m jobs.prompt.process DESCRIPTOR`` reads prompts.

The socket is its only line to whoever started it. The first line says what to load; each line
after it is a prompt and gets one answer (without a text, it only loads). It ends when the other
end closes, however that came, and after minutes in which nobody asked. It computes on
the CPU and takes no lease: whoever waits at a screen is not put in line behind an hour of training,
and no GPU lies idle for one who reads.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.prompt.answer import as_line, decode, encode
from jobs.prompt.trial import Trial
from store.errors import SaetuiError

if TYPE_CHECKING:
    from jobs.prompt.ablated import Trials
    from jobs.prompt.fire import Prompts


class Line:
    """The other end: lines come in on a thread, so that its going is noticed while we compute."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True, name="asked").start()

    def next(self, wait: float | None) -> dict[str, Any] | None:
        """The next line; None when none came for `wait` seconds."""
        try:
            return self._lines.get(timeout=wait)
        except queue.Empty:
            return None

    def send(self, **values: Any) -> None:
        """Sends a line."""
        self._socket.sendall(encode(values))

    def _listen(self) -> None:
        try:
            for line in self._socket.makefile("rb"):
                self._lines.put(decode(line))
        finally:
            # Nobody is there to hear us: end at once, with whatever a download has started.
            os.killpg(0, signal.SIGKILL)


def main(descriptor: int) -> None:
    """Loads what the first line names, then answers."""
    line = Line(descriptor)
    first = line.next(None) or {}
    prompts: Prompts | None = None
    trials: Trials | None = None
    while (asked := line.next(float(first["idle"]))) is not None:
        number = asked.get("id")
        try:
            prompts = prompts or _load(first, lambda text: line.send(said=str(text)))
            if "trial" in asked:
                trials = trials or _trials(prompts)
                outcome = trials.outcome(Trial(**asked["trial"]))
                line.send(id=number, outcome=outcome._asdict())
            elif asked["text"] is None:
                prompts.prepare(asked["dictionaries"])
                line.send(id=number)
            else:
                answer = prompts.answer(asked["text"], asked["dictionaries"])
                line.send(id=number, answer=as_line(answer))
        except SaetuiError as error:
            line.send(id=number, error=str(error), exit_code=error.exit_code)
        except Exception as error:  # whatever a library raises ends as one sentence
            traceback.print_exc()
            said = str(error).strip().partition("\n")[0][:300]
            line.send(id=number, error=f"Reading failed: {type(error).__name__}: {said}")


def _load(first: dict[str, Any], say: Any) -> Prompts:
    say(f"loading {first['model']}")
    from jobs.model import load_model
    from store import Workspace

    model = load_model(first["model"], dtype=first["dtype"], revision=first["revision"], say=say)

    from jobs.prompt.fire import Prompts

    return Prompts(Workspace(Path(first["root"])), model)


def _trials(prompts: Prompts) -> Trials:
    from jobs.prompt.ablated import Trials

    return Trials(prompts.workspace, prompts.model, prompts.device)


if __name__ == "__main__":
    main(int(sys.argv[1]))
    # No waiting for threads that a library left behind.
    os._exit(0)
