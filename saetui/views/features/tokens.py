"""The tokens of a million features in memory, as numbers of a vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sys import intern
from typing import TYPE_CHECKING, Any, NamedTuple

from saetui import queries

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection

LONGEST = 32
"""Tokens of a feature that are looked at."""


class Vocabulary:
    """Words and their numbers, from 1; 0 stands for no word. A DuckDB table holds them too, by
    which columns of ``features`` are numbered.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        self.words: list[str] = [""]
        self.lower: list[str] = [""]
        """The words in lower case."""

    def learn(self, cursor: DuckDBPyConnection, dictionary: str, column: str) -> None:
        """Takes in the words of a column that are new."""
        if len(self) == 0:
            columns = "word VARCHAR, code UINTEGER, lower VARCHAR"
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {self.table} ({columns})")
        new = queries.new_words(dictionary, column, self.table)
        cursor.execute(f"INSERT INTO {self.table} {new}")
        found = cursor.execute(
            f"SELECT word, lower FROM {self.table} WHERE code > {len(self)} ORDER BY code"
        ).fetchall()
        # Most words are in lower case: each is kept once.
        self.words += [intern(word) for word, _ in found]
        self.lower += [intern(lower) for _, lower in found]

    def __len__(self) -> int:
        return len(self.words) - 1

    def drop(self, cursor: DuckDBPyConnection) -> None:
        """Lets go of what DuckDB holds."""
        cursor.execute(f"DROP TABLE IF EXISTS {self.table}")


class Tokens(NamedTuple):
    """A column of token lists."""

    vocabulary: Vocabulary
    codes: np.ndarray[Any, Any]
    """Shape (longest list, rows): numbers of words, 0 where a list has ended."""

    def of(self, row: int) -> list[str]:
        """The tokens of a row."""
        words = self.vocabulary.words
        return [words[code] for code in self.codes[:, row].tolist() if code]

    def holding(self, text: str) -> np.ndarray[Any, Any]:
        """For each row, whether one of its tokens holds `text`, which is lower case."""
        import numpy as np

        found = np.array([text in word for word in self.vocabulary.lower])
        found[0] = not text
        hits = np.zeros(self.codes.shape[1], bool)
        for place in self.codes:  # by place, not by row: each is one lookup in a small table
            hits |= found[place]
        return hits if text else np.ones_like(hits)


Rows = Sequence[tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]]
"""For each dictionary, its features and the row number of each."""


def read(
    cursor: DuckDBPyConnection,
    column: str,
    dictionaries: Sequence[str],
    rows: Rows,
    vocabulary: Vocabulary,
    tell: Callable[[float], None],
) -> Tokens:
    """The tokens in a column of ``features``; `tell` hears which share of it has been read.

    A dictionary at a time, so that never more than one is held in full. What `vocabulary` knows
    from other columns is mostly all there is; only where a word is new are words looked for first,
    which takes half as long again.
    """
    import numpy as np

    codes = np.zeros((0, sum(len(numbers) for _, numbers in rows)), np.uint16)
    learned = False
    for owner, dictionary in enumerate(dictionaries):
        sql = queries.coded_tokens(dictionary, column, vocabulary.table, LONGEST)
        found = cursor.execute(sql).fetchnumpy() if len(vocabulary) else None
        if found is None or (not learned and not found["code"].all()):
            for other in dictionaries[owner:]:
                vocabulary.learn(cursor, other, column)
            learned = True
            found = cursor.execute(sql).fetchnumpy()
        codes = _room(codes, int(found["place"].max(initial=0)), len(vocabulary))
        features, numbers = rows[owner]
        known, at = _places(features, found["feature"])
        codes[found["place"][known] - 1, numbers[at]] = found["code"][known]
        tell((owner + 1) / len(dictionaries))
    return Tokens(vocabulary, codes)


def _room(codes: np.ndarray[Any, Any], longest: int, words: int) -> np.ndarray[Any, Any]:
    """`codes` with room for lists of `longest` and for `words` words."""
    import numpy as np

    kind = np.uint16 if words < 1 << 16 else np.uint32
    if longest <= len(codes) and codes.dtype == kind:
        return codes
    wider = np.zeros((max(longest, len(codes)), codes.shape[1]), kind)
    wider[: len(codes)] = codes
    return wider


def _places(
    features: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Which of `wanted` are among `features`, each of which is there once, and where those stand.

    All of them are, unless the dictionary was profiled anew between two queries.
    """
    import numpy as np

    if np.array_equal(features, np.arange(len(features))):  # all of a dictionary's, as mostly
        known = wanted < len(features)
        return known, wanted[known]
    order = np.argsort(features)
    at = np.minimum(np.searchsorted(features[order], wanted), len(features) - 1)
    known = features[order][at] == wanted
    return known, order[at[known]]
