"""Nearest rows by cosine, in blocks: every pair is looked at, and memory grows with n, not n².

Three things make that affordable for half a million rows. Cosines are first taken in the numbers
that the hardware multiplies fastest (`jobs.manifold.coarse`), which only proposes k + 16 candidates
of each row, and float32 decides among them. A block's largest are looked for among the maxima of
groups first. And a block is small enough that nothing is ever written far from the processor.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.manifold.coarse import Coarse, coarse
from jobs.manifold.graph import Graph

Tick = Callable[[float], None]

_ROWS, _COLUMNS = 1024, 1 << 14
"""Of a block of cosines."""
_MARGIN = 16
"""Candidates beyond k that are kept where cosines are first taken coarsely."""
_AT_ONCE = 64
"""Rows whose candidates' directions are held at once."""
_GROUP = 16
"""Cosines of which the greatest stands for all, until it is among the largest."""


def nearest(unit: Float[Tensor, "n d"], k: int, tick: Tick = lambda share: None) -> Graph:
    """The `k` rows (k < n) that point most alike for every row of `unit`, itself left out; rows
    have length one, or zero (cosine 0 with everything).

    `tick` is called with the share done, and may raise to stop.
    """
    return _search(None, unit, k, tick)


def nearest_to(
    queries: Float[Tensor, "q d"],
    unit: Float[Tensor, "n d"],
    k: int,
    tick: Tick = lambda share: None,
) -> Graph:
    """The `k` rows (k ≤ n) of `unit` nearest to each of `queries`, which are other rows."""
    return _search(queries, unit, k, tick)


def _search(queries: Tensor | None, unit: Tensor, k: int, tick: Tick) -> Graph:
    """Of every row among the others where there are no `queries`."""
    rows = unit if queries is None else queries
    looked = coarse(queries, unit) if len(unit) > 4 * (k + _MARGIN) else Coarse(rows, unit)
    wide = k if looked.exact else k + _MARGIN
    others, similarities = [], []
    for begin in range(0, len(rows), _ROWS):
        tick(begin / len(rows))
        some = slice(begin, begin + _ROWS)
        value, other = _candidates(looked, some, wide, queries is None)
        if not looked.exact:
            value, other = _refined(rows[some], unit, other, k)
        others.append(other.cpu())
        similarities.append(value.float().clamp(-1, 1).cpu())
    return Graph(torch.cat(others), torch.cat(similarities))


def _candidates(
    looked: Coarse, some: slice, count: int, same: bool
) -> tuple[Tensor, Int64[Tensor, "b count"]]:
    """The `count` columns of the largest products with some rows, and these products."""
    values, others = [], []
    for begin in range(0, looked.n, _COLUMNS):
        product = looked.product(some, slice(begin, begin + _COLUMNS))
        if same:
            own = torch.arange(len(product), device=product.device)
            there = own + some.start - begin
            inside = (there >= 0) & (there < product.shape[1])
            product[own[inside], there[inside]] = looked.least
        value, other = largest(product, min(count, product.shape[1]))
        values.append(value)
        others.append(other + begin)
    if len(values) == 1:
        return values[0], others[0]
    best = torch.cat(values, 1).topk(count, dim=1)
    return best.values, torch.cat(others, 1).gather(1, best.indices)


def largest(values: Tensor, k: int) -> tuple[Tensor, Int64[Tensor, "b k"]]:
    """The `k` largest of each row and where they are, as `Tensor.topk` has them: none lies in a
    group whose greatest is not among the `k` greatest of groups.
    """
    groups = values.shape[1] // _GROUP
    if groups < 2 * k:
        found = values.topk(k, dim=1)
        return found.values, found.indices
    # Group g is made of columns g, g + groups, …: the maxima are taken of whole rows at once.
    grouped = values[:, : groups * _GROUP].unflatten(1, (_GROUP, groups))
    _, chosen = largest(grouped.amax(1), k)
    step = torch.arange(0, groups * _GROUP, groups, device=values.device)
    rest = torch.arange(groups * _GROUP, values.shape[1], device=values.device)
    where = (chosen[:, :, None] + step).flatten(1)
    where = torch.cat([where, rest.expand(len(values), -1)], 1)
    found = values.gather(1, where).topk(k, dim=1)
    return found.values, where.gather(1, found.indices)


def _refined(
    rows: Float[Tensor, "b d"], unit: Float[Tensor, "n d"], other: Int64[Tensor, "b c"], k: int
) -> tuple[Tensor, Tensor]:
    """The `k` best of the candidates `other`, by their cosines in float32."""
    value = unit.new_empty(other.shape)
    place = unit.new_empty(_AT_ONCE * other.shape[1], unit.shape[1])
    for begin in range(0, len(rows), _AT_ONCE):
        some = slice(begin, begin + _AT_ONCE)
        own = rows[some, :, None]
        near = place[: len(own) * other.shape[1]]
        torch.index_select(unit, 0, other[some].flatten(), out=near)
        torch.bmm(near.view(len(own), other.shape[1], -1), own, out=value[some, :, None])
    best = value.topk(k, dim=1)
    return best.values, other.gather(1, best.indices)
