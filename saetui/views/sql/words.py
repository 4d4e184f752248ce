"""What the editor proposes: tables, columns, macros and the words of SQL."""

from __future__ import annotations

import re
from functools import cache

from store.schema import MACROS, TABLES

KEYWORDS = """
    SELECT FROM WHERE GROUP ORDER BY LIMIT JOIN LEFT USING ON AS AND OR NOT NULL IS IN LIKE ILIKE
    BETWEEN DESC ASC NULLS LAST WITH DISTINCT HAVING UNION ALL CASE WHEN THEN ELSE END FILTER OVER
    PARTITION QUALIFY UNNEST DESCRIBE SUMMARIZE SHOW TABLES EXPLAIN count avg sum min max list
    list_contains list_transform array_to_string contains lower trim round arg_max arg_min median
    quantile_cont histogram log10 corr row_number
"""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")


@cache
def known() -> tuple[str, ...]:
    """Every word there is to propose, tables first."""
    tables = [table.name for table in TABLES.values() if table.public]
    macros = [f"{macro.name}(" for macro in MACROS]
    columns = [c.name for table in TABLES.values() if table.public for c in table.columns]
    return tuple(dict.fromkeys([*tables, *columns, *macros, *KEYWORDS.split()]))


def proposals(before: str, most: int = 6) -> tuple[str, list[str]]:
    """The word that ends at the cursor, and words that go on from it; `before` is its line."""
    found = _WORD.search(before)
    if found is None or len(found[0]) < 2:
        return "", []
    word = found[0].lower()
    fitting = [name for name in known() if name.lower().startswith(word) and name.lower() != word]
    return found[0], fitting[:most]
