"""Ablating nodes of a circuit on a prompt: what the model says next, before and after, at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from typing_extensions import override

from saetui.circuits.records import Circuit
from saetui.circuits.text import signed
from saetui.key_names import key
from saetui.links import Link, Named, named
from saetui.messages import Say
from saetui.screens.box import Box
from saetui.screens.prompt.text import PromptText
from saetui.text import inert
from saetui.views.features.cells import word
from saetui.widgets.drawing import count, fit, number, share
from saetui.widgets.pane import Pane
from saetui.widgets.rows import Column, Rows
from store.errors import SaetuiError

if TYPE_CHECKING:
    from jobs.prompt.trial import Outcome, Trial
    from saetui.prompting import Prompting


class Prompt(NamedTuple):
    """A row of `saetui.queries_circuits.prompts`."""

    prompt: int
    half: str
    clean: str
    corrupt: str | None
    answer: str
    wrong: str | None
    clean_score: float
    corrupt_score: float


class AblatedText(PromptText):
    """The prompt."""

    @property
    @override
    def invitation(self) -> str:
        ask, leave = key(self, "prompt.ask"), key(self, "try.leave")
        return f"{ask} ablates on this text · {leave} leaves"


class PromptList(Rows):
    """The prompts of the search."""

    class Wanted(Message):
        """Another prompt is under the cursor."""

    def __init__(self, prompts: Sequence[Prompt], ids: Sequence[Named]) -> None:
        super().__init__(
            [
                Column("half", 8, lambda row: (row.half, "muted"), needs=50),
                Column("answer", 10, lambda row: (word(row.answer), "strong")),
                Column("prompt", 0, lambda row: row.clean),
            ],
            id="try-prompts",
        )
        self.add_class("pane")
        self.prompts, self.ids = prompts, ids

    def named(self) -> Sequence[Named]:
        """The circuit, and the nodes that are ablated."""
        return self.ids

    def on_mount(self) -> None:
        """Lists them."""
        self.empty = ["This search kept no prompts: type one above."]
        self.entitle("Prompts of the search", f"{len(self.prompts)}" if self.prompts else "")
        self.show(len(self.prompts), self.prompts, cursor=0)


class Distribution(Pane):
    """The next token's probabilities, with nothing ablated and with the nodes ablated."""

    def __init__(self, ids: Sequence[Named]) -> None:
        super().__init__(id="try-outcome", classes="pane")
        self.ids = ids
        self.outcome: Outcome | None = None
        self.saying = ""
        """What is said while there is no outcome."""

    def named(self) -> Sequence[Named]:
        """The circuit, and the nodes that are ablated."""
        return self.ids

    def show_outcome(self, outcome: Outcome) -> None:
        """Shows an outcome."""
        self.outcome = outcome
        many = f"{count(outcome.ablated)} node{'s' * (outcome.ablated != 1)}"
        self.entitle(
            f"Next token · {many} ablated ({outcome.ablation})",
            f"KL {number(outcome.divergence)} · {outcome.seconds:.2f} s",
        )
        self.refresh()

    def say(self, sentence: str) -> None:
        """Says why there is nothing."""
        self.outcome, self.saying = None, sentence
        self.entitle("Next token")
        self.refresh()

    def copied(self) -> tuple[str, str] | None:
        """The probabilities, apart by tabs."""
        if self.outcome is None:
            return None
        found = zip(self.outcome.tokens, self.outcome.before, self.outcome.after, strict=True)
        return "\n".join(f"{token}\t{p}\t{q}" for token, p, q in found), "probabilities"

    def render(self) -> Content:
        """A line a token."""
        width, height = self.size.width - 2, self.size.height
        if self.outcome is None:
            return Content.styled(f"\n {inert(self.saying)}", "$muted")
        found = self.outcome
        lines = [self._difference(found, width)] if found.difference else []
        token = min(18, max(8, width // 4))
        bars = max(4, (width - token - 22) // 2)
        head = fit("token", token) + "  " + fit("before", bars + 7) + "  " + fit("after", bars + 7)
        lines.append(Content.styled(fit(head, width), "$faint"))
        for said, before, after in zip(found.tokens, found.before, found.after, strict=True):
            change = after - before
            sign = "▲" if change > 0.005 else "▼" if change < -0.005 else " "
            lines.append(
                Content.assemble(
                    (fit(word(said), token), "bold"),
                    "  ",
                    *_bar(before, bars, "$cool"),
                    "  ",
                    *_bar(after, bars, "$heat"),
                    (f" {sign}", "$success" if change > 0 else "$error"),
                )
            )
        return Content("\n").join(Content.assemble(" ", line) for line in lines[:height])

    @staticmethod
    def _difference(found: Outcome, width: int) -> Content:
        before, after = found.difference or (0.0, 0.0)
        said = f"answer less wrong: {signed(before)} → {signed(after)} (logits)"
        return Content.styled(fit(said, width), "bold")


def _bar(value: float, width: int, style: str) -> list[tuple[str, str]]:
    full = max(round(width * value), 1 if value >= 0.5 / width else 0)
    return [(fit(share(value), 6, "right") + " ", "$muted"), (("█" * full).ljust(width), style)]


class TryAblation(Box[None]):
    """Ablates `nodes` of a circuit on one of its prompts, or on a text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", id="try.leave", key_display="esc", priority=True),
        Binding("e", "edit", "type a prompt", id="try.edit"),
        Binding("i", "others", "all others instead", id="try.others"),
    ]

    def __init__(
        self,
        prompting: Prompting,
        about: Circuit,
        nodes: Sequence[str],
        names: Sequence[str],
        prompts: Sequence[Prompt],
    ) -> None:
        super().__init__()
        self.prompting, self.about = prompting, about
        self.nodes, self.names = list(nodes), list(names)
        self.prompts = prompts
        self.others = False
        """Whether all nodes but these are ablated."""

    @property
    def ids(self) -> list[Named]:
        """The circuit, and the nodes that are ablated, with what they are called."""
        circuit = self.about.circuit
        return [
            *named("circuit", circuit),
            *(Named(node, name, Link("circuits", f"{circuit}::{node}"))
              for node, name in zip(self.nodes, self.names, strict=True)),
        ]  # fmt: skip

    @override
    def compose(self) -> ComposeResult:
        yield AblatedText(self.prompts[0].clean if self.prompts else "")
        with Horizontal(id="try-below"):
            yield PromptList(self.prompts, self.ids)
            yield Distribution(self.ids)

    def on_mount(self) -> None:
        """Ablates on the first prompt at once."""
        self.edited.border_title = self._title()
        self.distribution.say("Type a text and press ↵.")
        rows = self.query_one(PromptList)
        (rows if self.prompts else self.edited).focus()
        if self.edited.text:
            self.ask()

    def _title(self) -> str:
        named = ", ".join(self.names[:4]) + (" …" if len(self.names) > 4 else "")
        return inert(f"Ablate {'all but ' * self.others}{named}")

    @property
    def edited(self) -> PromptText:
        """The text."""
        return self.query_one(PromptText)

    @property
    def distribution(self) -> Distribution:
        """The pane of what came of it."""
        return self.query_one(Distribution)

    # Asking

    def _hear(self, what: str) -> None:
        if self.is_attached and self.edited.working:
            self.edited.work(what)

    def _trial(self) -> Trial:
        from jobs.prompt.trial import Trial

        text = self.edited.text
        known = next((prompt for prompt in self.prompts if prompt.clean == text), None)
        return Trial(
            self.about.circuit,
            self.nodes,
            text,
            known.corrupt if known else None,
            known.answer if known else None,
            known.wrong if known else None,
            self.others,
        )

    @work(exclusive=True, group="model")
    async def ask(self) -> None:
        """Ablates, and shows what the model says next."""
        self.edited.work("getting the model ready")
        try:
            say = lambda what: self.app.call_from_thread(self._hear, what)  # noqa: E731
            outcome = await self.prompting.outcome(self._trial(), say)
        except SaetuiError as error:
            self._failed(error)
            return
        for sentence in outcome.said:
            self.app.post_message(Say(sentence))
        edit, others, leave = (key(self, f"try.{does}") for does in ("edit", "others", "leave"))
        self.edited.rest(f"{edit} edits · {others} ablates all others · {leave} leaves")
        self.distribution.show_outcome(outcome)

    def _failed(self, error: SaetuiError) -> None:
        from jobs.prompt.warm import Cancelled

        cancelled = isinstance(error, Cancelled)
        self.edited.rest(f"{'cancelled · ' * cancelled}{key(self, 'prompt.ask')} tries again")
        self.distribution.say("" if cancelled else f"✗ {error}")

    def on_prompt_text_asked(self) -> None:
        """Asks on the text as typed."""
        self.ask()

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Takes the prompt under the cursor."""
        row: Any = event.row
        self.edited.text = row.clean
        self.edited.move_cursor(self.edited.document.end)
        self.ask()

    # Keys

    def action_edit(self) -> None:
        """Goes to the text."""
        self.edited.focus()

    def action_others(self) -> None:
        """Ablates all nodes but these, or these again."""
        self.others = not self.others
        self.edited.border_title = self._title()
        if self.edited.text:
            self.ask()

    def action_leave(self) -> None:
        """Cancels what was asked; where nothing was, goes back to the view."""
        if self.edited.working:
            self.prompting.cancel()
            self.edited.work("cancelling")
        else:
            self.dismiss(None)

    def action_close(self) -> None:
        """Goes back to the view."""
        self.dismiss(None)
