"""The pane of the faithfulness curves: the chosen circuit, with its interval, beside others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from saetui import queries_circuits as queries
from saetui.circuits.records import Circuit
from saetui.key_names import key
from saetui.links import Named, to
from saetui.views.circuits.plot import LETTERS, MEASURES, Series, plot
from saetui.widgets.pane import Pane


class CurvePane(Pane):
    """Scores over size."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "measure", "faithful or complete", id="curve.measure"),
        Binding("o", "levels", "methods or levels", id="curve.levels"),
    ]

    class Switched(Message):
        """The user wants other curves beside the chosen one."""

    def __init__(self) -> None:
        super().__init__(id="circuits-curve", classes="pane")
        self.missing = ""
        """What to say where there are no curves."""
        self.series: Sequence[Series] = ()
        self.size_taken = 0
        self.measure = MEASURES[0]
        self.levels = False
        """Whether the best search of every level is drawn, not every method of one level."""
        self.entitle("Faithfulness")

    def show_curves(self, series: Sequence[Series], size: int) -> None:
        """Shows other curves, the chosen circuit's first."""
        self.series = series
        self.take(size)

    def take(self, size: int) -> None:
        """Another size is chosen."""
        self.size_taken = size
        self._tell()
        self.refresh()
        self.refresh_bindings()

    @property
    def circuits(self) -> list[Circuit]:
        """Whose curves are shown."""
        return [each.about for each in self.series]

    def _tell(self) -> None:
        title = f"{self.measure.capitalize()} over size"
        if self.series:
            about = self.series[0].about
            which = "best of every level" if self.levels else f"every method on {about.nodes}"
            self.entitle(title, f"{about.task}: {which} · {key(self, 'curve.levels')} other")
        else:
            self.entitle(title)

    def copied(self) -> tuple[str, str] | None:
        """Names, CMD and CPR of what is drawn, apart by tabs."""
        if not self.series:
            return None
        lines = [f"{c.circuit}\t{c.called}\t{c.cmd}\t{c.cpr}" for c in self.circuits]
        return "\n".join(["circuit\tmethod\tCMD\tCPR", *lines]), "scores"

    def named(self) -> Sequence[Named]:
        """The circuits of the legend, by what they are called there."""
        return [
            Named(each.about.circuit, f"{LETTERS[at]} {each.title}", to("circuit", name))
            for at, each in enumerate(self.series)
            if (name := each.about.circuit)
        ]

    def sql(self) -> str | None:
        """The query behind the curves."""
        return queries.curves([c.circuit for c in self.circuits]) if self.series else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is switched where there is no curve."""
        if action in ("measure", "levels"):
            return bool(self.series)
        return super().check_action(action, parameters)

    def action_measure(self) -> None:
        """From faithfulness to completeness, or back."""
        self.measure = MEASURES[1 - MEASURES.index(self.measure)]
        self._tell()
        self.refresh()

    def action_levels(self) -> None:
        """From every method of this level to the best search of every level, or back."""
        self.levels = not self.levels
        self.post_message(self.Switched())

    def render(self) -> Content:
        """All of it."""
        width, height = self.size.width - 2, self.size.height
        if not self.series:
            return Content.styled(f"\n {self.missing}", "$muted")
        lines = plot(self.series, self.measure, self.size_taken, width, height)
        return Content("\n").join(Content.assemble(" ", line) for line in lines[:height])
