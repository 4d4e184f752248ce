"""What stands in for a coordinate that is ablated: zero, its mean, or its value on another prompt.

Conclusions flip between the three (METHODS §2), so each is offered and none is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import one_hot

from jobs.causal.basis import Axes, Basis, Site
from jobs.causal.prompts import Prompts
from jobs.dictionary.code import SparseCode, from_mask, joined
from jobs.model import LanguageModel
from jobs.names import Hook
from store.errors import AskedWrongly

_BATCH = 32
"""Prompts of one forward pass."""


class Value(NamedTuple):
    """Ablated values at a site for some prompts; each may be broadcast over prompts or tokens."""

    f: Float[Tensor, "b t m"]
    """Of the coordinates."""
    y: Float[Tensor, "b t d"]
    """Of all that is at the hook: f·W + b and the error."""


class Reference(Protocol):
    """Where ablated values come from."""

    def at(self, site: int, rows: Int64[Tensor, " b"], length: int) -> Value:
        """Those of a site for the prompts at `rows`, their first `length` tokens."""


class Zero(NamedTuple):
    """Nothing: f = 0, ε = 0. What is constant in the reconstruction (b_dec) stays."""

    sites: Sequence[Site]
    device: torch.device

    def at(self, site: int, rows: Int64[Tensor, " b"], length: int) -> Value:
        """Zeros, and the constant."""
        nothing = torch.zeros(1, 1, 1, device=self.device)
        return Value(nothing, nothing + self.sites[site].basis.constant)


class Mean(NamedTuple):
    """The mean over prompts, clean and corrupt; at each position where all have one length."""

    values: tuple[Value, ...]
    """[1, t or 1, ·] for each site."""

    def at(self, site: int, rows: Int64[Tensor, " b"], length: int) -> Value:
        """The same for every prompt."""
        f, y = self.values[site]
        return Value(f[:, :length], y[:, :length])


class MeanBySpan(NamedTuple):
    """The mean over the tokens of a span, clean and corrupt."""

    values: tuple[Value, ...]
    """[spans, ·] for each site."""
    spans: Int64[Tensor, "n t"]
    """Of every token of the prompts."""

    def at(self, site: int, rows: Int64[Tensor, " b"], length: int) -> Value:
        """At each token that of its span."""
        f, y = self.values[site]
        own = self.spans[rows, :length]
        return Value(f[own], y[own])


class Resample(NamedTuple):
    """The value on the corrupt prompt at the same position."""

    codes: tuple[Codes | None, ...]
    """What each site reads on the corrupt prompts, as its coordinates; None where those are the
    activation itself."""
    written: tuple[Float[Tensor, "n t d_out"], ...]
    """What is at each site's hook on them."""

    def at(self, site: int, rows: Int64[Tensor, " b"], length: int) -> Value:
        """Those of the very prompts."""
        y, code = self.written[site][rows, :length].float(), self.codes[site]
        return Value(y if code is None else code.at(rows, length), y)


class Codes(NamedTuple):
    """Coordinates of every prompt: sparse, since dense ones of all would not fit."""

    code: SparseCode
    """Of n · t positions."""
    length: int
    """t."""
    width: int
    """Coordinates, m."""

    @classmethod
    @torch.no_grad()
    def of(cls, basis: Basis, x: Float[Tensor, "n t d"]) -> Codes:
        """Of what is read."""
        parts = [basis.encode(some.float()).flatten(0, 1) for some in x.split(_BATCH)]
        return cls(joined([from_mask(f, f != 0) for f in parts]), x.shape[1], basis.width)

    def at(self, rows: Int64[Tensor, " b"], length: int) -> Float[Tensor, "b t m"]:
        """Dense, of the prompts at `rows`, their first `length` tokens."""
        places = rows[:, None] * self.length + torch.arange(length, device=rows.device)
        return self.code.take(places.flatten()).dense(self.width).view(len(rows), length, -1)


def reference(
    name: str, model: LanguageModel, sites: Sequence[Site], prompts: Prompts
) -> Reference:
    """``zero``, ``mean`` or ``resample``; raises AskedWrongly where the prompts do not allow it."""
    if name == "zero":
        return Zero(sites, model.device)
    if name == "mean":
        return _mean(model, sites, prompts)
    if name != "resample":
        raise AskedWrongly(f"No ablation is called {name!r}; there are zero, mean and resample.")
    if prompts.corrupt is None:
        raise AskedWrongly(
            "ablation=resample takes values from corrupt prompts, and this task has none; "
            "ask for ablation=mean or zero."
        )
    at = _activations(model, sites, prompts.corrupt)
    codes = tuple(
        None if _plain(site) else Codes.of(site.basis, at[site.read_at]) for site in sites
    )
    return Resample(codes, tuple(at[site.hook] for site in sites))


def _plain(site: Site) -> bool:
    """Whether coordinates are those of the activation at its own hook."""
    return isinstance(site.basis, Axes) and site.reads is None


def _activations(
    model: LanguageModel, sites: Sequence[Site], tokens: Int64[Tensor, "n t"]
) -> dict[Hook, Float[Tensor, "n t d"]]:
    hooks = list(dict.fromkeys(hook for site in sites for hook in (site.hook, site.read_at)))
    parts = [model.activations(batch, hooks) for batch in tokens.split(_BATCH)]
    # A tensor made in inference mode can take no part in a gradient: clone it outside.
    return {hook: torch.cat([part[hook].clone() for part in parts]) for hook in hooks}


@torch.no_grad()
def _mean(model: LanguageModel, sites: Sequence[Site], prompts: Prompts) -> Mean | MeanBySpan:
    """By span where prompts tell spans, by position where they are of one length."""
    texts = [prompts.clean] + ([] if prompts.corrupt is None else [prompts.corrupt])
    t, spans = prompts.clean.shape[1], prompts.spans
    mask = (torch.arange(t)[None] < prompts.length[:, None].cpu()).to(model.device)
    of = None if spans is None else one_hot(spans).float() * mask[..., None]
    sums: list[list[Tensor]] = [[] for _ in sites]
    for tokens in texts:
        for rows in torch.arange(len(tokens)).split(_BATCH):
            at = _activations(model, sites, tokens[rows])
            for total, site in zip(sums, sites, strict=True):
                f, y = site.basis.encode(at[site.read_at].float()), at[site.hook].float()
                if of is None:
                    some = [_sum(value, mask[rows], prompts.aligned) for value in (f, y)]
                else:  # [spans, ·]
                    some = [(of[rows].mT @ value).sum(0) for value in (f, y)]
                total[:] = [a + b for a, b in zip(total, some, strict=True)] if total else some
    if spans is not None and of is not None:
        each = len(texts) * of.sum((0, 1)).clamp_min(1)[:, None]
        by_span = tuple(Value(*(value / each for value in total)) for total in sums)
        return MeanBySpan(by_span, spans)
    count = len(texts) * (prompts.n if prompts.aligned else int(mask.sum()))
    return Mean(tuple(Value(*(value / count for value in total)) for total in sums))


def _sum(
    value: Float[Tensor, "b t m"], mask: Bool[Tensor, "b t"], aligned: bool
) -> Float[Tensor, "1 t_or_1 m"]:
    if aligned:
        return value.sum(0, keepdim=True)
    return value[mask].sum(0)[None, None]
