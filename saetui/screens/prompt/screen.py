"""The screen on which a prompt is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from typing_extensions import override

from saetui import queries
from saetui.key_names import key
from saetui.links import feature_id
from saetui.messages import Say
from saetui.screens.box import Box
from saetui.screens.choose import Choose
from saetui.screens.prompt.fired import Fired, FiredList, Name
from saetui.screens.prompt.text import PromptText
from saetui.screens.prompt.tokens import PromptTokens
from saetui.text import inert
from saetui.typeahead import keep_keys, keys_wait
from saetui.widgets.drawing import number
from saetui.widgets.rows import Rows
from store.errors import SaetuiError

if TYPE_CHECKING:
    from jobs.prompt.answer import Answer, Firing
    from saetui.prompting import Prompting

SHOWN = 50
"""Features listed of a token and a dictionary."""


class TryPrompt(Box[str]):
    """Gives the id of the feature whose page the user wants, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", id="prompt.leave", key_display="esc", priority=True),
        Binding("w", "watch", "keep shading", id="prompt.watch"),
        Binding("d", "choose", "dictionary", id="prompt.dictionary"),
        Binding("e", "edit", "edit", id="prompt.edit"),
    ]

    def __init__(self, prompting: Prompting, dictionary: str, feature: int | None = None) -> None:
        super().__init__()
        self.prompting = prompting
        self.dictionaries = [dictionary]
        """Whose features are listed."""
        self.known: list[str] = []
        """Every dictionary of the same model."""
        self.watched: tuple[str, int] | None = None if feature is None else (dictionary, feature)
        """The feature that shades the tokens; None: the one under the cursor of the list."""
        self.answer: Answer | None = None
        self._names: dict[tuple[str, int], Name] = {}
        self._asked = False
        """Whether a prompt is being read."""

    @override
    def compose(self) -> ComposeResult:
        yield PromptText(self.prompting.text)
        yield PromptTokens()
        yield FiredList()

    def on_mount(self) -> None:
        """Has the model loaded while the user types."""
        self.edited.border_title = "Try a prompt"
        self.tokens.say("Type a text and press ↵.")
        self.tokens.entitle("Tokens")
        self.fired.entitle("What fires")
        self.edited.focus()
        self.prepare()

    @property
    def edited(self) -> PromptText:
        """The text."""
        return self.query_one(PromptText)

    @property
    def tokens(self) -> PromptTokens:
        """The tokens."""
        return self.query_one(PromptTokens)

    @property
    def fired(self) -> FiredList:
        """The features."""
        return self.query_one(FiredList)

    # Asking

    def _say(self, what: str) -> None:
        """From another thread: what loading says."""
        self.app.call_from_thread(self._hear, what)

    def _hear(self, what: str) -> None:
        if self.is_attached and self.edited.working:
            self.edited.work(what)

    @work(exclusive=True, group="model")
    async def prepare(self) -> None:
        """Loads the model, or asks at once where a prompt is there already."""
        try:
            self.known = await self.prompting.companions(self.dictionaries[0])
            if self.edited.text:
                self.ask()
                return
            self.edited.work("getting the model ready")
            await self.prompting.load(self.dictionaries, self._say)
        except SaetuiError as error:
            self._failed(error)
        else:
            self.edited.rest(f"the model is ready · {self.edited.invitation}")

    def on_prompt_text_asked(self) -> None:
        """Asks."""
        self.prompting.text = self.edited.text
        self.ask()

    @work(exclusive=True, group="model")
    async def ask(self) -> None:
        """Asks what fires, and shows it."""
        self._asked = True
        if not self.edited.working:  # else it says that the model still loads
            self.edited.work("reading")
        try:
            answer = await self.prompting.ask(self.edited.text, self.dictionaries, self._say)
            self.answer = answer
            await self._learn_names(self.watched and {self.watched[0]: [self.watched[1]]})
        except SaetuiError as error:
            self._failed(error)
            return
        self._asked = False
        for sentence in answer.said:
            self.app.post_message(Say(sentence))
        self.edited.rest(f"{len(answer.pieces):,} tokens · {self._hints}")
        self.tokens.show(answer.pieces)
        if self.watched and (found := self._firing(self.watched[0]).of(self.watched[1])):
            token = max(found, key=lambda token: found[token])
            self.tokens.set_reactive(PromptTokens.cursor, token)
        if self.edited.has_focus:
            self.tokens.focus()
        self.list_token()

    def _failed(self, error: SaetuiError) -> None:
        from jobs.prompt.warm import Cancelled

        self.answer, self._asked = None, False
        cancelled = isinstance(error, Cancelled)
        self.edited.rest(f"{'cancelled · ' * cancelled}{key(self, 'prompt.ask')} tries again")
        self.tokens.say("" if cancelled else inert(f"✗ {error}"))
        self.fired.show(0, [])

    def _firing(self, dictionary: str) -> Firing:
        assert self.answer is not None
        return next(f for f in self.answer.firings if f.dictionary == dictionary)

    # The token under the cursor

    def on_prompt_tokens_moved(self) -> None:
        """Another token."""
        self.list_token()

    @work(exclusive=True, group="token")
    async def list_token(self) -> None:
        """Lists what fires on the token under the cursor."""
        if self.answer is None:
            return
        with keys_wait(self):  # what follows is about what this token fires
            await self._list(self.answer, self.tokens.cursor)

    async def _list(self, answer: Answer, token: int) -> None:
        found = [
            (firing.dictionary, feature, activation)
            for firing in answer.firings
            for feature, activation in firing.at(token)[:SHOWN]
        ]
        wanted: dict[str, list[int]] = {}
        for dictionary, feature, _ in found:
            wanted.setdefault(dictionary, []).append(feature)
        try:
            await self._learn_names(wanted)
        except SaetuiError as error:
            self.app.post_message(Say(str(error), "error"))
        rows = [Fired(*row, self._names.get((row[0], row[1]))) for row in found]
        rows.sort(key=lambda row: -row.activation)
        self._tell_empty(answer, token)
        self.fired.dictionaries = self.dictionaries
        self.fired.tell_apart(len(self.dictionaries) > 1)
        piece = answer.pieces[token].strip() or answer.pieces[token]
        self.fired.entitle(f"Fires on token {token}: {piece[:40]}", self._scope())
        self.fired.show(len(rows), rows, cursor=0)

    def _tell_empty(self, answer: Answer, token: int) -> None:
        massive = all(token in firing.left_out for firing in answer.firings)
        self.fired.empty = (
            ["The activation of this token is massive (an attention sink).", "",
             "Profiles leave such tokens out, and so does this list."]
            if massive
            else ["No feature fires on this token."]
        )  # fmt: skip

    @property
    def _hints(self) -> str:
        before, after, watch, choose, edit, leave = (
            key(self, f"prompt.{does}")
            for does in ("before", "next", "watch", "dictionary", "edit", "leave")
        )
        return (
            f"{before} {after} token · {watch} keeps shading · {choose} dictionary · "
            f"{edit} edits · {leave}"
        )

    def _scope(self) -> str:
        if len(self.dictionaries) > 1:
            return f"{len(self.dictionaries)} dictionaries"
        return self.dictionaries[0]

    async def _learn_names(self, wanted: dict[str, list[int]] | None) -> None:
        new = {
            dictionary: [f for f in features if (dictionary, f) not in self._names]
            for dictionary, features in (wanted or {}).items()
        }
        if any(new.values()):
            for row in await self.prompting.database.rows(queries.named(new)):
                name = Name(*row)
                self._names[name.dictionary, name.feature] = name

    # The shading

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Another feature is under the cursor of the list: it shades the tokens."""
        self.shade()

    def shade(self) -> None:
        """Shades the tokens by the feature that is watched, else by the one under the cursor."""
        if self.answer is None:
            return
        row = self.fired.feature
        chosen = self.watched or (row and (row.dictionary, row.feature))
        if chosen is None:
            self.tokens.shade("", {}, 0.0)
            self.tokens.entitle("Tokens")
            return
        dictionary, feature = chosen
        name = self._names.get(chosen)
        strengths = self._firing(dictionary).of(feature)
        strongest = max([*strengths.values(), (name and name.max_activation) or 0.0])
        self.tokens.shade(feature_id(dictionary, feature), strengths, strongest)
        label = f" {name.label}" if name and name.label else ""
        here = strengths.get(self.tokens.cursor)
        said = f"{number(here)} here" if here else "silent here" if strengths else "silent"
        kept = "watching" if self.watched else "shaded by"
        self.tokens.entitle(f"Tokens · {kept} #{feature}{label}", f"#{feature} is {said}")

    # Keys

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Goes to the feature's page."""
        row = cast("Any", event.row)
        self._close(feature_id(row.dictionary, row.feature))

    def action_watch(self) -> None:
        """Keeps the shading of this feature while the cursor moves, or lets go of it."""
        row = self.fired.feature
        self.watched = (row.dictionary, row.feature) if row and self.watched is None else None
        self.shade()

    def action_edit(self) -> None:
        """Goes back to the text."""
        self.edited.focus()

    @work(exclusive=True, group="choose")
    async def action_choose(self) -> None:
        """Offers the dictionaries that this model reads for, one or all."""
        if not self.known:
            keep_keys(self)
            self.known = await self.prompting.companions(self.dictionaries[0])
        every = f"all {len(self.known)} dictionaries"
        names = [*((name, "") for name in self.known), (every, "of this model")]
        current = every if len(self.dictionaries) > 1 else self.dictionaries[0]
        chosen = await self.app.push_screen_wait(Choose("Dictionary", names, current))
        if chosen is None:
            return
        self.dictionaries = list(self.known) if chosen == every else [chosen]
        if self.watched and self.watched[0] not in self.dictionaries:
            self.watched = None
        if self.edited.text:
            self.ask()

    def action_leave(self) -> None:
        """Cancels what was asked; where nothing was, goes back to the view, and lets go of a model
        that still loads.
        """
        if self.edited.working:
            self.prompting.cancel()
        if self.edited.working and self._asked:
            self.edited.work("cancelling")
        else:
            self._close(None)

    def action_close(self) -> None:
        """Goes back to the view."""
        self._close(None)

    def _close(self, target: str | None) -> None:
        self.prompting.text = self.edited.text
        self.dismiss(target)
