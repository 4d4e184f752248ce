"""Keys typed faster than the application reads them: each waits until what the one before began is
done, and means what it would have meant had it been typed then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from textual import work
from textual.app import App
from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.timer import Timer
from typing_extensions import override

AT_MOST = 2.0
"""Seconds that keys are kept for something that never opens."""

AT_LAST = 10.0
"""Seconds after which keys are taken again, whatever goes on: one may be to leave."""

ROUNDS = 3
"""How often it is asked of all that a key went through whether it is done. A key makes a list send
that a row was opened; that makes its view send that a link is followed; and that is done.
"""


Done = Callable[[], Coroutine[Any, Any, object]]
"""What gives something to wait for."""


class TypeAhead(App[None]):
    """An application that takes one key at a time, and none while what the key before asked for is
    still opening.
    """

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[Key | Paste] = deque()
        self._under_way = 0
        """How many things go on that the next key waits for: a key, or what it began."""
        self._ended = 0
        """How many of these are done but, for all that is known, for the messages that they sent.
        It is asked when the next key comes: before, it would only keep the frame from being drawn.
        """
        self._kept = False
        self._patience: Timer | None = None

    def keep_keys(self, *, at_most: float | None = AT_MOST) -> None:
        """From now on keys wait, until `hand_over`. Call where a key's action begins.

        `at_most` seconds; None where `hand_over` is sure to be called, however slow the machine.
        """
        if not self._kept:
            self._kept = True
            if at_most is not None:  # later than a focus that was asked for meanwhile
                self._patience = self.set_timer(at_most, lambda: self.call_later(self.hand_over))

    async def hand_over(self) -> None:
        """Gives the keys that waited, in the order of typing, to what has the focus now."""
        self._kept = False
        if self._patience is not None:  # it is not to cut the next wait short
            self._patience.stop()
            self._patience = None
        await self._take()

    @override
    async def on_event(self, event: Event) -> None:
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            self._typed.append(event)
            await self._take()
        else:
            await super().on_event(event)

    async def _take(self) -> None:
        """Takes the next key, where it need not wait."""
        if self._typed and self._ended:
            ended, self._ended = self._ended, 0
            self._go_round(ROUNDS, ended)
        if self._typed and not self._under_way and not self._kept:
            with keys_wait(self):
                await super().on_event(self._typed.popleft())

    def begin(self) -> Callable[[], None]:
        """Something goes on that the next key waits for, for `AT_LAST` seconds; to be called when
        it is done but for the messages that it sent.
        """
        self._under_way += 1
        over = False

        def end(*, late: bool = False) -> None:
            nonlocal over
            if not over:
                over = True
                clock.cancel()
                if late:
                    self._go_on((), 1, 1)
                else:
                    self._ended += 1
                    if self._typed:
                        self.call_later(self._take)

        clock = asyncio.get_running_loop().call_later(AT_LAST, partial(end, late=True))
        return end

    def wait_for(self, done: Done, at_most: float | None = None) -> None:
        """Keys wait until something is `done`, for some seconds: `AT_MOST` unless told."""
        self._wait_for(done, AT_MOST if at_most is None else at_most, self.begin())

    @work(group="settle")
    async def _wait_for(self, done: Done, at_most: float, end: Callable[[], None]) -> None:
        try:
            await asyncio.wait_for(done(), at_most)
        except TimeoutError:
            pass
        finally:
            end()

    def _go_round(self, rounds: int, ended: int) -> None:
        """Goes the way that messages of what has the focus go, behind those that were sent."""
        if self.is_running and self.screen_stack:
            way = (self.focused or self.screen).ancestors_with_self
            self._go_on(way if way[-1] is self else [self], rounds, ended)

    def _go_on(self, way: Sequence[DOMNode], rounds: int, ended: int) -> None:
        for at, node in enumerate(way):
            if node.call_later(self._go_on, way[at + 1 :], rounds, ended):
                return  # one that is closed takes no messages
        if rounds > 1:
            self._go_round(rounds - 1, ended)
        else:
            self._under_way -= ended
            self.call_later(self._take)


def keep_keys(node: DOMNode) -> None:
    """Keys wait for what `node` is about to open."""
    if isinstance(node.app, TypeAhead):
        node.app.keep_keys()


def hand_over(node: DOMNode) -> None:
    """The keys that waited go to what has the focus, once messages sent so far are handled."""
    if isinstance(node.app, TypeAhead):
        node.app.call_later(node.app.hand_over)


def wait_for(node: DOMNode, done: Done, at_most: float | None = None) -> None:
    """Keys wait until something that `node` reads is `done`, though not for long."""
    if isinstance(node.app, TypeAhead):
        node.app.wait_for(done, at_most)


@contextmanager
def keys_wait(node: DOMNode) -> Iterator[None]:
    """Keys wait until the block has ended, and what it sent is handled."""
    app = node.app
    if not isinstance(app, TypeAhead):
        yield
        return
    end = app.begin()
    try:
        yield
    finally:
        end()
