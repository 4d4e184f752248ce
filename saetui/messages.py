"""What the parts of the workbench tell each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from textual.message import Message

from saetui.links import Link, Named


@dataclass
class Follow(Message):
    """The user followed a link."""

    link: Link


@dataclass
class Lead(Message):
    """The user wants to go to one of these."""

    named: Sequence[Named]


@dataclass
class Copy(Message):
    """The user wants `text` on the clipboard."""

    text: str
    what: str
    """What it is, in a word or two, for the notice."""


@dataclass
class Say(Message):
    """Something the user should know: one sentence."""

    sentence: str
    severity: str = "information"
    """information, warning or error."""


@dataclass
class Ask(Message):
    """A pane asks the user for one line of text."""

    label: str
    """What is asked for."""
    done: Callable[[str], Awaitable[str | None]]
    """Called with the text on enter; returns a sentence that says what is wrong, or None."""
    value: str = ""
    """What stands there at first."""
    hint: str = ""
    """Shown while nothing is typed."""
    changed: Callable[[str], None] | None = None
    """Called as the text changes."""
    left: Callable[[], None] | None = None
    """Called when the user leaves with esc."""


@dataclass
class Confirm(Message):
    """A pane asks for a yes, by another key than the one that led here."""

    sentence: str
    """What would happen, and what would be lost."""
    verb: str
    """What yes does, e.g. ``cancel it``."""
    done: Callable[[], Awaitable[None]]
    """Called on yes."""


@dataclass
class TablesChanged(Message):
    """Tables were published or removed: what is shown may be old."""
