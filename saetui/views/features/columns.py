"""Features in memory, a million of them in sixty megabytes: numbers in NumPy columns, and tokens as
numbers of a vocabulary.
"""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from saetui import queries
from saetui.search import Compared, Condition, Marked
from saetui.views.features import orders, tokens

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection

    from saetui.views.features.tokens import Tokens

KEPT_ORDERS, KEPT_HITS = 4, 8
"""Orders (4 bytes a row each) and answers to conditions (1 byte a row each) that are kept."""

_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip


class Feature(NamedTuple):
    """A row of the list."""

    feature: int
    density: float
    max_activation: float | None
    mean_activation: float | None
    label: str | None
    top_tokens: list[str]
    dictionary: str


class Label(NamedTuple):
    """What a user wrote."""

    text: str
    lower: str


class Columns:
    """All features of some dictionaries, in memory. Made and asked in threads of the database."""

    def __init__(self, name: str, dictionaries: Sequence[str]) -> None:
        """`name` is what the DuckDB table of the vocabulary shall be called."""
        self.name = name
        self.dictionaries = tuple(sorted(dictionaries))
        """In the order of their ids, in which ``ORDER BY dictionary`` puts them."""
        self.labels: dict[int, Label] = {}
        """Of the rows that have one."""
        self.vocabulary = tokens.Vocabulary(name)
        self.progress: dict[str, float] = {}
        """Columns of tokens that are being read → how much of each has been."""
        self._orders: OrderedDict[object, np.ndarray[Any, Any]] = OrderedDict()
        self._hits: OrderedDict[object, np.ndarray[Any, Any]] = OrderedDict()
        self._tokens: dict[str, Tokens] = {}

    def read(self, cursor: DuckDBPyConnection) -> None:
        """Reads everything but what few searches need."""
        import numpy as np

        cursor.execute("CREATE SCHEMA IF NOT EXISTS workbench")
        found = [
            cursor.execute(queries.feature_numbers(dictionary)).fetchnumpy()
            for dictionary in self.dictionaries
        ]
        many = [len(columns["feature"]) for columns in found]
        self._ends = np.cumsum([0, *many])
        """Rows of a dictionary stand together: where the first of each is, and the last end."""
        self.owner = np.repeat(np.arange(len(many), dtype=np.uint16), many)
        self.numbers = {
            name: np.concatenate([columns.pop(name) for columns in found])
            for name in ("feature", "density", "max_activation", "mean_activation", "decoder_norm")
        }
        self.feature, self.density = self.numbers["feature"], self.numbers["density"]
        self._label(cursor)
        self.ties = orders.by_feature(self.feature, self.owner)
        self.tokens(cursor, "top_tokens")

    def __len__(self) -> int:
        return len(self.feature)

    def drop(self, cursor: DuckDBPyConnection) -> None:
        """Lets go of what DuckDB holds."""
        self.vocabulary.drop(cursor)

    # Rows

    def row(self, number: int) -> Feature:
        """The feature with a row number."""
        largest = float(self.numbers["max_activation"][number])
        mean = float(self.numbers["mean_activation"][number])
        label = self.labels.get(number)
        return Feature(
            int(self.feature[number]),
            float(self.density[number]),
            None if largest != largest else largest,
            None if mean != mean else mean,
            label and label.text,
            self._tokens["top_tokens"].of(number),
            self.dictionaries[self.owner[number]],
        )

    def number(self, dictionary: str, feature: int) -> int | None:
        """The row number of a feature."""
        if dictionary not in self.dictionaries:
            return None
        wanted = (feature, self.dictionaries.index(dictionary))

        def at(place: int) -> tuple[int, int]:
            row = self.ties[place]
            return int(self.feature[row]), int(self.owner[row])

        place = bisect_left(range(len(self)), wanted, key=at)
        found = place < len(self) and at(place) == wanted
        return int(self.ties[place]) if found else None

    def density_histogram(self, dictionary: str) -> list[tuple[int, int]]:
        """Live features by bin, see `saetui.queries.density_histogram`."""
        import numpy as np

        owner = self.dictionaries.index(dictionary)
        density = self.density[slice(*self._ends[owner : owner + 2])]
        lowest, bins = queries.LOWEST_DENSITY, queries.DENSITY_BINS
        at = np.floor((np.log10(density[density > 0]) - lowest) / (-lowest / bins))
        many = np.bincount(np.clip(at, 0, bins - 1).astype(np.int64))
        return [(bin, int(count)) for bin, count in enumerate(many) if count]

    def _rows_of(self, marked: Marked) -> list[int]:
        """Row numbers of those features that there are."""
        found = (self.number(*each) for each in marked)
        return [number for number in found if number is not None]

    # Labels

    def relabel(self, cursor: DuckDBPyConnection) -> None:
        """Reads the labels anew."""
        self._label(cursor)
        self._hits.clear()
        for key in [key for key in self._orders if key[0] == "label"]:  # type: ignore[index]
            del self._orders[key]

    def _label(self, cursor: DuckDBPyConnection) -> None:
        """Few features have a label, and a column for all would be the largest."""
        import numpy as np

        said: dict[int, dict[int, Label]] = {}
        for dictionary, feature, *label in cursor.execute(
            queries.newest_labels(self.dictionaries)
        ).fetchall():
            said.setdefault(self.dictionaries.index(dictionary), {})[feature] = Label(*label)
        found: dict[int, Label] = {}
        for owner, labels in said.items():
            first, end = self._ends[owner : owner + 2]
            at = np.isin(self.feature[first:end], list(labels)).nonzero()[0]
            for row in (first + at).tolist():
                found[row] = labels[int(self.feature[row])]
        self.labels = found

    # Tokens

    def has_tokens(self, column: str) -> bool:
        """Whether a column of token lists was read."""
        return column in self._tokens

    def tokens(self, cursor: DuckDBPyConnection, column: str) -> Tokens:
        """A column of token lists; read on first use."""
        if column not in self._tokens:
            import numpy as np

            rows = [
                (self.feature[first:end], np.arange(first, end, dtype=np.uint32))
                for first, end in pairwise(self._ends)
            ]

            def tell(share: float) -> None:
                self.progress[column] = share

            tell(0)
            self._tokens[column] = tokens.read(
                cursor, column, self.dictionaries, rows, self.vocabulary, tell
            )
            del self.progress[column]
        return self._tokens[column]

    # Orders and filters

    def order(self, sort: str, reverse: bool) -> np.ndarray[Any, Any]:
        """Row numbers in the order of a sort."""
        column, descending = queries.SORTS[sort]

        def ask() -> np.ndarray[Any, Any]:
            if column == "label":
                return self._by_label(descending != reverse)
            if column == "feature":
                return orders.by_feature(self.feature, self.owner, descending != reverse)
            return orders.by_value(self.numbers[column], self.ties, descending != reverse)

        return _kept(self._orders, (sort, reverse), ask, KEPT_ORDERS)

    def known_order(self, sort: str, reverse: bool) -> np.ndarray[Any, Any] | None:
        """The same if it was asked for not long ago; it is kept the longer for that."""
        with suppress(KeyError):  # a worker is at it: it will be the newest anyway
            self._orders.move_to_end((sort, reverse))
        return self._orders.get((sort, reverse))

    def _by_label(self, descending: bool) -> np.ndarray[Any, Any]:
        """Those that have a label come first; they are few."""
        import numpy as np

        def tie(row: int) -> tuple[int, int]:
            return int(self.feature[row]), int(self.owner[row])

        rows = sorted(self.labels, key=tie)
        rows.sort(key=lambda row: self.labels[row].text, reverse=descending)
        labelled = np.array(rows, np.uint32)
        others = np.ones(len(self), bool)
        others[labelled] = False
        return np.concatenate([labelled, self.ties[others[self.ties]]])

    def meeting(self, cursor: DuckDBPyConnection, condition: Condition) -> np.ndarray[Any, Any]:
        """For each row, whether it meets a condition."""
        return _kept(self._hits, condition.sql, lambda: self._meeting(cursor, condition), KEPT_HITS)

    def _meeting(self, cursor: DuckDBPyConnection, condition: Condition) -> np.ndarray[Any, Any]:
        import numpy as np

        if condition.compared is not None:
            return self._compared(condition.compared)
        hits = np.zeros(len(self), bool)
        if condition.within:
            hits = self.tokens(cursor, condition.within).holding(condition.text)
        if condition.marked is not None:
            hits[self._rows_of(condition.marked)] = True
        if condition.label:
            hits[[row for row, label in self.labels.items() if condition.text in label.lower]] = (
                True
            )
        if condition.labelled is not None:
            hits[:] = not condition.labelled
            hits[list(self.labels)] = condition.labelled
        return hits

    def _compared(self, compared: Compared) -> np.ndarray[Any, Any]:
        """As DuckDB compares: a number with an exponent is a double, any other takes on the type of
        a column of floats. Null, here NaN, meets nothing.
        """
        import numpy as np

        values = self.numbers[compared.column]
        double = "e" in compared.number or values.dtype != np.float32
        number = (np.float64 if double else np.float32)(compared.number)
        hits: np.ndarray[Any, Any] = _SIGNS[compared.sign](values, number)
        return hits


def read_columns(cursor: DuckDBPyConnection, name: str, dictionaries: Sequence[str]) -> Columns:
    """The features of `dictionaries`; see `Columns` for `name`."""
    columns = Columns(name, dictionaries)
    try:
        columns.read(cursor)
    except BaseException:
        columns.drop(cursor)
        raise
    return columns


def _kept(
    kept: OrderedDict[object, np.ndarray[Any, Any]],
    key: object,
    ask: Callable[[], np.ndarray[Any, Any]],
    most: int,
) -> np.ndarray[Any, Any]:
    """What `ask` gave before for `key`, or gives now; the `most` asked last are kept."""
    found = kept.pop(key, None)
    if found is None:
        found = ask()
    kept[key] = found
    while len(kept) > most:
        kept.popitem(last=False)
    return found
