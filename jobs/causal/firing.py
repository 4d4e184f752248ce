"""Where features fire in some inputs, how often and how strongly; and what stands in for them when
they are ablated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.causal.basis import Features, Site
from jobs.causal.ground import Cost
from jobs.causal.inputs import Inputs
from jobs.model import LanguageModel
from jobs.names import Hook
from store.errors import AskedWrongly

_CELLS = 1 << 24
"""Pre-activations held at once."""


class Fires(NamedTuple):
    """One dictionary on some inputs. Positions that count (`Inputs.counts`) and are not massive."""

    times: Int64[np.ndarray, " m"]
    """Positions at which each feature fires."""
    total: Float[np.ndarray, " m"]
    """The sum of its activations."""
    positions: int
    """Positions looked at."""
    feature: Int64[np.ndarray, " e"]
    """Firings of the features asked for, by feature, document and position."""
    document: Int64[np.ndarray, " e"]
    position: Int64[np.ndarray, " e"]
    activation: Float[np.ndarray, " e"]

    def of(self, feature: int) -> slice:
        """The firings of one feature."""
        low, high = np.searchsorted(self.feature, [feature, feature + 1])
        return slice(int(low), int(high))

    def writes(self, norms: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """Mean length of what each feature writes when it fires; `norms` are its directions'."""
        return self.total / np.maximum(self.times, 1) * norms


def listen(
    model: LanguageModel,
    sites: Sequence[Site],
    wanted: Sequence[Int64[np.ndarray, " w"]],
    inputs: Inputs,
    batch: int,
    cost: Cost,
    tick: Callable[[float], None] = lambda share: None,
    corrupt: bool = False,
) -> list[Fires]:
    """Where the dictionaries at `sites` fire; firings are noted of the features `wanted` of each.

    With `corrupt`, on the counterparts of the prompts.
    """
    tokens = inputs.corrupt if corrupt else inputs.tokens
    assert tokens is not None
    heard = [_Heard(site, features) for site, features in zip(sites, wanted, strict=True)]
    hooks = list(dict.fromkeys(h for site in sites for h in (site.read_at, site.hook)))
    counts = inputs.counts()
    for low in range(0, inputs.n, batch):
        tick(low / inputs.n)
        rows = slice(low, low + batch)
        length = int(inputs.length[rows].max())
        seen = model.activations(tokens[rows, :length], hooks)
        cost.forward += len(counts[rows])
        for one in heard:
            one.hear(seen, counts[rows, :length], low)
    return [one.found() for one in heard]


class _Heard:
    """What has been heard of one dictionary so far."""

    def __init__(self, site: Site, features: Int64[np.ndarray, " w"]) -> None:
        assert isinstance(site.basis, Features)
        self.site, self.dictionary = site, site.basis.dictionary
        m = site.basis.width
        self.times, self.total = np.zeros(m, np.int64), np.zeros(m)
        self.positions = 0
        self.wanted = np.zeros(m, bool)
        self.wanted[features] = True
        self.events: list[tuple[np.ndarray, ...]] = []

    @torch.no_grad()
    def hear(self, seen: dict[Hook, Tensor], counts: Bool[Tensor, "b t"], offset: int) -> None:
        usual = self.site.usual(seen[self.site.hook])
        kept = counts if usual is None else counts & usual.cpu()
        row, position = (index.numpy() for index in kept.nonzero(as_tuple=True))
        x = seen[self.site.read_at][kept.to(seen[self.site.read_at].device)]
        self.positions += len(row)
        step, at = _CELLS // len(self.times) + 1, 0
        for part in x.split(step):
            code = self.dictionary.sparse(part.float())
            feature, value = code.indices.cpu().numpy(), code.values.double().cpu().numpy()
            entry = code.rows().cpu().numpy() + at
            self.times += np.bincount(feature, minlength=len(self.times))
            self.total += np.bincount(feature, value, len(self.times))
            mine = self.wanted[feature]
            where = entry[mine]
            self.events.append((feature[mine], row[where] + offset, position[where], value[mine]))
            at += len(part)

    def found(self) -> Fires:
        columns = [np.concatenate(part) for part in zip(*self.events, strict=True)]
        feature, document, position, value = columns or [np.zeros(0, np.int64)] * 4
        order = np.lexsort((position, document, feature))
        return Fires(
            *(self.times, self.total, self.positions),
            *(feature[order], document[order], position[order]),
            value[order].astype(float),
        )


def stands_in(
    ablation: str,
    fires: Fires,
    elsewhere: Fires | None,
    seed: int,
) -> Float[np.ndarray, " e"]:
    """f′ of every firing in `fires`: zero; the mean of the feature over all positions; or a
    resampled value, which is that on the corrupt prompt at the same position (`elsewhere`) or, for
    documents, that at a position drawn from all.
    """
    if ablation == "zero":
        return np.zeros(len(fires.feature))
    if ablation == "mean":
        return (fires.total / max(fires.positions, 1))[fires.feature]
    if ablation != "resample":
        raise AskedWrongly(
            f"No ablation is called {ablation!r}; there are zero, mean and resample."
        )
    if elsewhere is not None:
        return _there(fires, elsewhere)
    return _drawn(fires, seed)


def _there(fires: Fires, other: Fires) -> Float[np.ndarray, " e"]:
    known = {
        key: value
        for *key_, value in zip(other.feature, other.document, other.position, other.activation)  # noqa: B905
        for key in [tuple(key_)]
    }
    keys = zip(fires.feature, fires.document, fires.position)  # noqa: B905
    return np.array([known.get(key, 0.0) for key in keys], dtype=float)


def _drawn(fires: Fires, seed: int) -> Float[np.ndarray, " e"]:
    """A feature that fires at a share of the positions is drawn as zero at all others."""
    found = np.zeros(len(fires.feature))
    for feature in np.unique(fires.feature):
        own = fires.of(int(feature))
        values = fires.activation[own]
        random = np.random.default_rng([seed & 0x7FFFFFFF, int(feature), 1])
        at = random.integers(0, max(fires.positions, len(values)), len(values))
        found[own] = np.append(values, 0.0)[np.minimum(at, len(values))]
    return found
