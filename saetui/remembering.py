"""The session: where the user is, kept while the workbench runs and taken up when it starts."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual import work
from typing_extensions import override

from saetui import session
from saetui.frame import Frame

if TYPE_CHECKING:
    from saetui.views.base import View


class Remembering(Frame):
    """A frame that keeps its session, see `saetui.session`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._session: dict[str, Any] = {}
        self._reminded: set[str] = set()

    def remind(self, view: View) -> None:
        """Tells a view that was just opened what is remembered of it."""
        view.remember(self.remembered.inner("views").inner(view.NAME))
        self._reminded.add(view.NAME)

    def session_now(self) -> dict[str, Any]:
        """Where the user is, as it is kept."""
        views = dict(self.remembered.inner("views").values)
        for child in self.ground.query("#views > *").results():
            view = cast("View", child)
            if view.NAME in self._reminded and view.panes:  # neither half opened nor half gone
                views[view.NAME] = view.remembered()
        theme = self.theme.removeprefix("saetui-")
        return {"view": self.top_bar.shown, "theme": theme, "views": views}

    @work(exclusive=True, group="session")
    async def keep_session(self) -> None:
        """Keeps where the user is, if that has changed."""
        if self.standing and (now := self.session_now()) != self._session:
            self._session = now
            await self.database.work(partial(session.save, self.root, now))

    @override
    def exit(self, *args: Any, **kwargs: Any) -> None:
        """Leaves; where the user was is noted while the views still stand."""
        if self.standing:
            self._session = self.session_now()
        super().exit(*args, **kwargs)

    async def on_unmount(self) -> None:
        """Remembers where the user was."""
        if self._session:
            await asyncio.to_thread(session.save, self.root, self._session)
