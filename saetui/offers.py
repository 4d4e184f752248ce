"""What can be done now: the hints at the foot, and what the palette lists."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from textual.app import SystemCommand
from textual.binding import ActiveBinding, Binding
from textual.screen import Screen
from typing_extensions import override

from saetui.frame import Frame
from saetui.key_names import IN_ASCII, key_name
from saetui.readonly import is_writing
from saetui.widgets.bars import HintBar


class Offers(Frame):
    """A frame that tells which keys do something here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hints_due = False

    def on_mount(self) -> None:
        """Hints follow what has the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._hints_changed)

    def _hints_changed(self, _: Screen[object]) -> None:
        """Several panes say so at a time; asking each what it offers takes milliseconds."""
        if not self._hints_due:
            self._hints_due = True
            self.call_next(self._show_hints)

    def _show_hints(self) -> None:
        self._hints_due = False
        if not self.screen_stack or not self.is_running:
            return
        found: dict[str, tuple[str, str]] = {}
        frame = []
        for active in self.ground.active_bindings.values():
            binding = active.binding
            if not binding.show or not self.offers(active):
                continue
            hint = (self.key_name(binding), binding.description)
            if active.node is self:
                frame.append(hint)
            else:
                found.setdefault(binding.action, hint)
        for line in self.ground.children:
            if isinstance(line, HintBar):
                line.hints = (*found.values(), *frame)

    def offers(self, active: ActiveBinding) -> bool:
        """Whether a key does something now that users should know of."""
        binding = active.binding
        if self.readonly and is_writing(active.node, binding.action):
            return False
        return bool(active.enabled and binding.id and binding.description)

    def key_name(self, binding: Binding) -> str:
        """How a key is shown."""
        name = key_name(binding)
        return IN_ASCII.get(name, name) if self.config.ascii else name

    @override
    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers: what keys do here, the views, the themes."""
        offered: dict[tuple[str, str], tuple[ActiveBinding, list[str]]] = {}
        for active in screen.active_bindings.values():
            if self.offers(active):
                binding = active.binding
                name = (binding.id or "", binding.action)
                offered.setdefault(name, (active, []))[1].append(self.key_name(binding))
        for (name_, action), (active, keys) in offered.items():
            run = partial(self.run_action, action, active.node)
            title = active.binding.description.capitalize()
            yield SystemCommand(title, f"{' '.join(keys)}   {name_}", run)
        for theme in self.looks:
            if f"saetui-{theme}" != self.theme:
                yield SystemCommand(f"Theme: {theme}", "colours", partial(self.wear, theme))
