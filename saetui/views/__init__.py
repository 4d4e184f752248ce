"""The views. Each is one folder that registers itself: its ``__init__.py`` holds an `ENTRY`."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from saetui.views.base import View


@dataclass(frozen=True)
class Entry:
    """How a view is found before anything of it is loaded."""

    key: str
    """The digit that opens it."""
    name: str
    """Name in links, and of its folder."""
    title: str
    """Name on screen."""
    says: str
    """What it shows, in a few words."""
    widget: str
    """Where its `View` is: ``package.module:Class``."""

    def load(self) -> type[View]:
        """The view's widget class; imported when the view is first opened."""
        module, name = self.widget.split(":")
        found: type[View] = getattr(import_module(module), name)
        return found


@cache
def entries() -> tuple[Entry, ...]:
    """Every registered view, in the order of its key."""
    found = [
        import_module(f"{__name__}.{module.name}").ENTRY
        for module in pkgutil.iter_modules(__path__)
        if module.ispkg
    ]
    return tuple(sorted(found, key=lambda entry: entry.key))
