"""Every key of the workbench by the id of its binding, read from the code; and other keys for them.

An id is ``place.verb``, e.g. ``features.sort``. A user gives other keys to it in the config; a key
that would then mean two things at once in one place is refused.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys
from textual.screen import ModalScreen

import saetui
from saetui.cli.nearest import ending
from store.errors import AskedWrongly

FIXED = {"ctrl+c": "copy", "ctrl+p": "palette", "ctrl+q": "quit"}
"""Keys that are Textual's own here, and what they do."""

_FRAME = ("saetui.frame", "saetui.places", "saetui.offers", "saetui.workbench")
_PLACES = ("saetui.views", "saetui.screens", "saetui.widgets", *_FRAME)


class Known(NamedTuple):
    """A binding."""

    id: str
    keys: tuple[str, ...]
    """Its keys, as the terminal names them."""
    says: str
    """What it does."""


@cache
def known() -> dict[str, Known]:
    """Id → binding, in the order of places and of the code. Imports every view: not at start."""
    found: dict[str, Known] = {}
    for cls in _classes():
        for binding in Binding.make_bindings(cls.__dict__.get("BINDINGS", ())):
            if binding.id:
                before = found.get(binding.id, Known(binding.id, (), binding.description))
                keys = tuple(dict.fromkeys((*before.keys, binding.key)))
                found[binding.id] = before._replace(keys=keys)
    return found


def check(path: Path, keys: Mapping[str, str]) -> dict[str, str]:
    """The user's keys by id, as Textual takes them; `path` is the file they come from.

    Raises AskedWrongly, naming file and key, for ids and keys that do not exist and for clashes.
    """
    taken = {}
    for name, said in keys.items():
        if name not in known():
            raise AskedWrongly(f"{path}: there is no binding 'keys.{name}'{ending(name, known())}")
        parts = [part.strip() for part in said.split(",")]
        taken[name] = ",".join(_key(path, name, part) for part in parts)
    _refuse_clashes(path, taken)
    return taken


def _key(path: Path, name: str, said: str) -> str:
    """A key as the terminal names it."""
    *modifiers, base = said.split("+") if len(said) > 1 else [said]
    if len(base) == 1 and base.isprintable():
        ((key, *_),) = [[b.key for b in Binding.make_bindings([(base, "", "")])]]
    else:
        key = base
    wrong = [modifier for modifier in modifiers if modifier not in ("ctrl", "shift", "alt")]
    if wrong or key not in _key_names():
        hint = ending(base, _key_names(), "a key is like x, X, f2, ctrl+x or pagedown")
        raise AskedWrongly(f"{path}: keys.{name} = {said!r} is not a key{hint}")
    whole = "+".join([*modifiers, key])
    if whole in FIXED:
        raise AskedWrongly(f"{path}: keys.{name} = {said!r} cannot be: it is {FIXED[whole]}.")
    return whole


@cache
def _key_names() -> frozenset[str]:
    characters = [chr(code) for code in range(33, 127) if chr(code) != ","]
    named = [binding.key for binding in Binding.make_bindings([(c, "", "") for c in characters])]
    functions = [
        key.value for key in Keys if "+" not in key.value and not key.value.startswith("<")
    ]
    return frozenset([*named, *functions, "comma"])


def _refuse_clashes(path: Path, taken: Mapping[str, str]) -> None:
    for place in _places():
        before, after = _by_key(place, {}), _by_key(place, taken)
        for key, ids in after.items():
            new = [name for name in ids if name in taken]
            if len(ids) > 1 and new and ids != before.get(key):
                other = next(name for name in ids if name != new[0])
                raise AskedWrongly(
                    f"{path}: keys.{new[0]} = {taken[new[0]]!r} is also the key of {other} "
                    f"({known()[other].says}); choose another, or another for {other} too."
                )


def _by_key(place: list[type], taken: Mapping[str, str]) -> dict[str, list[str]]:
    """Key → ids that it means in one place."""
    found: dict[str, list[str]] = {}
    for cls in place:
        for binding in Binding.make_bindings(cls.__dict__.get("BINDINGS", ())):
            if binding.id:
                for key in taken.get(binding.id, binding.key).split(","):
                    ids = found.setdefault(key, [])
                    if binding.id not in ids:
                        ids.append(binding.id)
    return found


def _places() -> Iterator[list[type]]:
    """Classes whose keys work at the same time: pane, view and frame; or what is in a box."""
    from saetui.views.base import View
    from saetui.workbench import Workbench

    every = list(_classes())
    for cls in every:
        module = cls.__module__
        if issubclass(cls, ModalScreen):
            yield _ours(cls)
        elif module.startswith("saetui.views."):
            folder = ".".join(module.split(".")[:3])
            views = [o for o in every if issubclass(o, View) and o.__module__.startswith(folder)]
            yield [*_ours(cls), *(up for view in views for up in _ours(view)), *_ours(Workbench)]
        elif module.startswith("saetui.screens."):
            boxes = [o for o in every if issubclass(o, ModalScreen) and o.__module__ == module]
            yield [*_ours(cls), *(up for box in boxes for up in _ours(box))]
        else:
            yield _ours(cls)


def _ours(cls: type) -> list[type]:
    return [up for up in cls.__mro__ if up.__module__.startswith("saetui.")]


@cache
def _classes() -> tuple[type[DOMNode], ...]:
    """Classes of saetui that hold bindings."""
    names = sorted(module.name for module in pkgutil.walk_packages(saetui.__path__, "saetui."))
    found: dict[type[DOMNode], None] = {}
    for name in [name for place in _PLACES for name in names if name.startswith(place)]:
        for _, cls in inspect.getmembers(import_module(name), inspect.isclass):
            if cls.__module__ == name and issubclass(cls, DOMNode):
                found[cls] = None
    return tuple(found)
