"""A job asked for field by field: the form is made from what its kind says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input
from typing_extensions import override

from saetui import submit
from saetui.key_names import key
from saetui.screens.ground import Dialog
from saetui.text import inert
from saetui.typeahead import keys_wait
from saetui.widgets.lines import Label
from saetui.widgets.typed_line import TypedLine

if TYPE_CHECKING:
    from saetui.workbench import Workbench


class KindChoice(Widget, can_focus=True):
    """The kinds in a line; left and right choose one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "kind before", id="form.kind_before", show=False),
        Binding("right,l", "step(1)", "next kind", id="form.kind_after", show=False),
        Binding("enter", "screen.next", "next field", id="form.kind_done", show=False),
    ]

    class Chosen(Message):
        """Another kind was chosen."""

    def __init__(self, kinds: Sequence[str], chosen: str) -> None:
        super().__init__()
        self.kinds = list(kinds)
        self.at = self.kinds.index(chosen)

    @override
    def render(self) -> Content:
        parts = [Content.styled("kind  ", "$muted")]
        for at, kind in enumerate(self.kinds):
            here = "bold $primary on $here" if at == self.at else "$muted"
            parts += [Content.styled(f" {kind} ", here), Content(" ")]
        if self.has_focus:
            parts.append(Content.styled("  ← → choose", "$faint"))
        return Content.assemble(*parts)

    def action_step(self, step: int) -> None:
        """Chooses the next kind."""
        self.at = (self.at + step) % len(self.kinds)
        self.refresh()
        self.post_message(self.Chosen())


class Field(Horizontal):
    """One key: its name, what is typed, and what may be."""

    def __init__(self, field: Mapping[str, Any], value: str, known: Sequence[str]) -> None:
        super().__init__()
        self.field = field
        self.value = value
        self.known = known

    @property
    def key(self) -> str:
        """The key."""
        return str(self.field["name"])

    @property
    def says(self) -> str:
        """Type and range."""
        return f"{self.field['type']} {self.field['range']}".strip()

    @override
    def compose(self) -> ComposeResult:
        mark = "*" if self.field["required"] else " "
        name = Label(Content(f"{mark}{self.key}"))
        name.add_class("name")
        yield name
        default = "needed" if self.field["required"] else self.field["shown"]
        words = [*self.field["choices"], *self.known]
        if self.field["type"].startswith("true or false"):
            words += ["true", "false"]
        suggester = SuggestFromList(words) if words else None
        yield TypedLine(self.value, inert(default), suggester=suggester)
        aside = Label(Content(self.says))
        aside.add_class("aside")
        yield aside

    def complain(self, wrong: bool) -> None:
        """Marks the field as wrong, or takes the mark away."""
        self.set_class(wrong, "-wrong")
        text = Content(f"✗ {self.says}" if wrong else self.says)
        if labels := self.query(Label):  # else it is about to go, or to come
            labels.last().text = text


