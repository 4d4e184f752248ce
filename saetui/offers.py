"""What can be done now: the hints at the foot, and what the palette lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import cast

from textual.app import App, SystemCommand
from textual.binding import ActiveBinding, Binding
from textual.dom import DOMNode
from textual.screen import Screen
from typing_extensions import override

from saetui.frame import Frame
from saetui.key_names import IN_ASCII, key_name
from saetui.readonly import is_writing
from saetui.widgets.bars import Hints

OUT = "leave", "close"
"""Actions that lead out of a dialog, or of the workbench."""


class Offers(Frame):
    """A frame that tells which keys do something here."""

    def hints(self, bindings: Mapping[str, ActiveBinding], frame: DOMNode) -> Hints:
        """Those of `bindings` to be told of, each with what it does; those of `frame` last, and of
        these the way out.
        """
        found: dict[tuple[int, str], tuple[str, str]] = {}
        for active in bindings.values():
            binding = active.binding
            if binding.show and self.offers(active):
                last = (active.node is frame) + (active.node is frame and binding.action in OUT)
                hint = (self.key_name(binding), binding.description)
                found.setdefault((last, binding.action), hint)
        if all((2, action) in found for action in OUT):  # one way out is enough to be told of
            del found[2, OUT[1]]
        return tuple(found[key] for key in sorted(found, key=lambda key: key[0]))

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
    def action_command_palette(self) -> None:
        from saetui.screens.palette import Palette

        if self.use_command_palette and not Palette.is_open(cast("App[object]", self)):
            self.push_screen(Palette(id="--command-palette"))

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
