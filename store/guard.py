"""The SQL guard: one read-only statement, and nothing outside the workspace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from store.errors import AskedWrongly

if TYPE_CHECKING:
    import duckdb

_EXPLAIN = re.compile(r"explain\b(\s*analyze\b)?(\s*\([^()]*\))?", re.IGNORECASE)


def check_select(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Returns the one statement in `sql` if it only reads.

    Raises AskedWrongly for none, several, or one that is not SELECT-like.
    """
    import duckdb

    try:
        found = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise AskedWrongly(str(error).strip()) from None
    if len(found) != 1:
        raise AskedWrongly(
            f"One statement at a time is run, and this holds {len(found)}."
            if found
            else "There is no SQL statement here."
        )
    kind = found[0].type.name
    if kind == "EXPLAIN":
        inner = _EXPLAIN.sub("", found[0].query.strip(), count=1)
        return check_select(connection, inner) and found[0].query
    if kind != "SELECT":
        raise AskedWrongly(f"Only statements that read are run here; this one is {kind}.")
    return found[0].query
