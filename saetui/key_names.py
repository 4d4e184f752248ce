"""How keys are shown, and which key the user has for what: sentences that name a key ask here."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import key_to_character

if TYPE_CHECKING:
    from saetui.workbench import Workbench

_KEYS = {
    "enter": "↵",
    "space": "space",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}

IN_ASCII = {"↵": "enter", "↑": "up", "↓": "down", "←": "left", "→": "right"}
"""What stands for the names that are signs, where only ASCII is drawn."""


def key_name(binding: Binding) -> str:
    """How a key is shown: as it is written on the keyboard."""
    if named := binding.key_display or _KEYS.get(binding.key):
        return named
    if binding.key[0] == "f" and binding.key[1:].isdigit():
        return binding.key.upper()
    character = key_to_character(binding.key) or ""
    return character if character.isprintable() and character else binding.key


def key(node: DOMNode, name: str) -> str:
    """How the first key of the binding with the id `name` is shown; see `keys`."""
    return keys(node, name)[0]


def run_job(node: DOMNode) -> str:
    """What runs a job: its key, or the command where the workbench only looks."""
    reads = cast("Workbench", node.app).readonly
    return "saetui run" if reads else key(node, "app.run_job")


def keys(node: DOMNode, name: str) -> list[str]:
    """How the keys of the binding with the id `name` are shown, as the user of the application
    that `node` is part of has them.

    Raises KeyError where no such binding is declared.
    """
    workbench = cast("Workbench", node.app)
    own = workbench.own_keys
    bound = [Binding(own[name], "", "", id=name)] if name in own else list(_declared(name))
    return [workbench.key_name(each) for each in Binding.make_bindings(bound)]


@cache
def _declared(name: str) -> tuple[Binding, ...]:
    """The bindings with an id: of a class that is loaded, else of any, which takes a while."""
    waiting: list[type] = [DOMNode]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if cls.__module__.startswith("saetui."):
            found = [
                binding
                for binding in Binding.make_bindings(cls.__dict__.get("BINDINGS", ()))
                if binding.id == name
            ]
            if found:
                return tuple(found)
    from saetui.bindings import known

    return (Binding(",".join(known()[name].keys), "", "", id=name),)
