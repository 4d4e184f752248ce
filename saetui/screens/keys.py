"""What every key does here, made from the bindings themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.screen import Screen
from typing_extensions import override

from saetui.key_names import key
from saetui.screens.box import Box
from saetui.widgets.rows import Column, Rows

if TYPE_CHECKING:
    from saetui.workbench import Workbench

_PLACES = {"rows": "list", "pane": "pane", "view": "view", "app": "everywhere"}
"""Places that every view has, in the order in which they come after its own."""

Line = tuple[str, str, str]
"""Place, where it is another than that of the line above; keys; what they do."""


class KeyList(Rows):
    """The keys; none of them leads anywhere."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is opened."""
        return action != "open" and super().check_action(action, parameters)


class Keys(Box[None]):
    """The keys that do something on `of`, from what is particular to it to what is everywhere."""

    def __init__(self, of: Screen[object], workbench: Workbench) -> None:
        super().__init__()
        self.lines = lines(of, workbench)

    @override
    def compose(self) -> ComposeResult:
        rows = KeyList(
            [
                Column("where", 12, lambda row: (row[0], "muted"), needs=40),
                Column("key", 18, lambda row: (row[1], "accent")),
                Column("does", 0, lambda row: row[2]),
            ]
        )
        rows.add_class("box")
        yield rows

    def on_mount(self) -> None:
        """Fills the box."""
        rows = self.query_one(Rows)
        if len(self.lines) + 3 > 0.9 * self.size.height:  # rather all of them than well apart
            self.lines = [line for line in self.lines if any(line)]
        rows.entitle("Keys", f"ctrl+p finds them by name · {key(self, 'box.close')} closes")
        rows.styles.height = len(self.lines) + 3
        rows.show(len(self.lines), self.lines)
        rows.focus()


def lines(of: Screen[object], workbench: Workbench) -> list[Line]:
    """The keys by place; several where they do the same. A blank line stands between places."""
    keys: dict[str, list[str]] = {}
    says: dict[str, str] = {}
    for active in of.active_bindings.values():
        binding = active.binding
        if workbench.offers(active) and binding.id:
            keys.setdefault(binding.id, []).append(workbench.key_name(binding))
            says[binding.id] = binding.description
    found: list[Line] = []
    places = dict.fromkeys(name.partition(".")[0] for name in says)
    for place in [*(own for own in places if own not in _PLACES), *_PLACES]:
        named = _PLACES.get(place, place)
        if found:
            found.append(("", "", ""))
        for name in [name for name in says if name.startswith(f"{place}.")]:
            found.append((named, " ".join(sorted(keys[name], key=len)), says[name]))
            named = ""
    return found
