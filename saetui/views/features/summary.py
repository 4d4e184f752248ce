"""What a feature is: statistics, how rare and how strong it is, what it does to the output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from saetui import queries
from saetui.links import Named, feature_id, named
from saetui.widgets.drawing import column_chart, count, fit, number, share
from saetui.widgets.pane import Pane

BINS = 32
"""Bins of both histograms."""

LOWEST = -7.0
"""log10 of the density where the density histogram begins."""

TALL = 4
"""Lines of a histogram."""

GAP = "   "


class About(NamedTuple):
    """A row of `saetui.queries.feature`."""

    dictionary: str
    feature: int
    density: float
    mean_activation: float | None
    max_activation: float | None
    decoder_norm: float
    promoted: list[dict[str, Any]]
    suppressed: list[dict[str, Any]]
    top_tokens: list[str]
    histogram: list[int]
    label: str | None


class Summary(Pane):
    """The head of a feature's page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "activations", id="summary.open", key_display="↵"),
    ]

    class Opened(Message):
        """The user wants to see where the feature fires."""

    def __init__(self) -> None:
        super().__init__(id="features-summary", classes="pane")
        self.about: About | None = None
        self.note: str | None = None
        self.densities: list[int] = [0] * BINS
        self.missing = ""
        """What to say where there is no feature."""

    def show_feature(
        self, about: About, densities: Sequence[tuple[int, int]], note: str | None = None
    ) -> None:
        """Shows another feature; `densities` are the counts of its dictionary's features, `note`
        is what the user wrote of this one.
        """
        self.about, self.note = about, note
        self.densities = [0] * BINS
        for place, features in densities:
            self.densities[place] = features
        title = f"#{about.feature}"
        self.entitle(f"{title}  {about.label}" if about.label else title, about.dictionary)
        self.refresh()

    def say(self, sentence: str) -> None:
        """Says why there is nothing to show."""
        self.about = None
        self.missing = sentence
        self.entitle("Feature")
        self.refresh()

    def copied(self) -> tuple[str, str] | None:
        """The feature's id."""
        if self.about is None:
            return None
        return feature_id(self.about.dictionary, self.about.feature), "feature id"

    def named(self) -> Sequence[Named]:
        """Its dictionary."""
        return named("dictionary", self.about.dictionary) if self.about else ()

    def sql(self) -> str | None:
        """The query behind the pane."""
        return queries.feature(self.about.dictionary, self.about.feature) if self.about else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be opened where there is no feature."""
        if action == "open":
            return self.about is not None
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """Goes to the activations, as from the list where both are seen."""
        self.post_message(self.Opened())

    def render(self) -> Content:
        """All of it."""
        if self.about is None:
            return Content.styled(f"\n {self.missing}", "$muted")
        width = self.size.width - 2
        note = Content.styled(fit(f"✎ {self.note}", width), "$accent") if self.note else Content("")
        head = [_statistics(self.about, width), note]
        charts = self._charts()
        room = width - 2 * BINS - 2 * len(GAP)
        if room >= 26:
            half = (room - len(GAP)) // 2
            tokens = _tokens(self.about, half, TALL + 2)
            lines = [
                Content(GAP).join([chart, token])
                for chart, token in zip(charts, tokens, strict=True)
            ]
        else:
            below = max(2, self.size.height - len(charts) - 4)
            tokens = _tokens(self.about, (width - len(GAP)) // 2, below)
            lines = [*charts, Content(""), *tokens]
        indented = [Content.assemble(" ", line) for line in [*head, *lines]]
        return Content("\n").join(indented[: max(1, self.size.height)])

    def _charts(self) -> list[Content]:
        """Two histograms beside each other, each with its title and its scale."""
        assert self.about is not None
        here = density_bin(self.about.density)
        densities = column_chart([math.log1p(n) for n in self.densities], TALL)
        fired = column_chart([math.log1p(n) for n in self.about.histogram[:BINS]], TALL)
        left = [
            Content.assemble((fit("density of all features", BINS), "$muted")),
            *(_marked(line, here) for line in densities),
            _scale(here),
        ]
        largest = number(self.about.max_activation)
        right = [
            Content.assemble((fit(_fired_title(self.about), BINS), "$muted")),
            *(Content.styled(fit(line, BINS), "$cool") for line in fired),
            Content.styled("0" + largest.rjust(BINS - 1), "$faint"),
        ]
        return [Content(GAP).join(pair) for pair in zip(left, right, strict=True)]


def _fired_title(about: About) -> str:
    return "activations (log count)" if about.density else "it fired on no profiled token"


def density_bin(density: float) -> int | None:
    """The bin of the density histogram; None for a feature that never fired."""
    if density <= 0:
        return None
    place = math.floor((math.log10(density) - LOWEST) / (-LOWEST / BINS))
    return max(0, min(BINS - 1, place))


def _marked(line: str, here: int | None) -> Content:
    """A line of the histogram with this feature's column in another colour."""
    if here is None:
        return Content.styled(line, "$cool")
    parts = ((line[:here], "$cool"), (line[here], "$accent"), (line[here + 1 :], "$cool"))
    return Content.assemble(*parts)


def _scale(here: int | None) -> Content:
    """Powers of ten below the histogram, with a mark below this feature's column."""
    scale = list("1e-7".ljust(BINS - 1) + "1")
    for power in (-5, -3):
        name = f"1e{power}"
        at = round((power - LOWEST) / -LOWEST * BINS) - 1
        scale[at : at + len(name)] = name
    if here is None:
        return Content.styled("".join(scale), "$faint")
    text = "".join(scale)
    return Content.assemble(
        (text[:here], "$faint"), ("▲", "bold $accent"), (text[here + 1 :], "$faint")
    )


def _statistics(about: About, width: int) -> Content:
    """One line of numbers, the most telling first; what does not fit is left out."""
    rare = f" (1 in {count(round(1 / about.density))})" if about.density else " (never fired)"
    facts = (
        ("density", share(about.density) + rare),
        ("max", number(about.max_activation)),
        ("mean", number(about.mean_activation)),
        ("‖d‖", number(about.decoder_norm)),
    )
    line = Content("")
    for name, value in facts:
        longer = Content.assemble(
            line, "   " if line else "", (f"{name} ", "$muted"), (value, "bold")
        )
        if longer.cell_length > width:
            break
        line = longer
    return line or Content.styled(fit(f"density {share(about.density)}", width), "bold")


def _tokens(about: About, width: int, height: int) -> list[Content]:
    """Promoted and suppressed tokens beside each other, with a title."""
    rows = [
        Content.assemble(
            (fit("promotes", width), "$muted"), GAP, (fit("suppresses", width), "$muted")
        )
    ]
    for line in range(height - 1):
        up = about.promoted[line] if line < len(about.promoted) else None
        down = about.suppressed[line] if line < len(about.suppressed) else None
        rows.append(
            Content.assemble(_logit(up, width, "$success"), GAP, _logit(down, width, "$error"))
        )
    return rows


def _logit(found: dict[str, Any] | None, width: int, style: str) -> Content:
    if found is None:
        return Content(" " * width)
    token = found["token"]
    shown = ("␣" + token[1:]) if token.startswith(" ") and not token.strip() else token.lstrip(" ")
    value = f"{found['logit']:+.2f}"
    return Content.assemble((fit(shown, width - 7), style), (value.rjust(7), "$muted"))
