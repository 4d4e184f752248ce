"""One of several things, or some of them, chosen from a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from typing_extensions import override

from saetui.key_names import key
from saetui.links import Named
from saetui.screens.box import Box, T
from saetui.widgets.rows import Column, Rows


class _Offer(Box[T], Generic[T]):
    """Names, each with a few words."""

    @property
    def aside(self) -> str:
        """What the keys do, where they do more than elsewhere."""
        return ""

    def __init__(self, title: str, names: Sequence[tuple[str, str]], current: str = "") -> None:
        super().__init__()
        self.names = list(names)
        self.current = current
        self.heading = title

    @override
    def compose(self) -> ComposeResult:
        rows = Rows(
            [
                Column(self.heading.lower(), 0, lambda row: (row[0], "strong")),
                Column("", 32, lambda row: (row[1], "muted"), needs=70),
            ]
        )
        rows.add_class("box")
        rows.empty = ["There is nothing to choose from."]
        yield rows

    def on_mount(self) -> None:
        """Puts the cursor on the current one."""
        rows = self.query_one(Rows)
        rows.entitle(self.heading, self.aside)
        rows.styles.height = min(len(self.names), 30) + 3
        names = [name for name, _ in self.names]
        at = names.index(self.current) if self.current in names else 0
        rows.show(len(names), self.names, cursor=at)
        rows.focus()


class Choose(_Offer[str]):
    """Offers names; gives the chosen one."""

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Gives the name."""
        self.dismiss(str(event.row[0]))


class ChooseNamed(_Offer[Named]):
    """Offers ids; gives the chosen one, with where it leads."""

    def __init__(self, found: Sequence[Named]) -> None:
        super().__init__("Go to", [(each.id, each.says) for each in found])
        self.found = found

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Gives it."""
        self.dismiss(self.found[event.index])


class ChooseSome(_Offer[list[str]]):
    """Offers names; gives those that are marked, else the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "mark", id="choose.mark"),
        Binding("a", "mark_all", "mark all or none", id="choose.mark_all"),
    ]

    def __init__(
        self,
        title: str,
        names: Sequence[tuple[str, str]],
        current: str = "",
        chosen: Sequence[str] = (),
    ) -> None:
        super().__init__(title, names, current)
        self._chosen = set(chosen) if len(chosen) > 1 else set()

    @property
    def aside(self) -> str:
        """Keys that only several choices need."""
        mark, every = key(self, "choose.mark"), key(self, "choose.mark_all")
        return f"{mark} marks · {every} all · {key(self, 'rows.open')} takes the marked"

    def on_mount(self) -> None:
        """Marks those that are chosen already, where they are several."""
        self.query_one(Rows).tagged = self._chosen

    def action_mark(self) -> None:
        """Marks the name under the cursor, or takes its mark away."""
        self.query_one(Rows).toggle_tag()

    def action_mark_all(self) -> None:
        """Marks all, or none when all are."""
        rows = self.query_one(Rows)
        everything = {name for name, _ in self.names}
        rows.tagged = set() if rows.tagged == everything else everything
        rows.refresh()

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Gives the names, in the order offered."""
        marked = event.rows.tagged
        self.dismiss([name for name, _ in self.names if name in marked] or [str(event.row[0])])
