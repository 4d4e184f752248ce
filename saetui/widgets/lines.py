"""One line at the foot of the frame: asked for text, or asked for a yes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Blur, Key
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input
from typing_extensions import override

from saetui.key_names import key
from saetui.messages import Ask, Confirm
from saetui.text import inert
from saetui.typeahead import hand_over, keys_wait
from saetui.widgets.bars import hint
from saetui.widgets.typed_line import TypedLine

if TYPE_CHECKING:
    from saetui.workbench import Workbench


ROOM = 60
"""Cells of the narrowest terminal in which the keys of a prompt stand beside it."""


class Prompt(Horizontal):
    """Asks for one line of text; says beside it what is wrong with it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", id="prompt.leave", priority=True),
    ]

    def __init__(self, ask: Ask, after: Widget | None) -> None:
        super().__init__()
        self.ask = ask
        self.after = after
        """What gets the focus back."""

    @override
    def compose(self) -> ComposeResult:
        label = Label(Content(f" {inert(self.ask.label)} "))
        label.add_class("label")
        yield label
        yield TypedLine(self.ask.value, self.ask.hint)
        yield Label(self._keys)

    @property
    def _keys(self) -> Content:
        """The keys that do something here, where there is room for them beside the text."""
        if self.screen.size.width < ROOM:
            return Content("")
        enter = "enter" if cast("Workbench", self.app).config.ascii else "↵"
        hints = (enter, "take it"), (key(self, "prompt.leave"), "leave")
        return Content.assemble("  ", Content("  ").join(hint(*each) for each in hints), " ")

    def on_mount(self) -> None:
        """Takes the focus, and what was typed meanwhile."""
        self.query_one(Input).focus()
        hand_over(self)

    def complain(self, sentence: str) -> None:
        """Says what is wrong, until something else is typed."""
        self.query(Label).last().text = Content.styled(f" {inert(sentence)} ", "$error")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tells who asks, as the text changes."""
        event.stop()
        self.query(Label).last().text = self._keys
        if self.ask.changed is not None and self.is_attached:
            self.ask.changed(event.value)

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hands the text over; stays when something is wrong with it."""
        event.stop()
        self.run_worker(self._submit(event.value), exclusive=True)

    async def _submit(self, text: str) -> None:
        with keys_wait(self):  # they are not part of the text
            wrong = await self.ask.done(text)
            if wrong:
                self.complain(wrong)
            else:
                self.close()

    def action_leave(self) -> None:
        """Leaves, with nothing done."""
        if self.ask.left is not None:
            self.ask.left()
        self.close()

    def close(self) -> None:
        """Goes away; the focus returns to where it was, unless it has moved on."""
        unmoved = self.screen.focused in (None, self.query_one(Input))
        if unmoved and self.after is not None and self.after.is_attached:
            self.screen.set_focus(self.after, scroll_visible=False)
        self.remove()


class Label(Widget):
    """A piece of a line."""

    text: reactive[Content] = reactive(Content(""), layout=True)

    def __init__(self, text: Content) -> None:
        super().__init__()
        self.set_reactive(Label.text, text)

    @override
    def render(self) -> Content:
        return self.text


class Question(Widget, can_focus=True):
    """Asks for a yes by ``y``; any other key is a no."""

    def __init__(self, confirm: Confirm, after: Widget | None) -> None:
        super().__init__()
        self.confirm = confirm
        self.after = after

    @override
    def render(self) -> Content:
        return Content.assemble(
            " ",
            (inert(self.confirm.sentence), "bold $warning"),
            "  ",
            ("y", "bold $primary"),
            (f" {inert(self.confirm.verb)}   ", "$muted"),
            ("any other key", "bold $primary"),
            (" leaves it as it is", "$muted"),
        )

    def on_mount(self) -> None:
        """Takes the focus."""
        self.focus()

    async def on_key(self, event: Key) -> None:
        """Takes the answer."""
        event.stop()
        event.prevent_default()
        if self.after is not None and self.after.is_attached:
            self.screen.set_focus(self.after, scroll_visible=False)
        self.remove()
        if event.key == "y":
            self.app.call_later(self.confirm.done)

    def on_blur(self, event: Blur) -> None:
        """Looking elsewhere is a no."""
        if self.is_attached:
            self.remove()
