"""The warm process: never an orphan, never a hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.process import identify
from jobs.prompt import warm as warm_module
from jobs.prompt.subject import Reader, reader
from jobs.prompt.warm import Cancelled, WarmModel
from store import AskedWrongly, SaetuiError, Workspace

NOBODY = Reader("./no-such-model", None, "auto")


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def test_the_process_ends_with_the_one_who_asks_even_while_it_loads(tmp_path: Path) -> None:
    code = (
        "import sys, threading, time; from pathlib import Path\n"
        "from jobs.prompt.subject import Reader; from jobs.prompt.warm import WarmModel\n"
        f"warm = WarmModel(Path({str(tmp_path)!r}), Reader('tiny', None, 'auto'))\n"
        "threading.Thread(target=warm.ask, args=('the', []), daemon=True).start()\n"
        "while warm.pid is None: time.sleep(0.01)\n"
        "print(warm.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        process = identify(int(parent.stdout.readline()))
        assert process.alive
        parent.kill()
    until(lambda: not process.alive)


def test_cancelling_kills_a_process_that_still_loads(tmp_path: Path) -> None:
    warm, ended = WarmModel(tmp_path, Reader("tiny", None, "auto")), list[BaseException]()

    def ask() -> None:
        try:
            warm.ask("the", [])
        except SaetuiError as error:
            ended.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: warm.pid)
    process = identify(warm.pid or 0)
    warm.cancel()
    thread.join(10)
    assert isinstance(ended[0], Cancelled)
    assert not process.alive


def test_what_cannot_be_loaded_is_said_and_the_process_ends_when_idle(tmp_path: Path) -> None:
    warm = WarmModel(tmp_path, NOBODY, idle=0.2)
    with pytest.raises(AskedWrongly, match="no-such-model"):
        warm.ask("the", [])
    until(lambda: warm.pid is None)
    with pytest.raises(AskedWrongly, match="no-such-model"):  # it is started anew
        warm.ask("the", [])
    warm.close()
    with pytest.raises(Cancelled):
        warm.ask("the", [])


def test_a_cancelled_prompt_keeps_the_model_warm_but_a_hung_process_is_killed(
    place, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace: Workspace = place.workspace
    monkeypatch.setattr(warm_module, "GRACE", 0.2)
    warm, ended = WarmModel(workspace.root, reader(workspace, place.dictionaries[0])), []
    warm.load(place.dictionaries)
    process = identify(warm.pid or 0)
    sent = threading.Event()
    plain = warm_module.encode
    monkeypatch.setattr(warm_module, "encode", lambda value: (sent.set(), plain(value))[1])

    def ask() -> None:
        with pytest.raises(SaetuiError) as error:
            warm.ask("the cat", place.dictionaries)
        ended.append(error.value)

    for hangs in (False, True):
        os.kill(process.pid, signal.SIGSTOP)
        thread = threading.Thread(target=ask)
        thread.start()
        sent.wait(10)
        sent.clear()
        warm.cancel()
        if not hangs:
            os.kill(process.pid, signal.SIGCONT)
        thread.join(10)
        assert isinstance(ended.pop(), Cancelled)
        until(lambda here=hangs: process.alive is not here)
    warm.close()
