"""A titled box in the middle of the screen, left by esc or q."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType

from saetui.screens.ground import Dialog

T = TypeVar("T")


class Box(Dialog[T], Generic[T]):
    """The base of what opens over a view; keys of the frame do nothing while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "close", id="box.close"),
    ]

    def action_close(self) -> None:
        """Goes back to the view."""
        self.dismiss(None)
