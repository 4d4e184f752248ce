"""What is profiled: dictionaries, and what must be known about their hooks beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary import massive
from jobs.dictionary.base import Dictionary
from jobs.dictionary.massive import Scale
from jobs.dictionary.profile.documents import Reading
from jobs.dictionary.profile.neighbors import Neighbors, nearest
from jobs.dictionary.profile.null import random_directions
from jobs.names import Hook
from store.errors import SaetuiError

_SAMPLE_TOKENS = 4096
"""Tokens from which a hook's median norm and mean are taken."""
_CODE_ENTRIES = 1 << 25
"""Pre-activations (tokens × features) held at once."""


class Model(Protocol):
    """What is asked of a language model."""

    def activations(
        self, tokens: Int64[Tensor, "b t"], hooks: list[Hook]
    ) -> dict[Hook, Float[Tensor, "b t d"]]:
        """Activations at `hooks`."""


class Site(NamedTuple):
    """A hook: which of its activations are measured."""

    centre: Float[Tensor, " d"]
    """About the mean activation; sums are taken around it."""
    scale: Scale
    """Which activations are massive and left out, as in training."""


class Part(NamedTuple):
    """One source of a crosscoder."""

    hook: Hook
    site: Site


class Subject(NamedTuple):
    """A dictionary to profile."""

    id: str
    hook: Hook
    dictionary: Dictionary
    site: Site
    neighbors: Neighbors
    null: Float[Tensor, "m d"]
    """Random directions, see `jobs.dictionary.profile.null`."""
    null_k: int
    """Features that the null may use on a token: as many as the dictionary does."""
    source: Hook | None = None
    """What it reads, where that is not what it writes at `hook`."""
    heard: Site | None = None
    """The site of `source`."""
    parts: tuple[Part, ...] = ()
    """The sources of a crosscoder, joined in this order; `hook` is the first, and the centre of
    `site` that of all of them."""

    @property
    def read_at(self) -> tuple[Hook, ...]:
        """Every hook that must be read to measure it."""
        if self.parts:
            return tuple(part.hook for part in self.parts)
        return (self.hook,) if self.source is None else (self.source, self.hook)

    @property
    def hears_at(self) -> tuple[Hook, ...]:
        """Every hook that its encoder reads."""
        return self.read_at if self.parts else (self.source or self.hook,)

    def slices(self, x: Float[Tensor, "tokens d"]) -> tuple[Tensor, ...]:
        """`x` in slices short enough for the dictionary's pre-activations to fit."""
        return x.split(max(128, min(4096, _CODE_ENTRIES // self.dictionary.d_sae)))


class Batch(NamedTuple):
    """Documents of one forward pass; `x` holds only real tokens that are not massive."""

    x: Float[Tensor, "n d"]
    document: Int64[Tensor, " n"]
    """Index into the reading."""
    pos: Int64[Tensor, " n"]
    left_out: Int64[Tensor, " massive"]
    """Index into the reading, of the document of each massive activation."""
    target: Float[Tensor, "n d_out"] | None = None
    """What is to be written for each row of `x`, where that is not `x`."""


def batches(of: np.ndarray, size: int) -> list[np.ndarray]:
    """`of` (indices into a reading), `size` at a time."""
    return [of[begin : begin + size] for begin in range(0, len(of), size)]


def padded(reading: Reading, batch: np.ndarray, device: str) -> tuple[Int64[Tensor, "b t"], Tensor]:
    """Token ids of documents, trimmed to the longest, and a mask that is true on tokens."""
    lengths = torch.from_numpy(reading.lengths[batch])
    longest = int(lengths.max())
    tokens = torch.from_numpy(reading.tokens[batch, :longest].astype(np.int64))
    mask = torch.arange(longest)[None] < lengths[:, None]
    return tokens.to(device), mask.to(device)


def select(
    activation: Float[Tensor, "b t d"], mask: Tensor, batch: np.ndarray, site: Site, hook: Hook
) -> Batch:
    """The activations that are measured; raises SaetuiError where one is not finite."""
    place, pos = mask.nonzero(as_tuple=True)
    x = _finite(activation[place, pos].float(), hook)
    keep = site.scale.keep(x, pos == 0)
    document = torch.from_numpy(batch).to(place.device)[place]
    return Batch(x[keep], document[keep], pos[keep], document[~keep])


def select_for(
    subject: Subject, activations: Mapping[Hook, Tensor], mask: Tensor, batch: np.ndarray
) -> Batch:
    """The activations on which `subject` is measured: for a transcoder those that are massive
    neither where it reads nor where it writes, for a crosscoder those massive at no source.
    """
    if subject.parts:
        return select_joined(subject.parts, activations, mask, batch)
    if subject.source is None or subject.heard is None:
        return select(activations[subject.hook], mask, batch, subject.site, subject.hook)
    place, pos = mask.nonzero(as_tuple=True)
    x = _finite(activations[subject.source][place, pos].float(), subject.source)
    y = _finite(activations[subject.hook][place, pos].float(), subject.hook)
    keep = subject.heard.scale.keep(x, pos == 0) & subject.site.scale.keep(y, pos == 0)
    document = torch.from_numpy(batch).to(place.device)[place]
    return Batch(x[keep], document[keep], pos[keep], document[~keep], y[keep])


def heard_by(
    subject: Subject, activations: Mapping[Hook, Tensor], mask: Tensor, batch: np.ndarray
) -> Batch:
    """The activations that `subject` encodes, wherever those alone are not massive: `select_for`
    without a look at what a transcoder writes.
    """
    if subject.parts:
        return select_joined(subject.parts, activations, mask, batch)
    hook, site = subject.source or subject.hook, subject.heard or subject.site
    return select(activations[hook], mask, batch, site, hook)


def select_joined(
    parts: Sequence[Part], activations: Mapping[Hook, Tensor], mask: Tensor, batch: np.ndarray
) -> Batch:
    """The same at the sources of a crosscoder, side by side."""
    place, pos = mask.nonzero(as_tuple=True)
    read = [_finite(activations[part.hook][place, pos].float(), part.hook) for part in parts]
    keep = usual(parts, read, pos == 0)
    document = torch.from_numpy(batch).to(place.device)[place]
    return Batch(torch.cat(read, 1)[keep], document[keep], pos[keep], document[~keep])


def usual(parts: Sequence[Part], read: Sequence[Tensor], first: Tensor) -> Tensor:
    """Which tokens are massive at no source."""
    keeps = [part.site.scale.keep(x, first) for part, x in zip(parts, read, strict=True)]
    return torch.stack(keeps).all(0)


def _finite(x: Float[Tensor, "n d"], hook: Hook) -> Float[Tensor, "n d"]:
    if not bool(torch.isfinite(x).all()):
        raise SaetuiError(
            f"The model gives NaN or infinite activations at {hook.label}; try dtype=float32."
        )
    return x


def sites(
    model: Model,
    reading: Reading,
    hooks: Sequence[Hook],
    norm_limit: float,
    batch: int,
    device: str,
    joined: Sequence[tuple[Hook, ...]] = (),
) -> dict[Hook | tuple[Hook, ...], tuple[Site, Float[Tensor, "n d"]]]:
    """For each hook its site and the sample it was measured on (massive activations removed); for
    each tuple of `joined` hooks, which must be among `hooks`, the same of their activations joined.

    The sample is documents spread evenly over the reading, the same however often it is taken.
    """
    wanted = _SAMPLE_TOKENS / max(float(reading.lengths.mean()), 1.0)
    count = max(1, min(len(reading.docs), round(wanted)))
    some = np.unique(np.linspace(0, len(reading.docs) - 1, count).round().astype(np.int64))
    found: dict[Hook, list[Tensor]] = {hook: [] for hook in hooks}
    firsts: list[Tensor] = []
    for part in batches(some, batch):
        tokens, mask = padded(reading, part, device)
        firsts.append(mask.nonzero()[:, 1] == 0)
        for hook, activation in model.activations(tokens, list(hooks)).items():
            found[hook].append(_finite(activation[mask].float(), hook))
    first = torch.cat(firsts)
    made: dict[Hook | tuple[Hook, ...], tuple[Site, Tensor]] = {}
    every = {hook: torch.cat(parts) for hook, parts in found.items()}
    for hook, x in every.items():
        scale = massive.measure(x, first, norm_limit)
        x = x[scale.keep(x, first)]
        made[hook] = (Site(x.mean(0), scale), x)
    for together in joined:
        parts = [Part(hook, made[hook][0]) for hook in together]
        x = torch.cat([every[hook] for hook in together], 1)
        x = x[usual(parts, [every[hook] for hook in together], first)]
        made[together] = (Site(x.mean(0), parts[0].site.scale), x)
    return made


def subject(
    name: str,
    hook: Hook,
    dictionary: Dictionary,
    site: Site,
    sample: Float[Tensor, "n d"],
    n_neighbors: int,
    seed: int,
    source: Hook | None = None,
    heard: Site | None = None,
    parts: tuple[Part, ...] = (),
) -> Subject:
    """Gets a dictionary ready: its neighbours, and a null with as many active features. `sample`
    is of what it reads.
    """
    rows = dictionary.balanced(dictionary.W_dec.detach())
    active = len(dictionary.sparse(sample[:1024]).indices) / min(len(sample), 1024)
    return Subject(
        name,
        hook,
        dictionary,
        site,
        nearest(rows, n_neighbors),
        random_directions(rows, seed),
        max(1, round(active)),
        source,
        heard,
        parts,
    )
