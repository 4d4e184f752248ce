"""Actions about what a view shows: they wait until it shows what the keys before asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from saetui.messages import Say
from saetui.typeahead import AT_LAST, keys_wait

if TYPE_CHECKING:
    from saetui.views.base import View

F = TypeVar("F", bound=Callable[..., Any])


def once_settled(action: F) -> F:
    """Marks an action of a view that waits for `View.settled`, and keys typed behind it with it."""

    @wraps(action)
    def asked(self: View, *args: Any, **kwargs: Any) -> None:
        self.run_worker(_once_settled(self, partial(action, self, *args, **kwargs)), group="settle")

    return asked  # type: ignore[return-value]


async def _once_settled(view: View, action: Callable[[], object]) -> None:
    with keys_wait(view):
        try:
            await asyncio.wait_for(view.settled(), AT_LAST)
        except TimeoutError:
            view.post_message(Say("What this is about is still being read."))
            return
        if view.is_attached:
            action()
