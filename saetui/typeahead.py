"""Keys typed before a prompt has opened: they are kept, and given to it once it has the focus."""

from __future__ import annotations

from textual.app import App
from textual.dom import DOMNode
from textual.events import Event, Key
from textual.timer import Timer
from typing_extensions import override

AT_MOST = 2.0
"""Seconds that keys are kept for something that never opens."""


class TypeAhead(App[None]):
    """An application that loses no key while what the key before asked for is still opening."""

    _kept: list[Key] | None = None
    _patience: Timer | None = None

    def keep_keys(self, *, at_most: float | None = AT_MOST) -> None:
        """From now on keys wait, until `hand_over`. Call where a key's action begins.

        `at_most` seconds; None where `hand_over` is sure to be called, however slow the machine.
        """
        if self._kept is None:
            self._kept = []
            if at_most is not None:  # later than a focus that was asked for meanwhile
                self._patience = self.set_timer(at_most, lambda: self.call_later(self.hand_over))

    async def hand_over(self) -> None:
        """Gives the keys that waited, in the order of typing, to what has the focus now."""
        kept, self._kept = self._kept, None
        if self._patience is not None:  # it is not to cut the next wait short
            self._patience.stop()
        # One that was on its way through the widgets came in later than one typed after it.
        for key in sorted(kept or (), key=lambda key: key.time):
            await self.on_event(Key(key.key, key.character))

    @override
    async def on_event(self, event: Event) -> None:
        if self._kept is not None and isinstance(event, Key):
            self._kept.append(event)
        else:
            await super().on_event(event)


def keep_keys(node: DOMNode) -> None:
    """Keys wait for what `node` is about to open."""
    if isinstance(node.app, TypeAhead):
        node.app.keep_keys()


def hand_over(node: DOMNode) -> None:
    """The keys that waited go to what has the focus, once messages sent so far are handled."""
    if isinstance(node.app, TypeAhead):
        node.app.call_later(node.app.hand_over)
