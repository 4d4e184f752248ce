"""Asking for a filter that works while it is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual.widget import Widget

from saetui.messages import Ask
from saetui.typeahead import Done, keep_keys, wait_for


def ask_as_typed(
    pane: Widget,
    label: str,
    hint: str,
    now: Callable[[], str],
    change: Callable[[str], None],
    here: Done | None = None,
) -> None:
    """Asks for the filter of `pane`: `now` gives the one that holds, `change` sets another.

    Every text typed holds at once; esc takes the filter away. Keys typed after enter wait until
    what it finds is `here`.
    """
    keep_keys(pane)

    def left() -> None:
        if now():
            change("")

    async def done(text: str) -> str | None:
        if text != now():
            change(text)
        if here is not None:
            wait_for(pane, here)
        return None

    pane.post_message(Ask(label, done, now(), hint, change, left))
