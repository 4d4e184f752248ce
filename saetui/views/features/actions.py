"""What is done with the feature at hand, from any pane: labels, notes, prompts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from saetui import queries
from saetui.links import Link, feature_id
from saetui.messages import Ask, Follow, Say
from saetui.readonly import writes
from saetui.typeahead import hand_over, keep_keys
from saetui.views.base import View
from saetui.views.features.listing import FeatureList
from saetui.views.features.page import Page
from saetui.views.settling import once_settled
from store.errors import SaetuiError

if TYPE_CHECKING:
    from saetui.prompting import Prompting
    from store.labels import Written


class FeatureActions(View):
    """Keys that act on the feature whose page is open."""

    listed: FeatureList
    page: Page

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "label", "label", id="features.label"),
        Binding("m", "note", "note", id="features.note", show=False),
        Binding("u", "undo", "undo label or note", id="features.undo", show=False),
        Binding("p", "prompt", "try a prompt", id="features.prompt"),
        Binding("v", "cluster", "its cluster", id="features.cluster", show=False),
        Binding("a", "ablate", "ablate", id="features.ablate"),
        Binding("c", "circuit", "circuit from here", id="features.circuit"),
    ]

    prompting: Prompting | None = None
    """The warm models, once a prompt was tried."""

    @once_settled
    @work(exclusive=True, group="choose")
    async def action_prompt(self) -> None:
        """Tries a prompt: from the list on the dictionary, from the page on its feature."""
        from saetui.prompting import Prompting
        from saetui.screens.prompt.screen import TryPrompt

        keep_keys(self)
        dictionary, feature = self.listed.dictionary, None
        if self.pane is not self.listed and self.page.shown:
            dictionary, feature = self.page.shown
        if not dictionary:
            hand_over(self)
            return
        self.prompting = self.prompting or Prompting(self.database)
        screen = TryPrompt(self.prompting, dictionary, feature)
        if target := await self.app.push_screen_wait(screen):
            self.post_message(Follow(Link(self.NAME, target)))

    @once_settled
    def action_cluster(self) -> None:
        """Goes to the cluster that the feature is in, on the map."""
        if self.page.shown is not None:
            self.post_message(Follow(Link("manifolds", feature_id(*self.page.shown))))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is about a feature is offered where one is shown."""
        if action in ("ablate", "circuit", "label", "note", "undo"):
            coming = self.is_mounted and not self.listed.here.is_set()
            return coming or (self.is_mounted and self.listed.at is not None)
        return super().check_action(action, parameters)

    @writes
    @once_settled
    @work(exclusive=True, group="form")
    async def action_ablate(self) -> None:
        """Asks for an ablation: of the marked features from the list, else of this one."""
        from saetui import causal_forms

        if self.page.shown is None:
            return
        keep_keys(self)
        marked = sorted(self.listed.tagged) if self.pane is self.listed else []
        with self.told():
            known = causal_forms.spliced(await self.database.rows(queries.dictionaries()))
            values = causal_forms.ablate(marked or [self.page.shown], known)
            self.workbench.ask_for_job("ablate", values)

    @writes
    @once_settled
    @work(exclusive=True, group="form")
    async def action_circuit(self) -> None:
        """Asks for the circuit of what the model says where this feature fires."""
        from saetui import causal_forms

        if self.page.shown is None:
            return
        keep_keys(self)
        with self.told():
            known = causal_forms.spliced(await self.database.rows(queries.dictionaries()))
            values = causal_forms.circuit(self.page.shown, known)
            self.workbench.ask_for_job("circuit", values)

    def on_unmount(self) -> None:
        """Lets go of the models."""
        if self.prompting is not None:
            self.prompting.close()

    @writes
    @once_settled
    def action_label(self) -> None:
        """Asks for a label."""
        if self.page.shown is None:
            return
        keep_keys(self)
        dictionary, feature = self.page.shown
        about = self.page.summary.about
        self.post_message(
            Ask(
                f"label #{feature}",
                partial(self._label, dictionary, feature),
                value=(about.label if about else None) or "",
                hint="a few words; empty takes the label away",
            )
        )

    async def _label(self, dictionary: str, feature: int, text: str) -> str | None:
        label = text.strip() or None
        return await self._write(dictionary, feature, lambda was: was._replace(label=label))

    @writes
    @once_settled
    def action_note(self) -> None:
        """Asks for a note."""
        if self.page.shown is None:
            return
        keep_keys(self)
        dictionary, feature = self.page.shown
        self.post_message(
            Ask(
                f"note on #{feature}",
                partial(self._note, dictionary, feature),
                value=self.page.summary.note or "",
                hint="a sentence or two; empty takes the note away",
            )
        )

    async def _note(self, dictionary: str, feature: int, text: str) -> str | None:
        note = text.strip() or None
        return await self._write(dictionary, feature, lambda was: was._replace(note=note))

    async def _write(
        self, dictionary: str, feature: int, change: Callable[[Written], Written]
    ) -> str | None:
        """Writes label and note anew; says what is wrong, or None."""

        def write() -> None:
            workspace = self.database.workspace()
            was = workspace.written(dictionary, feature)
            if (new := change(was)) != was:  # else there would be nothing to take back
                workspace.label(dictionary, feature, new.label, new.note)

        try:
            await self.database.work(write)
        except SaetuiError as error:
            return str(error)
        self._show_anew()
        return None

    @writes
    @once_settled
    @work(exclusive=True, group="undo")
    async def action_undo(self) -> None:
        """Takes back what was last written about the feature; again, what was before."""
        if self.page.shown is None:
            return
        dictionary, feature = self.page.shown

        with self.told():
            undone = await self.database.work(
                lambda: self.database.workspace().undo_label(dictionary, feature)
            )
            if undone is None:
                self.post_message(Say(f"Nothing is written about #{feature} to take back."))
                return
            was, now = undone
            changed = "label" if was.label != now.label else "note"
            old, new = getattr(was, changed), getattr(now, changed)
            self.post_message(
                Say(f"The {changed} of #{feature} is {_quoted(new)} again, not {_quoted(old)}.")
            )
            self._show_anew()

    def _show_anew(self) -> None:
        self.page.forget()
        self.listed.read_anew()


def _quoted(text: str | None) -> str:
    return f"“{text}”" if text else "empty"