class Form(Dialog[str]):
    """Asks for a job; gives the sentence that says it was submitted, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j", "submit", "submit", id="form.submit", priority=True),
        Binding("escape", "close", "leave", id="form.leave", key_display="esc"),
        Binding("down", "next", "next field", id="form.next", show=False, priority=True),
        Binding("up", "previous", "field before", id="form.previous", show=False, priority=True),
    ]

    def __init__(
        self,
        kinds: Sequence[submit.Kind],
        kind: str,
        values: Mapping[str, str],
        dictionaries: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.kinds = {described.kind: described for described in kinds}
        self.kind = kind if kind in self.kinds else next(iter(self.kinds))
        self.typed = dict(values)
        """What was typed, of every kind: a key that several kinds have keeps its value."""
        self.dictionaries = list(dictionaries)
        self.checked = submit.Checked(0, "", "", "")

    @override
    def compose(self) -> ComposeResult:
        with Vertical(classes="box", id="form"):
            yield KindChoice(list(self.kinds), self.kind)
            yield Label(Content(""))
            with VerticalScroll(id="form-fields", can_focus=False):
                yield from self._fields()
            about = Label(Content(""))
            about.id = "form-about"
            yield about
            said = Label(Content(""))
            said.id = "form-said"
            yield said

    def _fields(self) -> list[Field]:
        fields = []
        for field in self.kinds[self.kind].fields:
            known = self.dictionaries if field["name"] == "dictionaries" else ()
            fields.append(Field(field, self.typed.get(field["name"], ""), known))
        return fields

    def on_mount(self) -> None:
        """Begins at the first field."""
        box = self.query_one("#form")
        box.border_title = "Run a job"
        box.border_subtitle = (
            f"{key(self, 'form.submit')} submits · {key(self, 'form.previous')} "
            f"{key(self, 'form.next')} go · → takes what is proposed · "
            f"{key(self, 'form.leave')} leaves"
        )
        self._name_kind()
        self.query(Input).first().focus()
        self.check()

    def _name_kind(self) -> None:
        self.query_one("#form > Label", Label).text = Content.styled(
            self.kinds[self.kind].says, "$muted"
        )

    async def on_kind_choice_chosen(self) -> None:
        """Shows the fields of another kind."""
        choice = self.query_one(KindChoice)
        self.kind = choice.kinds[choice.at]
        self._name_kind()
        holder = self.query_one("#form-fields")
        with self.app.batch_update():
            await holder.remove_children()
            await holder.mount_all(self._fields())
        self.check()

    # Fields

    @property
    def raw(self) -> dict[str, str]:
        """What was typed for this kind; a field left empty keeps its default."""
        keys = [str(field["name"]) for field in self.kinds[self.kind].fields]
        return {key: self.typed[key] for key in keys if self.typed.get(key, "").strip()}

    def on_input_changed(self, event: Input.Changed) -> None:
        """Takes the value; checks all of them."""
        event.stop()
        if isinstance(field := event.input.parent, Field):
            self.typed[field.key] = event.value
            self.check()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes on to the next field."""
        event.stop()
        self.action_next()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Tells what the field is for."""
        field = event.widget.parent
        about = self.query_one("#form-about", Label)
        if isinstance(field, Field):
            default = f" · default {field.field['shown']}" if not field.field["required"] else ""
            about.text = Content.assemble(
                (field.key, "bold $accent"),
                f"  {inert(field.field['description'])}",
                (f" · {field.says}{inert(default)}", "$muted"),
            )
        else:
            about.text = Content.styled("what kind of job to run", "$muted")

    def action_next(self) -> None:
        """Goes to the next field."""
        self.focus_next()

    def action_previous(self) -> None:
        """Goes to the field before."""
        self.focus_previous()

    # Checking and submitting

    @work(exclusive=True, group="check")
    async def check(self) -> None:
        """Checks what is typed; shows the command, or what is wrong."""
        database = cast("Workbench", self.app).database
        asked = partial(submit.check, database.workspace, self.kind, self.raw)
        self.checked = await database.work(asked)
        self._tell()

    def _tell(self) -> None:
        found, lines = self.checked, self.query("#form-said").results(Label)
        for field in self.query(Field):
            field.complain(field.key == found.key and bool(self.typed.get(field.key)))
        if (said := next(lines, None)) is None:
            return  # the app is closing
        if found.sentence:
            said.text = Content.styled(f"✗ {inert(found.sentence)}", "$error")
        else:
            many = f"  ({found.jobs} jobs)" if found.jobs > 1 else ""
            said.text = Content.assemble(
                ("$ ", "$muted"), (inert(found.command), "$foreground"), (many, "$muted")
            )

    @work(exclusive=True, group="submit")
    async def action_submit(self) -> None:
        """Submits; stays, saying why, where that is refused."""
        database = cast("Workbench", self.app).database
        asked = partial(submit.submit, database.workspace, self.kind, self.raw)
        with keys_wait(self):  # the same key again would submit another
            sentence, wrong = await database.work(asked)
            if not wrong:
                self.dismiss(sentence)
                return
        kind = submit.Checked(0, "", sentence, submit.key_of(self.kind, sentence))
        self.checked = kind
        self._tell()
        for field in self.query(Field):
            if field.key == kind.key:
                field.query_one(Input).focus()

    def action_close(self) -> None:
        """Leaves, with nothing submitted."""
        self.dismiss(None)
