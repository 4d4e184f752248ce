"""The nodes that a circuit is chosen from: what each is called, and which coordinates are its own.

A node is a set of coordinates of the spliced sites: a feature one, a head as many as it has
dimensions, a cluster those of its features. Where circuits are per position there is one of each
at every position; node i is base node ``i % n_base`` at position ``i // n_base``. Where they are by
span, a position is a named part of the prompt, of several tokens maybe, and prompts say which
tokens are of it (`jobs.causal.prompts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import one_hot

from jobs.causal.basis import Site
from jobs.names import Hook

KEPT, ABLATED = -1, -2
"""In place of a base node: coordinates that are never ablated, and those that always are."""


class Base(NamedTuple):
    """A node, whatever its position."""

    name: str
    """``L0.H3``, ``L0.mlp``, ``<dictionary>#7``, ``<dictionary>#error``, ``<run>#3``, or
    ``L0.mlp_out#7`` for a neuron."""
    component: str
    """Where it stands: ``L0.H3``, ``L0.mlp``, ``L12.resid_post``."""
    order: int
    """Sites in the order of the model; a node can only act on those of a later one."""
    dictionary: str | None = None
    """Of a feature."""
    feature: int | None = None
    """Of a feature."""


class Nodes(NamedTuple):
    """Everything that can be in a circuit or not."""

    bases: Sequence[Base]
    """Base nodes, those of earlier sites first."""
    owners: tuple[Int64[Tensor, " width"], ...]
    """For each site the base node of every coordinate (or `KEPT`, `ABLATED`), that of the error
    last where there is one."""
    positions: int = 1
    """How many positions are told apart; 1: none."""
    spans: tuple[str, ...] = ()
    """Names of the positions, where they are spans."""

    @property
    def n(self) -> int:
        """How many nodes."""
        return self.positions * len(self.bases)

    def base(self, node: int) -> Base:
        """What node `node` is, whatever its position."""
        return self.bases[node % len(self.bases)]

    def position(self, node: int) -> int | None:
        """The position of node `node`; None where positions are not told apart."""
        apart = self.positions > 1 or self.spans
        return node // len(self.bases) if apart else None

    def span(self, node: int) -> str | None:
        """The span of node `node`; None where nodes are of none."""
        return self.spans[node // len(self.bases)] if self.spans else None

    def name(self, node: int) -> str:
        """Its name in tables: the position or span follows behind ``@``."""
        at = self.span(node) or self.position(node)
        return self.base(node).name + ("" if at is None else f"@{at}")

    def orders(self) -> Int64[Tensor, " n"]:
        """The order of every node's site."""
        return torch.tensor([base.order for base in self.bases]).repeat(self.positions)

    def gates_of(
        self,
        site: int,
        gates: Float[Tensor, "b_or_1 n"],
        length: int,
        spans: Int64[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, "b_or_1 t width"]:
        """Gates of every coordinate of a site; t is `length` where positions are told apart, 1
        otherwise. `spans` are those of the tokens, where nodes are of spans.
        """
        fixed = gates.new_tensor([0.0, 1.0]).expand(len(gates), self.positions, 2)  # −2, −1
        own = gates.view(len(gates), self.positions, len(self.bases))
        if self.positions > 1 and not self.spans:
            own, fixed = own[:, :length], fixed[:, :length]
        owner = self.owners[site].to(gates.device) % (len(self.bases) + 2)
        found = torch.cat([own, fixed], -1)[..., owner]
        return self._of_tokens(spans, found) @ found if self.spans else found

    def gather(
        self,
        site: int,
        value: Float[Tensor, "b t width"],
        spans: Int64[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, "b n"]:
        """Of a value for every coordinate and position of a site, the sum for each node: what
        `gates_of` spreads out is put together again. Columns beyond the site's own are left out.
        """
        owner = self.owners[site].to(value.device)
        own, n = (owner >= 0).nonzero()[:, 0], len(self.bases)
        wide = value[..., own]
        if self.spans:
            wide = self._of_tokens(spans, wide).mT @ wide
        elif self.positions == 1:
            wide = wide.sum(1, keepdim=True)
        found = value.new_zeros(len(value), self.positions, n)
        index = owner[own].expand_as(wide)
        found[:, : wide.shape[1]].scatter_add_(2, index, wide)
        return found.view(len(value), -1)

    def _of_tokens(
        self, spans: Int64[Tensor, "b t"] | None, like: Tensor
    ) -> Float[Tensor, "b t positions"]:
        """1 where a token is of a span. A product with it sums in an order of its own, whatever
        the number of threads; adding at indices would not.
        """
        assert spans is not None, "prompts say which spans their tokens are of"
        return one_hot(spans, self.positions).to(like)


def features(
    sites: Sequence[Site],
    *,
    errors: str = "nodes",
    positions: int = 1,
    spans: tuple[str, ...] = (),
) -> Nodes:
    """A node a feature; error terms are ``nodes`` too, or always ``kept`` or ``ablated``."""
    bases: list[Base] = []
    owners = []
    for order, site in enumerate(sites):
        start, width, place = len(bases), site.basis.width, site.hook.label
        name = site.name or place
        bases += [Base(f"{name}#{i}", place, order, name, i) for i in range(width)]
        own = torch.arange(start, start + width)
        if site.basis.leaves_error:
            fixed = {"kept": KEPT, "ablated": ABLATED}
            own = torch.cat([own, torch.tensor([fixed.get(errors, len(bases))])])
            if errors not in fixed:
                bases.append(Base(f"{name}#error", place, order))
        owners.append(own)
    return Nodes(bases, tuple(owners), len(spans) or positions, spans)


def neurons(sites: Sequence[Site], *, positions: int = 1, spans: tuple[str, ...] = ()) -> Nodes:
    """A node a coordinate of the activation itself."""
    bases: list[Base] = []
    owners = []
    for order, site in enumerate(sites):
        place = site.hook.label
        owners.append(torch.arange(len(bases), len(bases) + site.basis.width))
        bases += [Base(f"{place}#{i}", place, order) for i in range(site.basis.width)]
    return Nodes(bases, tuple(owners), len(spans) or positions, spans)


def components(
    sites: Sequence[Site], n_heads: int, *, positions: int = 1, spans: tuple[str, ...] = ()
) -> Nodes:
    """A node a head of every site `z`, and one a site for all others (an MLP)."""
    bases: list[Base] = []
    owners = []
    for order, site in enumerate(sites):
        width, hook = site.basis.width, site.hook
        names = _component_names(hook, n_heads)
        each = torch.arange(width) // (width // len(names))
        owners.append(each + len(bases))
        bases += [Base(name, name, order) for name in names]
    return Nodes(bases, tuple(owners), len(spans) or positions, spans)


def _component_names(hook: Hook, n_heads: int) -> list[str]:
    if hook.site == "z":
        return [f"L{hook.layer}.H{head}" for head in range(n_heads)]
    return [f"L{hook.layer}.mlp" if hook.site == "mlp_out" else hook.label]


def grouped(
    nodes: Nodes, label: Int64[Tensor, " n_base"], names: Sequence[str]
) -> tuple[Nodes, Int64[Tensor, " n"]]:
    """Nodes that hold several: base node i goes to group ``label[i]``, called ``names[label[i]]``.

    Returns the coarse nodes, and for every fine node its coarse one: gates of coarse nodes are
    ``coarse[:, of]`` for fine ones. A group stands at the earliest of its sites.
    """
    order = torch.full((len(names),), 1 << 30)
    fine = torch.tensor([base.order for base in nodes.bases])
    order.scatter_reduce_(0, label, fine, "amin")
    place = {int(o): nodes.bases[int((fine == o).nonzero()[0, 0])].component for o in fine.unique()}
    bases = [Base(name, place[int(o)], int(o)) for name, o in zip(names, order, strict=True)]
    alone = {base.name: base for base in nodes.bases}
    bases = [alone.get(base.name, base) for base in bases]  # a group of one is what it was
    owners = tuple(torch.where(own < 0, own, label[own.clamp_min(0)]) for own in nodes.owners)
    steps = torch.arange(nodes.positions)[:, None] * len(names)
    return Nodes(bases, owners, nodes.positions, nodes.spans), (label[None] + steps).flatten()
