"""What feature pages show: read when asked for or a step ahead of the cursor, and kept for a while.

What users wrote is never kept: it may change at any time, by another program too.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from saetui import queries
from saetui.views.features.contexts import Activation
from saetui.views.features.summary import About

if TYPE_CHECKING:
    from saetui.database import Database, Row
    from saetui.views.features.index import FeatureIndex

KEPT = 24
"""Pages that are kept."""

Key = tuple[str, int]
"""Dictionary and number of a feature."""


class Shown(NamedTuple):
    """What a page shows of its feature, but for what users wrote about it."""

    about: About
    contexts: list[Activation]
    """Where it fires most."""
    neighbors: list[Row]
    """Rows of `saetui.queries.neighbors`."""


class Pages:
    """Reads pages; `read` and `look_ahead` are for the UI thread."""

    def __init__(self, database: Database, index: FeatureIndex) -> None:
        """`index` knows what features are called; where it does not, the tables are asked."""
        self._database = database
        self._index = index
        self._kept: OrderedDict[Key, Shown] = OrderedDict()
        self._densities: dict[str, list[tuple[int, int]]] = {}
        self._ahead: tuple[Key, asyncio.Task[None]] | None = None

    async def read(self, key: Key) -> Shown | None:
        """What the page of a feature shows; None where there is no such feature.

        Raises SaetuiError. A page that is being read ahead goes on, any other such is dropped.
        """
        if self._ahead and self._ahead[0] == key:
            await asyncio.wait([self._ahead[1]])
        self._drop()
        if key not in self._kept:
            found = await self._read(key)
            if found is None:
                return None
            self._keep(key, found)
        self._kept.move_to_end(key)
        return self._kept[key]

    async def densities(self, dictionary: str) -> list[tuple[int, int]]:
        """Rows of `saetui.queries.density_histogram`; counted here where the features are in
        memory, which takes a tenth of the time.
        """
        if dictionary not in self._densities:
            counted = self._index.density_histogram(dictionary)
            if counted is None:
                rows = await self._database.rows(queries.density_histogram(dictionary))
                counted = [(row[0], row[1]) for row in rows]
            self._densities[dictionary] = counted
        return self._densities[dictionary]

    def look_ahead(self, key: Key) -> None:
        """Reads a page that is likely to be wanted next."""
        if key in self._kept or (self._ahead and self._ahead[0] == key):
            return
        self._drop()
        self._ahead = key, asyncio.ensure_future(self._read_ahead(key))

    def forget(self) -> None:
        """Tables changed: what was read is old."""
        self._drop()
        self._kept.clear()
        self._densities.clear()

    def _drop(self) -> None:
        if self._ahead:
            self._ahead[1].cancel()
            self._ahead = None

    async def _read_ahead(self, key: Key) -> None:
        from store.errors import SaetuiError

        try:
            found = await self._read(key)
        except SaetuiError:  # it is told when the page is asked for
            return
        if found is not None:
            self._keep(key, found)

    def _keep(self, key: Key, found: Shown) -> None:
        self._kept[key] = found
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def _read(self, key: Key) -> Shown | None:
        about, contexts, neighbors = await asyncio.gather(
            self._database.rows(queries.feature(*key)),
            self._contexts(key),
            self._neighbors(key),
        )
        return Shown(About(*about[0]), contexts, neighbors) if about else None

    async def _contexts(self, key: Key) -> list[Activation]:
        rows = await self._database.rows(queries.contexts(*key, text=False))
        found = [Activation(*row) for row in rows]
        if any(row.pieces is None for row in found):  # a corpus written before pieces were
            rows = await self._database.rows(queries.contexts(*key))
            found = [Activation(*row) for row in rows]
        return found

    async def _neighbors(self, key: Key) -> list[Row]:
        """Rows of `queries.neighbors`; to look names up in memory takes a fifth of the time."""
        nearest = await self._database.rows(queries.nearest(*key))
        names, unknown = self._known(nearest)
        if unknown:
            for row in await self._database.rows(queries.named(unknown)):
                names[row[0], row[1]] = (row[2], row[3])
        return [(*row, *names.get((row[0], row[1]), (None, None))) for row in nearest]

    def _known(
        self, nearest: Sequence[Row]
    ) -> tuple[dict[Key, tuple[str | None, list[str]]], dict[str, list[int]]]:
        """What features are called, as far as it is in memory, and the others."""
        names: dict[Key, tuple[str | None, list[str]]] = {}
        unknown: dict[str, list[int]] = defaultdict(list)
        for dictionary, number, *_ in nearest:
            found = self._index.named(dictionary, number)
            if found:
                names[dictionary, number] = (found.label, found.top_tokens)
            else:
                unknown[dictionary].append(number)
        return names, unknown
