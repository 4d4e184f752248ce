"""What a node is: its effect with its interval, how stable it is, where it fires; for the metric,
what the whole search found.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from saetui import queries_circuits as queries
from saetui.circuits.records import METRIC, Edge, Example, Node, Whole, kind_of
from saetui.circuits.text import interval, measured_among, said_of, score, signed
from saetui.links import Named
from saetui.text import inert
from saetui.widgets.drawing import count, duration, fit, share
from saetui.widgets.pane import Pane

NAME, VALUE = 11, 8
"""Cells of a figure's name, and of its value."""

WHAT = {
    "feature": "a feature of its dictionary",
    "cluster": "a cluster of features, ablated together",
    "shuffled": "as many features as a cluster has, dealt at random: a control",
    "error": "what its dictionary misses: activation minus reconstruction",
    "head": "an attention head",
    "MLP": "an MLP",
    "neuron": "a coordinate of the activation",
    "embed": "the tokens' embeddings: where the circuit begins",
    "node": "a node",
}

Figure = tuple[str, str, str]
"""Name, value, and what is said beside it."""


class NodePane(Pane):
    """The page of the node under the tree's cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "its page", id="node.open", key_display="↵"),
    ]

    class Opened(Message):
        """The user wants the page that the node has elsewhere."""

    def __init__(self) -> None:
        super().__init__(id="circuits-node", classes="pane")
        self.whole: Whole | None = None
        self.node: Node | None = None
        self.id_shown = ""
        self.name_shown = ""
        self.example: Example | None = None
        self.edges: tuple[Sequence[Edge], Sequence[Edge]] = ((), ())
        self.measured = 0
        """Among how many nodes, the first by rank, edges were measured."""
        self.missing = ""
        """What to say where there is nothing."""

    def show_node(
        self,
        whole: Whole,
        identity: str,
        node: Node | None,
        name: str,
        edges: tuple[Sequence[Edge], Sequence[Edge]],
        example: Example | None,
        measured: int = 0,
    ) -> None:
        """Shows another node, with its edges in and out among those taken in; edges were `measured`
        among as many nodes, the first by rank.
        """
        self.whole, self.id_shown, self.name_shown = whole, identity, name
        self.node = node
        self.edges, self.example, self.measured = edges, example, measured
        root = identity == METRIC
        self.entitle(whole.about.circuit if root else name, whole.about.task if root else "")
        self.refresh()
        self.refresh_bindings()

    def say(self, sentence: str) -> None:
        """Says why there is nothing to show."""
        self.whole, self.node, self.id_shown, self.missing = None, None, "", sentence
        self.entitle("Node")
        self.refresh()

    def copied(self) -> tuple[str, str] | None:
        """The node's id."""
        return (self.id_shown, "node id") if self.id_shown else None

    def named(self) -> Sequence[Named]:
        """What the circuit was searched with."""
        return self.whole.about.named if self.whole else ()

    def sql(self) -> str | None:
        """The query behind the pane."""
        if self.whole is None:
            return None
        name = self.whole.about.circuit
        return queries.circuit(name) if self.node is None else queries.node(name, self.id_shown)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Features and clusters have pages elsewhere; the circuit names others."""
        if action == "open":
            here = self.node is not None and self.node.link is not None
            return here or (self.whole is not None and self.id_shown == METRIC)
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """Goes to the feature or the cluster; from the metric to what the circuit names."""
        if self.id_shown == METRIC:
            self.action_named()
        else:
            self.post_message(self.Opened())

    # Drawing

    def render(self) -> Content:
        """All of it."""
        width = self.size.width - 2
        if self.whole is None:
            lines = [Content(""), *_wrapped(self.missing, width, "$muted")]
        elif self.node is None:
            lines = self._search(width) if self.id_shown == METRIC else self._tokens(width)
        else:
            lines = self._node(self.node, width)
        return Content("\n").join(
            Content.assemble(" ", line) for line in lines[: max(1, self.size.height)]
        )

    def _tokens(self, width: int) -> list[Content]:
        return _wrapped(WHAT.get(kind_of(self.id_shown), WHAT["node"]), width, "$muted")

    def _node(self, node: Node, width: int) -> list[Content]:
        assert self.whole is not None
        lines = [Content.styled(fit(node.label, width), "bold")] if node.label else []
        lines += _wrapped(WHAT[node.kind], width, "$muted")
        into, out = self.edges
        metric, many = self.whole.about.metric, self.whole.n_ranked
        figures: list[Figure] = [
            ("effect", signed(node.effect), interval(node.low, node.high) and
             f"95% {interval(node.low, node.high)}"),
            ("measured", signed(node.exact), "ablated alone") if node.exact is not None
            else ("measured", "·", "estimated only"),
            ("stable", share(node.stability), "of bootstrap samples"),
            ("rank", count(node.rank + 1), f"of {many:,} ranked"),
            ("stands at", node.component or "·", node.stands_on),
            ("edges", str(len(into) + len(out)), f"{len(into)} in, {len(out)} out"),
        ]  # fmt: skip
        figures[0] = (*figures[0][:2], figures[0][2] or f"of {metric}")
        unmeasured = measured_among(self.measured, node.rank + 1)
        if unmeasured:
            figures[-1] = ("edges", "·", "not measured")
        lines += _figures(figures, width)
        lines += _wrapped(unmeasured, width, "$muted")
        if self.example is not None:
            lines.append(Content(""))
            lines.append(Content.styled(fit("fires most on", width), "$faint"))
            lines += _example(self.example, width)
        return lines

    def _search(self, width: int) -> list[Content]:
        """What the search was asked and found."""
        assert self.whole is not None
        about = self.whole.about
        lines = _wrapped(said_of(about), width, "bold")
        if about.baseline:
            lines += _wrapped("a baseline: what every search is held against", width, "$warning")
        figures: list[Figure] = [
            ("CMD", score(about.cmd), _interval(about.cmd_low, about.cmd_high, "less is better")),
            ("CPR", score(about.cpr), _interval(about.cpr_low, about.cpr_high, "more is better")),
            *([("log CMD", score(about.cmd_log), "the same with sizes on a logarithmic axis")]
              if about.cmd_log is not None else []),
            ("80% at", count(about.nodes_for_80), f"nodes of {about.n_nodes:,}"),
            ("passes", count(about.passes),
             f"{count(about.forward_passes)} forward, {count(about.backward_passes)} back"),
            ("time", duration(about.seconds), f"on {about.n_search} prompts"),
        ]  # fmt: skip
        if about.node_auc is not None:
            figures.append(("AUC", score(about.node_auc), f"edges {score(about.edge_auc)}"))
        if about.transfer:
            figures.append(("elsewhere", score(about.transfer_cmd), f"CMD on {about.transfer}"))
        if about.dictionaries:
            figures.append(("spliced in", str(len(about.dictionaries)), "dictionaries"))
        lines += _figures(figures, width)
        return lines + _wrapped(self.whole.unread, width, "$warning")


def _interval(low: float | None, high: float | None, otherwise: str) -> str:
    around = interval(low, high, score)
    return f"({around}) {otherwise}" if around else otherwise


def _figures(figures: Sequence[Figure], width: int) -> list[Content]:
    wide = max(VALUE, *(min(16, len(value)) for _, value, _ in figures))
    return [
        Content.assemble(
            (fit(name, NAME), "$muted"),
            (fit(value, wide, "right"), "bold"),
            (fit(f"  {beside}", max(0, width - NAME - wide)), "$muted"),
        )
        for name, value, beside in figures
    ]


def _example(example: Example, width: int) -> list[Content]:
    """The context in two lines at most, the token between signs."""
    text = inert(example.within(2 * width - 8).replace("\n", "↵"))
    at = text.find(inert(example.token))
    lines = []
    for piece in textwrap.wrap(text, max(8, width))[:2]:
        begin = text.find(piece)
        end = at + len(example.token)
        cut = max(0, min(len(piece), at - begin)), max(0, min(len(piece), end - begin))
        lines.append(
            Content.assemble(
                (piece[: cut[0]], "$muted"),
                (piece[cut[0] : cut[1]], "bold $accent"),
                (piece[cut[1] :], "$muted"),
            )
        )
    return lines


def _wrapped(text: str, width: int, style: str) -> list[Content]:
    return [Content.styled(line, style) for line in textwrap.wrap(inert(text), max(8, width))]
