"""The workbench on the synthetic workspace, driven key by key: fixtures of pilot and screens."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.worker import Worker

from jobs import state as states
from jobs.prompt.answer import Answer, Firing
from jobs.prompt.trial import Outcome, Trial
from saetui import machine, memory, notices, session, typeahead
from saetui.views import settling
from saetui.views.base import View
from saetui.widgets.rows import Rows
from saetui.workbench import Workbench
from store import SaetuiError, Workspace
from tests import connected, workspaces
from tests.textual_once import render


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> workspaces.Made:
    return _made(tmp_path_factory.getbasetemp() / "made" / "garden")


@cache
def _made(folder: Path) -> workspaces.Made:
    """Made once, though pilot and screens each have the fixture."""
    folder.parent.mkdir()
    return workspaces.make(folder)


@pytest.fixture
def root(made: workspaces.Made, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workspace, at a time that stands still."""
    return garden(made.root, monkeypatch)


def garden(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the workspace `made`, at a time that stands still; and what the app does after some
    seconds is not done sooner than a busy machine has done the rest.
    """
    monkeypatch.setattr(states, "now", lambda: workspaces.NOW)
    monkeypatch.setattr(notices, "SECONDS", dict.fromkeys(notices.SECONDS, 10.0 * PATIENCE))
    monkeypatch.setattr(typeahead, "AT_MOST", PATIENCE / 3)
    for module in (typeahead, settling):
        monkeypatch.setattr(module, "AT_LAST", PATIENCE / 1.5)
    monkeypatch.setattr(machine, "look", lambda root: workspaces.MACHINE)
    monkeypatch.setattr(memory, "set_apart", lambda: None)  # tests/conftest.py did, once for all
    place = connected.once(made.parent / "copy" / "garden")
    shutil.rmtree(place, ignore_errors=True)
    return Path(shutil.copytree(made, place))


@cache
def planted_in(made: Path, *plants: Callable[..., None], hostile: bool = False) -> Path:
    """A copy of the workspace `made` in which ``mapped.plant`` and its like have planted, for
    `garden` to copy; made once.
    """
    names = [plant.__module__.rpartition(".")[2] for plant in plants]
    root = Path(shutil.copytree(made, made.parent / "-".join((*names, str(hostile))) / "garden"))
    for plant in plants:
        plant(Workspace(root), hostile=hostile)
    return root


PATIENCE = 60
"""Seconds that a test waits for the app at most, on a machine with much else to do."""

FOREVER = ("look", "prepare", "refresh", "session")
"""Workers that come again and again, or only work ahead."""


class Driver:
    """Presses keys, and waits until what they started is done."""

    def __init__(self, app: Workbench, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Presses keys, each when what the one before started is done."""
        for key in keys:
            self._send(key)
            await self.settle()

    async def type(self, text: str) -> None:
        """Types text without waiting, as people do."""
        for character in text:
            self._send(character)
        await self.settle()

    def _send(self, key: str) -> None:
        # As Pilot does it, without its wait for an idle process, which takes seconds on a busy box.
        name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
        driver = self.app._driver
        assert driver is not None
        event = Key(name, key if len(key) == 1 else None)
        event.set_sender(self.app)
        driver.send_message(event)

    async def settle(self) -> None:
        """Until no worker runs, no message waits, nothing glides and all is drawn."""
        quiet, loop = 0, asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        while loop.time() < until and not self.app._exit:
            busy = self._occupied() or self._moving() or any(map(self._at_work, self.app.workers))
            if loop._ready:  # others have their turn first
                quiet = 0
                await asyncio.sleep(0)
                continue
            busy = self._draw() or busy
            quiet = 0 if busy else quiet + 1
            if quiet >= 4 and not self._show():
                return
            await asyncio.sleep(0.001 if busy else 0)
        if self.app._exit:  # it takes down its parts
            return
        raise AssertionError(f"still at work: {[w.group for w in self.app.workers]}")

    def _at_work(self, worker: Worker[object]) -> bool:
        """Whether a worker does something that ends by itself."""
        if worker.is_finished:
            return False
        if worker.group == "choose":  # it reads what there is to choose, then waits for the user
            return len(self.app.screen_stack) == 1
        return worker.group not in FOREVER

    async def until(self, true: Callable[[], object]) -> None:
        """Until something comes true."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        while loop.time() < until:
            if true():
                return
            await asyncio.sleep(0.005)
            self._draw()
        raise AssertionError("it did not come true in time")

    def _occupied(self) -> bool:
        """Whether a part of the app handles a message, or has one to handle."""
        for pump in (self.app, *self.app._registry):
            queue = pump._message_queue
            if not pump._closed and (queue.values or not queue.ready_event._waiters):
                return True
        return False

    def _moving(self) -> bool:
        """Whether something glides to its place."""
        animator = self.app.animator
        return bool(animator._animations or animator._scheduled)

    def _draw(self) -> bool:
        """Draws what is due, without waiting for the clock; whether there was anything."""
        screen = self.app.screen
        due = (
            screen._layout_required
            or screen._scroll_required
            or screen._repaint_required
            or screen._dirty_widgets
            or screen._callbacks
        )
        if due:
            screen._on_timer_update()
        return bool(due)

    def _show(self) -> bool:
        """Draws on the screen what has changed; whether anything had."""
        compositor = self.app.screen._compositor
        if not compositor._dirty_regions:
            return False
        render(compositor, screen_stack=self.app._background_screens)
        return True

    @property
    def view(self) -> View:
        return self.app.view

    def rows(self, selector: str) -> Rows:
        return self.app.screen.query_one(selector, Rows)

    def text(self, selector: str) -> str:
        """What is drawn of a widget, without its border."""
        widget = self.app.screen.query_one(selector)
        lines = widget.render_lines(widget.outer_size.region)
        return "\n".join(strip.text.rstrip() for strip in lines)

    def screen(self) -> str:
        """The whole screen as text."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)

    @property
    def focused(self) -> str:
        return (self.app.focused and self.app.focused.id) or ""


Open = Callable[..., Awaitable[Driver]]


@pytest.fixture
def workbench(root: Path) -> Callable[..., object]:
    """``async with workbench("features") as driver``."""

    @asynccontextmanager
    async def opened(
        view: str = "",
        size: tuple[int, int] = (160, 48),
        at: Path | None = None,
        **manner: Any,
    ) -> AsyncIterator[Driver]:
        where = at or root
        app = Workbench(where, view=view, remembered=session.load(where), **manner)
        async with app.run_test(size=size, notifications=True) as pilot:
            driver = Driver(app, pilot)
            await driver.until(lambda: app.looked)
            await driver.settle()
            yield driver

    return opened


class Reads:
    """Answers as a warm model would, with numbers that mean nothing."""

    def load(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def ask(self, text: str, dictionaries: list[str], say: object) -> Answer:
        pieces = ["<bos>", *(f" {word}" for word in text.split())]
        fired = [
            (token, (7 * token + 11 * at) % 256, round(6 / (1 + at), 2))
            for token in range(len(pieces))
            for at in range(8)
        ]
        fired += [(token, 170, 0.5 * token) for token in (5, 6, 7)]
        tokens, features, activations = map(
            list, zip(*sorted(fired, key=lambda one: (one[0], -one[2])), strict=True)
        )
        return Answer(
            "tiny", pieces, [Firing(dictionaries[0], tokens, features, activations, [])], 0.04, []
        )


class Ablates:
    """Answers as a warm model would, with numbers that mean nothing."""

    asked: list[Trial]
    wrong = ""

    def __init__(self) -> None:
        self.asked = []

    def outcome(self, trial: Trial, say: object) -> Outcome:
        self.asked.append(trial)
        if self.wrong:
            raise SaetuiError(self.wrong)
        tokens = [" sleeps", " sleep", " runs", " \x1b[2Jnear", "", "\n", " [b]x[/b]"]
        before = [0.61, 0.08, 0.06, 0.04, 0.03, 0.02, 0.01]
        after = [0.12, 0.44, 0.05, 0.04, 0.03, 0.02, 0.02]
        said = [] if trial.corrupt else ["This prompt has no counterpart."]
        difference = (3.4, -1.2) if trial.answer else None
        return Outcome(
            tokens, before, after, difference, 0.83, len(trial.nodes), "resample", 0.21, said
        )

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def copied(monkeypatch):
    """What was copied, newest last."""
    found = []
    monkeypatch.setattr(
        "saetui.workbench.Workbench.copy_to_clipboard", lambda self, text: found.append(text)
    )
    return found
