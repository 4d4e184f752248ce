"""What an ablation may change, as columns side by side: features of dictionaries, heads and MLPs,
and the metric.

    feature          mean over positions of f_t, in its own units
    head or MLP      share of what it gives that is gone: Σ_p (z_p − z′_p)·z_p / Σ_p ‖z_p‖², z its
                     clean output, z′ the ablated one; position 0, where attention sinks stand,
                     is left out
    metric           as the inputs say (`jobs.causal.inputs`)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.causal.basis import Features, Site
from jobs.dictionary.base import Dictionary
from jobs.names import Hook

KINDS = ("features", "components", "metric")
"""Kinds of targets: each has null effects and false discoveries of its own."""
_CELLS = 1 << 24
"""Pre-activations held at once."""


class Family(NamedTuple):
    """Columns of one scale."""

    kind: str
    """One of `KINDS`."""
    start: int
    stop: int
    dictionary: str | None = None
    """Of features."""
    names: tuple[str, ...] = ()
    """Of heads and MLPs."""


class Rows(NamedTuple):
    """A batch of ablated documents, each beside the same document as it is."""

    clean: Int64[Tensor, " b"]
    """The batch row of the clean document of every row; its own for clean ones."""
    ablated: Int64[Tensor, " a"]
    """Rows that are ablated."""
    later: Bool[Tensor, "b t"]
    """Positions that count; for a clean row all that any of its ablated rows counts."""


class Targets:
    """All that lies behind one hook."""

    def __init__(
        self, sites: Sequence[Site], components: Sequence[Site], n_heads: int, metric: bool = True
    ) -> None:
        """`sites` hold dictionaries, `components` the outputs of heads (`z`) and MLPs."""
        self.sites, self.components, self.n_heads = list(sites), list(components), n_heads
        self.families: list[Family] = []
        self.n = 0
        for site in self.sites:
            self._add("features", site.basis.width, dictionary=site.name)
        for site in self.components:
            names = _names(site.hook, n_heads)
            self._add("components", len(names), names=names)
        if metric:
            self._add("metric", 1)

    def _add(self, kind: str, width: int, **about: object) -> None:
        self.families.append(Family(kind, self.n, self.n + width, **about))  # type: ignore[arg-type]
        self.n += width

    @property
    def hooks(self) -> list[Hook]:
        """What must be read for them."""
        every = [site.read_at for site in self.sites] + [site.hook for site in self.components]
        return list(dict.fromkeys(every))

    @torch.no_grad()
    def change(self, rows: Rows, seen: dict[Hook, Tensor]) -> Float[Tensor, "a n"]:
        """Clean minus ablated of every column but the metric's (zero), from the activations [b, t,
        d] that were `seen` at the hooks.
        """
        found = rows.later.new_zeros((len(rows.ablated), self.n), dtype=torch.float32)
        families = iter(self.families)
        for site in self.sites:
            family = next(families)
            found[:, family.start : family.stop] = of_features(site, rows, seen[site.read_at])
        for site in self.components:
            family = next(families)
            heads = self.n_heads if site.hook.site == "z" else 1
            found[:, family.start : family.stop] = of_outputs(rows, seen[site.hook], heads)
        return found


def _names(hook: Hook, n_heads: int) -> tuple[str, ...]:
    if hook.site == "z":
        return tuple(f"L{hook.layer}.H{head}" for head in range(n_heads))
    return (f"L{hook.layer}.mlp",)


def of_features(site: Site, rows: Rows, x: Float[Tensor, "b t d"]) -> Float[Tensor, "a m"]:
    """Mean over the positions that count of f(clean) − f(ablated); positions whose clean
    activation is massive do not count.

    Only codes are ever held, and of one batch. Sums are in float64, where equal codes cancel to
    nothing at all.
    """
    assert isinstance(site.basis, Features)
    later, usual = rows.later, site.usual(x)
    if usual is not None:
        later = later & usual[rows.clean]
    entries = _entries(site.basis.dictionary, x, later)
    found = x.new_zeros((len(rows.ablated), site.basis.width), dtype=torch.float64)
    for place, row in enumerate(rows.ablated.tolist()):
        n = int(later[row].sum())
        for sign, at in ((1.0, int(rows.clean[row])), (-1.0, row)):
            own = slice(*entries.starts[at : at + 2])
            counted = later[row][entries.position[own]]
            feature, value = entries.feature[own][counted], entries.value[own][counted]
            found[place].index_add_(0, feature, value, alpha=sign)
        found[place] /= max(n, 1)
    return found.float()


class _Entries(NamedTuple):
    """The codes of a batch, row by row."""

    position: Int64[Tensor, " e"]
    feature: Int64[Tensor, " e"]
    value: Float[Tensor, " e"]
    starts: list[int]
    """Where the entries of each row start, and where all end."""


def _entries(
    dictionary: Dictionary, x: Float[Tensor, "b t d"], later: Bool[Tensor, "b t"]
) -> _Entries:
    row, position = later.nonzero(as_tuple=True)
    parts = [
        (dictionary.sparse(x[row[some], position[some]].float()), some)
        for some in torch.arange(len(row), device=x.device).split(_CELLS // dictionary.d_sae + 1)
    ]
    at = torch.cat([some[code.rows()] for code, some in parts]) if parts else row
    counts = torch.bincount(row[at], minlength=len(x)).cumsum(0).tolist()
    none = x.new_zeros(0)
    return _Entries(
        position[at],
        torch.cat([none.long(), *(code.indices for code, _ in parts)]),
        torch.cat([none.double(), *(code.values.double() for code, _ in parts)]),
        [0, *counts],
    )


def of_outputs(rows: Rows, z: Float[Tensor, "b t d"], heads: int) -> Float[Tensor, "a heads"]:
    """Share of each head's output that is gone, heads lying one after another in `z`."""
    later = rows.later[rows.ablated].clone()
    if later.shape[1] > 1:
        later[:, 0] = False
    each = z.float().unflatten(-1, (heads, -1))
    clean = each[rows.clean[rows.ablated]] * later[..., None, None]
    gone = ((clean - each[rows.ablated]) * clean).sum((1, 3))
    return gone / clean.square().sum((1, 3)).clamp_min(1e-30)
