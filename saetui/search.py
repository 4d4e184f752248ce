"""What a user may type to filter features, turned into SQL.

Words must all occur in the label or the top tokens, whatever their case. ``promoted:WORD`` and
``suppressed:WORD`` look at the tokens a feature pushes up or down, ``label:WORD`` at its label
alone; ``density<0.001`` and ``max>5`` compare a column; ``dead``, ``alive``, ``labelled`` and
``unlabelled`` mean what they say, and in the workbench ``marked``. A word in double quotes may hold
spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_COMPARED = re.compile(r"^(density|max|mean|norm|feature)(<=|>=|<|>|=)(\d*\.?\d+(?:e[+-]?\d+)?)$")

COLUMNS = {
    "density": "density",
    "max": "max_activation",
    "mean": "mean_activation",
    "norm": "decoder_norm",
    "feature": "feature",
}
"""Short name of a column, as it is typed → the column of ``features``."""

LABELLED = {"labelled": "label IS NOT NULL", "unlabelled": "label IS NULL"}
"""Words about labels → what they mean, in every search."""


class Compared(NamedTuple):
    """A number in a column, held against one that was typed."""

    column: str
    """Of ``features``."""
    sign: str
    """``<``, ``<=``, ``>``, ``>=`` or ``=``."""
    number: str
    """As SQL writes it."""

    @property
    def sql(self) -> str:
        """The same as SQL."""
        return f"{self.column} {self.sign} {self.number}"


_SAID = {"dead": Compared("density", "=", "0"), "alive": Compared("density", ">", "0")}


def quote(text: str) -> str:
    """`text` as an SQL literal."""
    return "'" + text.replace("'", "''").replace("\0", "") + "'"


Marked = Iterable[tuple[str, int]]
"""Features, as (dictionary, feature)."""


class Condition(NamedTuple):
    """One word of a search: as SQL, and as what a list in memory goes by."""

    sql: str
    """What a row of ``features`` must meet."""
    within: str = ""
    """The column of tokens that `text` is looked for in: one of its tokens must hold it."""
    text: str = ""
    """Lower case."""
    label: bool = False
    """Whether a label that holds `text` is enough."""
    labelled: bool | None = None
    """Whether there must be a label, or must be none."""
    compared: Compared | None = None
    """The column that must compare so."""
    marked: Marked | None = None
    """The only features that meet it."""


def parsed(search: str, marked: Marked | None = None) -> list[Condition]:
    """Conditions, all of which a feature must meet; none for an empty `search`.

    Where there is something to be `marked`, the word ``marked`` means those features.
    """
    return [_condition(word, marked) for word in words(search)]


def words(search: str) -> list[str]:
    """The words of a search, with their quotes."""
    return _WORD.findall(search)


def conditions(search: str, marked: Marked | None = None) -> list[str]:
    """The SQL of `parsed`."""
    return [condition.sql for condition in parsed(search, marked)]


def tokens_of(column: str) -> str:
    """The SQL of the tokens in a column of ``features``, as a list of text."""
    return column if column == "top_tokens" else f"list_transform({column}, lambda t: t.token)"


def _condition(word: str, marked: Marked | None) -> Condition:
    if word in _SAID:
        return Condition(_SAID[word].sql, compared=_SAID[word])
    if word in LABELLED:
        return Condition(LABELLED[word], labelled=word == "labelled")
    if word == "marked" and marked is not None:
        rows = ", ".join(f"({quote(name)}, {feature})" for name, feature in sorted(marked))
        sql = f"(dictionary, feature) IN (VALUES {rows})" if rows else "false"
        return Condition(sql, marked=marked)
    if found := _COMPARED.match(word):
        compared = Compared(COLUMNS[found[1]], found[2], found[3])
        return Condition(compared.sql, compared=compared)
    prefix, colon, rest = word.partition(":")
    if colon and rest and prefix in ("promoted", "suppressed"):
        return Condition(holds(tokens_of(prefix), rest), prefix, _plain(rest))
    if colon and rest and prefix == "label":
        return Condition(labelled(rest), text=_plain(rest), label=True)
    sql = f"({holds(tokens_of('top_tokens'), word)} OR {labelled(word)})"
    return Condition(sql, "top_tokens", _plain(word), label=True)


def holds(tokens: str, word: str) -> str:
    """The SQL of whether one of `tokens`, SQL for a list of text, holds a word."""
    # Character 31 between them: no word is found across two tokens.
    return f"contains(lower(array_to_string({tokens}, chr(31))), {quote(_plain(word))})"


def labelled(word: str) -> str:
    """The SQL of whether the label holds a word."""
    return f"contains(lower(label), {quote(_plain(word))})"


def _plain(word: str) -> str:
    return word.replace('"', "").lower()
