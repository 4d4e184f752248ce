"""What a cluster is: its figures, each beside what chance gives, and the tokens it shares."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

from saetui import queries_manifolds as queries
from saetui.links import Link, Named
from saetui.text import inert
from saetui.views.features.cells import tokens
from saetui.views.manifolds.listing import Cluster, Run
from saetui.widgets.drawing import count, fit, number, share
from saetui.widgets.pane import Pane

NAME, HERE = 13, 6
"""Cells of a figure's name, and of its value."""


class Geometry(NamedTuple):
    """What ``cluster_geometry`` says of one plane."""

    plane: int
    variance: float
    separability: float
    mixture: float
    null_separability: float
    null_mixture: float
    p_value: float | None
    irreducible: bool
    n: int
    q_value: float
    """1 for a mixture of separate features."""

    @property
    def title(self) -> str:
        """Its two principal components."""
        return f"components {self.plane + 1} and {self.plane + 2}"

    @property
    def sign(self) -> str:
        """The same in a word or two."""
        if self.irreducible:
            return "● irreducible"
        return "○ by chance too" if self.q_value < 1 else "○ reducible"

    @property
    def says(self) -> str:
        """What the figures amount to."""
        if self.irreducible:
            return f"one feature of two dimensions, q {number(self.q_value)}"
        if self.q_value < 1:
            return f"no more than chance gives, q {number(self.q_value)}"
        return "separate features would do"


class Summary(Pane):
    """The head of a cluster's page."""

    def __init__(self) -> None:
        super().__init__(id="manifolds-summary", classes="pane")
        self.run: Run | None = None
        self.cluster: Cluster | None = None
        self.geometry: Sequence[Geometry] = ()
        self.missing = ""
        """What to say where there is no cluster."""

    def show_cluster(self, run: Run, cluster: Cluster, geometry: Sequence[Geometry]) -> None:
        """Shows another cluster."""
        self.run, self.cluster, self.geometry = run, cluster, geometry
        self.entitle(f"Cluster {cluster.cluster}", run.run)
        self.refresh()

    def say(self, sentence: str) -> None:
        """Says why there is nothing to show."""
        self.cluster, self.missing = None, sentence
        self.entitle("Cluster")
        self.refresh()

    def copied(self) -> tuple[str, str] | None:
        """The cluster's id."""
        if self.run is None or self.cluster is None:
            return None
        return f"{self.run.run}#{self.cluster.cluster}", "cluster id"

    def named(self) -> Sequence[Named]:
        """Its run, in the list."""
        if self.run is None or self.cluster is None:
            return ()
        link = Link("manifolds", f"{self.run.run}#{self.cluster.cluster}", "manifolds-clusters")
        return [Named(self.run.run, "run", link), *self.run.named]

    def sql(self) -> str | None:
        """The query behind the pane."""
        if self.run is None or self.cluster is None:
            return None
        return queries.cluster(self.run.run, self.cluster.cluster)

    def render(self) -> Content:
        """All of it."""
        width = self.size.width - 2
        if self.cluster is None or self.run is None:
            return Content("\n").join(
                Content.styled(f" {line}", "$muted") for line in ["", *_wrap(self.missing, width)]
            )
        row = self.cluster
        style = "bold" if row.label else "$muted"
        lines = [
            Content.styled(fit(row.name, width), style),
            *_verdict(row, self.run, width),
            *_figures(row, width),
            *_tokens(row, width),
        ]
        for plane in self.geometry:
            lines += [Content(""), *_plane(plane, width)]
        return Content("\n").join(
            Content.assemble(" ", line) for line in lines[: max(1, self.size.height)]
        )


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(inert(text), max(8, width))


def _verdict(row: Cluster, run: Run, width: int) -> list[Content]:
    if row.significant is None or row.q_value is None:
        return [Content.styled(fit("○ not held against chance", width), "$muted")]
    q = number(row.q_value)
    if row.significant:
        said = f"● significant: q {q} ≤ {run.fdr:g}"
        return [Content.styled(line, "$success") for line in _wrap(said, width)]
    said = f"○ not significant: q {q} > {run.fdr:g}; a random dictionary gives such clusters too"
    return [Content.styled(line, "$warning") for line in _wrap(said, width)]


def _figures(row: Cluster, width: int) -> list[Content]:
    """A line a figure: its value, and what chance gives where that was measured."""
    head = fit("", NAME) + fit("here", HERE, "right") + "  by chance"
    lines = [Content.styled(fit(head, width), "$faint")]
    permuted = f"{row.null_cohesion:.2f} permuted"
    random = f"{number(row.random_cohesion, 2)} random"
    for name, value, chance in (
        ("features", count(row.n_features), ""),
        ("cohesion", number(row.cohesion, 2), permuted),
        *([("", "", random)] if row.random_cohesion is not None else []),
        ("separation", number(row.separation, 2), ""),
        ("stability", number(row.stability, 2), ""),
        ("dimension", number(row.intrinsic_dimension, 2), ""),
        ("of activation", share(row.activation_share), ""),
        ("of the FVU", share(row.fvu_share), ""),
    ):
        lines.append(
            Content.assemble(
                (fit(name, NAME), "$muted"),
                (fit(value, HERE, "right"), "bold"),
                (fit(f"  {chance}", width - NAME - HERE), "$muted"),
            )
        )
    return lines


def _tokens(row: Cluster, width: int) -> list[Content]:
    """The tokens that its features share, in two lines at most."""
    lines = _wrap(tokens(row.tokens), width - NAME)[:2] or ["none in common"]
    return [
        Content.assemble(
            (fit("" if at else "shared tokens", NAME), "$muted"),
            (fit(f" {line}", width - NAME), "$accent"),
        )
        for at, line in enumerate(lines)
    ]


def _plane(plane: Geometry, width: int) -> list[Content]:
    """The plane's figures beside their nulls."""
    style = "$success" if plane.irreducible else "$muted"
    sign = "●" if plane.irreducible else "○"
    said = _wrap(f"{sign} {plane.title}: {plane.says}", width)
    lines = [Content.styled(line, style) for line in said]
    for name, value, chance in (
        ("separability", number(plane.separability, 2), number(plane.null_separability, 2)),
        ("mixture", number(plane.mixture, 2), number(plane.null_mixture, 2)),
        ("variance", share(plane.variance), ""),
    ):
        after = f"  {chance} shuffled" if chance else f"  on {count(plane.n)} tokens"
        lines.append(
            Content.assemble(
                (fit(name, NAME), "$muted"),
                (fit(value, HERE, "right"), "bold"),
                (fit(after, width - NAME - HERE), "$muted"),
            )
        )
    return lines
