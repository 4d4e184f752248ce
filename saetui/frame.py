"""What every part of the workbench stands on: its workspace, what the user prefers, its colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.containers import Container
from textual.filter import Monochrome, NoColor
from textual.screen import Screen
from typing_extensions import override

from saetui import looks, memory
from saetui.ascii import Ascii
from saetui.cli.nearest import ending
from saetui.config import Config
from saetui.config import place as config_place
from saetui.database import Database
from saetui.notices import Notices
from saetui.screens.ground import Ground
from saetui.session import Remembered
from saetui.typeahead import TypeAhead
from saetui.widgets.bars import TopBar
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.state import JobState


class Frame(Notices, TypeAhead):
    """An application on one workspace, in the user's colours and with the user's keys."""

    CSS_PATH = looks.STYLES

    def __init__(
        self,
        root: Path,
        *,
        remembered: Remembered | None = None,
        config: Config | None = None,
        readonly: bool = False,
    ) -> None:
        """Raises AskedWrongly for a theme or a key of `config` that there is not."""
        memory.be_frugal()
        super().__init__()
        self.root = root
        self.config = config or Config()
        """What the user prefers."""
        self.readonly = readonly
        """Whether labels and jobs are refused."""
        self.remembered = remembered or Remembered()
        """What is known of the last time, for views that are not open yet."""
        self.database = Database(root)
        self.jobs: list[JobState] = []
        """All jobs, newest first, as last seen."""
        self.looked = False
        """Whether the jobs have been looked at."""
        self._take_keys()
        self._dress()

    def _take_keys(self) -> None:
        """Takes up the keys that the user gave to bindings."""
        self.own_keys: dict[str, str] = {}
        """Id of a binding → the keys that the user gave it."""
        if self.config.keys:
            from saetui import bindings

            self.own_keys = bindings.check(config_place(), self.config.keys)
            self.set_keymap(self.own_keys)

    # Colours

    def _dress(self) -> None:
        """Wears what the session before wore, else what the config says."""
        if self.no_color:  # Textual leaves greys, which are colours too
            kept = [each for each in self._filters if not isinstance(each, Monochrome)]
            self._filters = [*kept, NoColor()]
        if self.config.ascii:
            self._filters.append(Ascii())
        self.looks, self.complaints = looks.known()
        for theme in self.looks.values():
            self.register_theme(theme)
        named = self.config.theme
        if named and named not in self.looks:
            broken = [said for path, said in self.complaints.items() if path.stem == named]
            hint = ending(named, self.looks)
            said = f"{config_place()}: theme = {named!r}: there is no such theme{hint}"
            raise AskedWrongly(broken[0] if broken else said)
        self.wear(named or looks.DEFAULT)
        if (worn := self.remembered.text("theme")) in self.looks:
            self.wear(worn)

    def wear(self, name: str) -> None:
        """Puts on the theme called `name`."""
        self.theme = f"saetui-{name}"

    @override
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return looks.read(looks.DEFAULT).variables

    # The screen that the views stand on

    @override
    def get_default_screen(self) -> Screen[None]:
        return Ground(id="_default")

    @property
    def standing(self) -> bool:
        """Whether the frame and its views are there: neither before the first frame, nor while the
        app closes and takes them down one by one.
        """
        stands = self.is_running and self.screen_stack
        return bool(stands and any(isinstance(line, TopBar) for line in self.ground.children))

    @property
    def ground(self) -> Screen[object]:
        """The screen with the views, whatever dialog lies over it."""
        return self.screen_stack[0]

    @property
    def top_bar(self) -> TopBar:
        """The line that names the views and tells what goes on."""
        return self.ground.query_one(TopBar)

    @property
    def views(self) -> Container:
        """What holds the views that have been opened; one of them is shown."""
        return self.ground.query_one("#views", Container)
