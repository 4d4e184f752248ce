"""Circuits, nodes, edges and curves as rows with names, and what kinds of nodes there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from saetui.links import Named, named, to

BASELINES = ("activation", "random")
"""Methods that a search is held against."""

METRIC = "logits"
"""The node that all edges lead to in the end: the metric."""

_WHERE = re.compile(r"@(\d+|[A-Za-z][A-Za-z0-9_-]*)$")
_HEAD = re.compile(r"^L\d+\.H\d+$")
_MLP = re.compile(r"^L\d+\.mlp$")
_NEURON = re.compile(r"^(L\d+\.\w+(?:\.H\d+)?)#(\d+)$")
_LAYER = re.compile(r"^L(\d+)\.(\w+)")

_ORDER = (
    "resid_pre",
    "attn_in",
    "z",
    "H",
    "attn",
    "attn_out",
    "resid_mid",
    "mlp_in",
    "mlp",
    "mlp_out",
)
"""Where sites stand within a layer, first to last; what is not here comes last."""


class Circuit(NamedTuple):
    """A row of `saetui.queries_circuits.circuits`: a search, its scores, its cost."""

    circuit: str
    task: str
    model: str
    method: str
    nodes: str
    metric: str
    ablation: str
    errors: str
    per_position: bool
    dictionaries: list[str]
    n_nodes: int
    cmd: float
    cmd_low: float | None
    cmd_high: float | None
    cpr: float
    cpr_low: float | None
    cpr_high: float | None
    nodes_for_80: int | None
    forward_passes: int
    backward_passes: int
    passes: int
    seconds: float
    n_search: int
    n_held_out: int
    accuracy: float
    clean_score: float
    corrupt_score: float
    node_auc: float | None
    edge_auc: float | None
    transfer: str | None
    transfer_cmd: float | None
    seed: int
    created_at: Any
    cmd_log: float | None = None
    cpr_log: float | None = None
    edges_among: int | None = None
    spans: list[str] | None = None

    @property
    def named(self) -> list[Named]:
        """The job that searched it, its model and the dictionaries spliced in."""
        searched = Named(self.circuit, "the job that searched it", to("job", self.circuit))
        dictionaries = named("dictionary", *self.dictionaries)
        return [searched, *named("model", self.model), *dictionaries]

    @property
    def baseline(self) -> bool:
        """Whether it is what searches are held against."""
        return self.method in BASELINES

    @property
    def level(self) -> tuple[Any, ...]:
        """What circuits must have in common to stand on the same axes."""
        return (
            *(self.task, self.model, self.metric, self.nodes, self.ablation, self.errors),
            self.where,
        )

    @property
    def chosen_from(self) -> str:
        """What its nodes are."""
        return f"{self.nodes} by {self.where}" if self.where else self.nodes

    @property
    def where(self) -> str:
        """What nodes are of, beside being somewhere in the model: a position, a span; else ""."""
        return "span" if self.spans else "position" if self.per_position else ""

    @property
    def called(self) -> str:
        """Its method; a baseline is called one."""
        return f"{self.method} (baseline)" if self.baseline else self.method


class Node(NamedTuple):
    """A row of `saetui.queries_circuits.nodes`."""

    node: str
    dictionary: str | None
    feature: int | None
    component: str | None
    position: int | None
    effect: float
    rank: int
    exact: float | None
    low: float | None
    high: float | None
    stability: float | None
    label: str | None
    span: str | None = None

    @property
    def stands_on(self) -> str:
        """What part of the prompt it is of, in words; empty where it is of all."""
        if self.span is not None:
            return f"span {self.span}"
        return "" if self.position is None else f"token {self.position}"

    @property
    def kind(self) -> str:
        """feature, cluster, shuffled, error, head, MLP, neuron, or embed."""
        return "feature" if self.feature is not None else kind_of(self.node)

    @property
    def link(self) -> tuple[str, str] | None:
        """View and target of the page it has elsewhere."""
        if self.dictionary is not None and self.feature is not None:
            return "features", f"{self.dictionary}#{self.feature}"
        return ("manifolds", bare(self.node)) if self.kind == "cluster" else None


class Edge(NamedTuple):
    """A row of `saetui.queries_circuits.edges`."""

    source: str
    target: str
    effect: float
    rank: int
    stability: float | None


class Point(NamedTuple):
    """A row of `saetui.queries_circuits.curves`."""

    circuit: str
    n_nodes: int
    n_edges: int
    faithfulness: float
    completeness: float
    faithfulness_low: float | None
    faithfulness_high: float | None
    completeness_low: float | None
    completeness_high: float | None


class Example(NamedTuple):
    """A row of `saetui.queries_circuits.examples`: where a feature fires most."""

    dictionary: str
    feature: int
    activation: float
    before: str | None
    peak: str | None
    after: str | None

    @property
    def token(self) -> str:
        """The token between signs."""
        return f"«{(self.peak or '').strip(' ') or '␣'}»"

    def within(self, width: int) -> str:
        """The token with what stands around it, in about `width` characters."""
        before, after = self.before or "", self.after or ""
        space = " " if (self.peak or "").startswith(" ") else ""
        room = max(0, width - len(self.token) - len(space))
        left = min(len(before), max(room // 3, room - len(after)))
        head = before[len(before) - left :]
        if len(head) < len(before) and head:
            head = "…" + head[1:]
        return f"{head}{space}{self.token}{after[: room - left]}".lstrip()


class Whole(NamedTuple):
    """A circuit with all that is known of it."""

    about: Circuit
    nodes: Sequence[Node]
    """By rank."""
    edges: Sequence[Edge]
    """The strongest first."""
    curve: Sequence[Point]
    """On held-out prompts, the smallest size first."""
    n_ranked: int = 0
    """How many nodes the search ranked; those beyond `nodes` were not read."""
    n_edges: int = 0
    """How many edges it has; those beyond `edges` were not read."""

    @property
    def unread(self) -> str:
        """What was not read, in words; empty where everything was."""
        said = []
        if len(self.nodes) < self.n_ranked:
            said.append(f"the first {len(self.nodes):,} of {self.n_ranked:,} ranked nodes")
        if len(self.edges) < self.n_edges:
            said.append(f"the strongest {len(self.edges):,} of {self.n_edges:,} edges")
        return f"read: {', '.join(said)}" if said else ""

    @property
    def sizes(self) -> list[int]:
        """Sizes that were scored, and whose nodes are known; without scores, all that is known."""
        most = len(self.nodes)
        found = sorted({point.n_nodes for point in self.curve if 0 < point.n_nodes <= most})
        return found or ([len(self.nodes)] if self.nodes else [])

    def point(self, size: int) -> Point | None:
        """The scores at `size`."""
        return next((point for point in self.curve if point.n_nodes == size), None)

    def first_size(self) -> int:
        """The size to begin with: the least that reaches faithfulness .8, else about twenty."""
        wanted = self.about.nodes_for_80 or 20
        return next((size for size in self.sizes if size >= wanted), max(self.sizes, default=0))

    def nearest_size(self, wanted: int) -> int:
        """The size that was scored nearest to `wanted`."""
        return min(self.sizes, key=lambda size: (abs(size - wanted), size), default=wanted)


def bare(node: str) -> str:
    """A node's id without its position or span."""
    return _WHERE.sub("", node)


