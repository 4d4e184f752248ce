"""What a user may type to filter features, turned into SQL.

Words must all occur in the label or the top tokens, whatever their case. ``promoted:WORD`` and
``suppressed:WORD`` look at the tokens a feature pushes up or down, ``label:WORD`` at its label
alone; ``density<0.001`` and ``max>5`` compare a column; ``dead``, ``alive``, ``labelled`` and
``unlabelled`` mean what they say. A word in double quotes may hold spaces.
"""

from __future__ import annotations

import re

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

_SAID = {
    "dead": "density = 0",
    "alive": "density > 0",
    "labelled": "label IS NOT NULL",
    "unlabelled": "label IS NULL",
}


def quote(text: str) -> str:
    """`text` as an SQL literal."""
    return "'" + text.replace("'", "''").replace("\0", "") + "'"


TOKENS = "lower(array_to_string(top_tokens, ' '))"
"""The text of the top tokens that plain words are looked for in."""


def conditions(search: str, tokens: str = TOKENS) -> list[str]:
    """SQL conditions, all of which a feature must meet; none for an empty `search`.

    `tokens` is the SQL expression that plain words are looked for in, beside the label.
    """
    return [_condition(word, tokens) for word in _WORD.findall(search)]


def needs_tokens(search: str) -> bool:
    """Whether `search` asks about promoted or suppressed tokens."""
    return any(word.startswith(("promoted:", "suppressed:")) for word in _WORD.findall(search))


def _condition(word: str, tokens: str) -> str:
    if word in _SAID:
        return _SAID[word]
    if compared := _COMPARED.match(word):
        return f"{COLUMNS[compared[1]]} {compared[2]} {compared[3]}"
    prefix, colon, rest = word.partition(":")
    if colon and rest and prefix in ("promoted", "suppressed"):
        pushed = f"list_transform({prefix}, lambda t: lower(t.token))"
        return f"contains(array_to_string({pushed}, ' '), {_literal(rest)})"
    if colon and rest and prefix == "label":
        return f"contains(lower(label), {_literal(rest)})"
    said = f"contains({tokens}, {_literal(word)})"
    return f"({said} OR contains(lower(label), {_literal(word)}))"


def _literal(word: str) -> str:
    return quote(word.replace('"', "").lower())
