"""A principal plane of a cluster: its share of the activations, one dot a token."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.message import Message

from saetui import queries_manifolds as queries
from saetui.typeahead import wait_for
from saetui.views.features.cells import word
from saetui.views.manifolds.colours import lettered
from saetui.views.manifolds.summary import Geometry
from saetui.widgets.drawing import number, share
from saetui.widgets.legend import Kind
from saetui.widgets.scatter import Label, Scatter

COLOURED = 8
"""Tokens that have a colour and a name of their own: the commonest."""


class Token(NamedTuple):
    """A row of `saetui.queries_manifolds.plane`."""

    corpus: str
    doc: int
    pos: int
    token: str
    u: float
    v: float


class Plane(Scatter):
    """One plane at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "other", "other plane", id="plane.other"),
        Binding("enter", "open", "document", id="plane.open", key_display="↵"),
    ]

    class Wanted(Message):
        """The user wants another plane."""

    def __init__(self) -> None:
        super().__init__(id="manifolds-plane", square=True)
        self.add_class("pane")
        self.run = ""
        self.cluster = -1
        self.planes: Sequence[Geometry] = ()
        self.at = 0
        """Which of them is shown."""
        self.tokens: Sequence[Token] = ()
        self.here = asyncio.Event()
        """Whether the tokens of the plane are known."""
        self.entitle("Plane")

    @property
    def plane(self) -> Geometry | None:
        """The plane that is shown."""
        return self.planes[self.at] if self.at < len(self.planes) else None

    def show_planes(self, run: str, cluster: int, planes: Sequence[Geometry]) -> None:
        """Another cluster with its planes; the tokens of the first come later."""
        self.run, self.cluster, self.planes, self.at = run, cluster, planes, 0
        if not planes:
            self.tokens = ()
            self.empty = ["No plane was measured", "of this cluster."]
            self.clear()
        self.name_it()

    def show_tokens(self, tokens: Sequence[Token]) -> None:
        """Shows the tokens of the plane."""
        import numpy as np

        self.tokens = [row for row in tokens if abs(row.u) < 1e30 and abs(row.v) < 1e30]
        commonest = [token for token, _ in Counter(row.token for row in self.tokens).most_common()]
        places = {token: at for at, token in enumerate(commonest[:COLOURED])}
        x = np.array([row.u for row in self.tokens], np.float32)
        y = np.array([row.v for row in self.tokens], np.float32)
        kind = np.array([places.get(row.token, COLOURED) for row in self.tokens], np.uint8)
        kinds = lettered([word(token) for token in places])
        kinds += [Kind("others", "muted", "·")] * (COLOURED + 1 - len(kinds))
        self.labels = [
            Label(float(x[kind == at].mean()), float(y[kind == at].mean()), word(token)[:12])
            for token, at in places.items()
        ]
        self.show_points(x, y, kind, kinds)
        self.here.set()
        self.name_it()

    def name_it(self) -> None:
        """Says which plane it is, and its indices beside their nulls."""
        if self.plane is None:
            self.notes = []
            self.entitle("Plane")
            return
        several = f" · {self.at + 1} of {len(self.planes)}" if len(self.planes) > 1 else ""
        one = self.plane
        self.notes = [
            _noted("separability", one.separability, one.null_separability),
            _noted("mixture", one.mixture, one.null_mixture),
        ]
        aside = f"{one.sign}{several}"
        self.entitle(
            f"Plane {one.plane + 1}–{one.plane + 2} · {share(one.variance)} of variance", aside
        )

    def copied(self) -> tuple[str, str] | None:
        """The token."""
        return (self.token.token, "token") if self.token else None

    def sql(self) -> str | None:
        """The query behind the dots."""
        if self.plane is None:
            return None
        return queries.plane(self.run, self.cluster, self.plane.plane)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Another plane is offered where there are several."""
        if action == "other":
            return len(self.planes) > 1
        return super().check_action(action, parameters)

    def action_other(self) -> None:
        """Goes to the next plane."""
        self.at = (self.at + 1) % max(1, len(self.planes))
        self.here.clear()
        self.post_message(self.Wanted())
        wait_for(self, self.here.wait)

    @property
    def token(self) -> Token | None:
        """The token under the cursor."""
        found: Any = self.tokens
        return found[self.point] if self.point is not None and self.point < len(found) else None

    def on_scatter_moved(self, event: Scatter.Moved) -> None:
        """Says which token is under the cursor."""
        row = self.token
        self.about = f"◎ {word(row.token)} · document {row.doc}:{row.pos}" if row else ""
        self.redraw()


def _noted(name: str, value: float, shuffled: float) -> str:
    return f"{name.ljust(12)} {number(value, 2)}  shuffled {number(shuffled, 2)}"
