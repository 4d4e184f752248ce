"""Kinds of job for the engine's tests: they count instead of training.

Named in ``SAETUI_EXTRA_KINDS``, so the product never sees them.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import ClassVar

from pydantic import Field

from jobs.context import Cancelled, Context
from jobs.specs import Spec
from store.errors import SaetuiError


class Count(Spec):
    """Counts to `steps`, drawing a random number a step."""

    kind: ClassVar[str] = "count"
    says: ClassVar[str] = "Counts."

    steps: int = 10
    pause: float = 0.0
    seed: int = 0
    every: int = 5
    """Steps between checkpoints."""
    deaf: bool = False
    """Whether it ignores the wish to stop."""
    children: int = 0
    """Processes of its own that it starts, as a data loader does."""
    makes: list[str] = Field([])
    needs: list[str] = Field([])

    def outputs(self) -> list[str]:
        return list(self.makes)

    def inputs(self) -> list[str]:
        return list(self.needs)


class Fail(Spec):
    """Ends badly in one of several `ways`."""

    kind: ClassVar[str] = "fail"
    says: ClassVar[str] = "Fails."

    way: str = "raise"


class Flood(Spec):
    """Says more than anyone can read."""

    kind: ClassVar[str] = "flood"
    says: ClassVar[str] = "Floods."

    events: int = 100_000
    series: int = 5


def count(spec: Count, context: Context) -> str:
    saved = context.checkpoint / "count.json"
    numbers = random.Random(spec.seed)
    done, drawn = 0, []
    if saved.exists():
        done, drawn, rest = json.loads(saved.read_text())
        numbers.setstate((rest[0], tuple(rest[1]), rest[2]))
        context.say(f"Going on from step {done}.")
    for _ in range(spec.children):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    while done < spec.steps:
        if context.cancelled() and not spec.deaf:
            _save(saved, done, drawn, numbers)
            raise Cancelled
        time.sleep(spec.pause)
        drawn.append(numbers.random())
        done += 1
        context.progress(done / spec.steps, f"step {done}")
        context.metrics("count", step=done, value=drawn[-1])
        if done % spec.every == 0:
            _save(saved, done, drawn, numbers)
    result = context.checkpoint.parent / "result.json"
    result.write_text(json.dumps(drawn))
    return f"Counted to {done}."


def _save(path, done, drawn, numbers) -> None:
    made = path.with_suffix(".new")
    made.write_text(json.dumps([done, drawn, numbers.getstate()]))
    os.replace(made, path)


def fail(spec: Fail, context: Context) -> None:
    context.progress(0.5, "about to fail")
    if spec.way == "saetui":
        raise SaetuiError("The moon is not full; wait a week.")
    if spec.way == "memory":
        raise MemoryError
    if spec.way == "exit":
        os._exit(7)
    if spec.way == "system-exit":
        raise SystemExit(3)
    if spec.way == "segfault":
        ctypes.string_at(0)
    if spec.way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if spec.way == "escape":
        raise ValueError("\x1b[31mred\x1b[0m\nsecond line")
    raise ValueError("cannot count\nthat far")


def flood(spec: Flood, context: Context) -> None:
    for step in range(spec.events):
        context.progress(step / spec.events, f"event {step}")
        for series in range(spec.series):
            context.metrics(f"series-{series}", step=step)


KINDS = {spec.kind: spec for spec in (Count, Fail, Flood)}
WORK = {"count": count, "fail": fail, "flood": flood}


def until(job, condition, seconds=20.0):
    """Waits for a condition on a job's state."""
    deadline = time.monotonic() + seconds
    while not condition(state := job.state()):
        assert time.monotonic() < deadline, state
        time.sleep(0.01)
    return state