def where_of(node: str) -> str | None:
    """The position or span in a node's id."""
    found = _WHERE.search(node)
    return found[1] if found else None


def kind_of(node: str) -> str:
    """What a node is, by its id alone: features and clusters are told apart by ``/``."""
    name = bare(node)
    if name in ("embed", METRIC):
        return name
    for kind, pattern in (("head", _HEAD), ("MLP", _MLP), ("neuron", _NEURON)):
        if pattern.match(name):
            return kind
    before, _, last = name.rpartition("#")
    if last == "error":
        return "error"
    if last.isdecimal():
        grouped = "shuffled" if before.startswith("shuffled ") else "cluster"
        return "feature" if "/" in before else grouped
    return "node"


def depth_of(component: str | None) -> tuple[int, int] | None:
    """Where a component stands in the model: layer, and place in the layer; None: unknown."""
    if component == "embed":
        return (-1, 0)
    found = _LAYER.match(component or "")
    if not found:
        return None
    site = "H" if re.fullmatch(r"H\d+", found[2]) else found[2]
    return int(found[1]), _ORDER.index(site) if site in _ORDER else len(_ORDER)


def features_of(nodes: Iterable[Node]) -> dict[str, list[int]]:
    """Dictionary → the features among `nodes`."""
    found: dict[str, list[int]] = {}
    for node in nodes:
        if node.dictionary is not None and node.feature is not None:
            found.setdefault(node.dictionary, []).append(node.feature)
    return found
