"""The SQL guard: one statement that only reads, and nothing outside the workspace.

DuckDB's sandbox (see `store.connection`) keeps reads inside the workspace, but lets ``COPY``,
``ATTACH`` and ``EXPORT`` write there. DuckDB's own parser tells what a statement is, yet its
statement type is not enough: ``EXPLAIN ANALYZE COPY …`` is an EXPLAIN and
``WITH a AS (COPY …) FROM a`` is a SELECT, and both write. So the guard takes a SELECT only, strips
EXPLAIN and looks again, and then looks at every node of the syntax tree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from store.errors import AskedWrongly
from store.schema import MACROS

if TYPE_CHECKING:
    import duckdb

_QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_TABLE_FUNCTIONS = {
    *(macro.name for macro in MACROS),
    *("generate_series", "range", "repeat", "repeat_row", "unnest", "summary", "query_table"),
    *("read_parquet", "parquet_scan", "parquet_metadata", "parquet_schema", "parquet_kv_metadata"),
    *("parquet_file_metadata", "parquet_full_metadata", "parquet_bloom_probe"),
    *("read_csv", "read_csv_auto", "sniff_csv", "read_text", "read_blob", "glob"),
    *("read_json", "read_json_auto", "read_json_objects", "read_json_objects_auto"),
    *("read_ndjson", "read_ndjson_auto", "read_ndjson_objects", "read_ndjson_objects_auto"),
    *("json_each", "json_tree", "test_all_types", "pg_timezone_names", "icu_calendar_names"),
    *("duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_functions"),
    *("duckdb_keywords", "duckdb_memory", "duckdb_optimizers", "duckdb_schemas", "duckdb_settings"),
    *("duckdb_tables", "duckdb_types", "duckdb_views", "pragma_version", "pragma_table_info"),
}
_REFUSED_FUNCTIONS = {"write_log", "nextval", "setval", "sleep_ms", "getenv"}
_EXPLAIN_OPTIONS = {"analyze", "format"}


def check_select(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Returns the one statement in `sql`, ready to run, if all it does is read.

    SELECT, WITH, FROM, VALUES, TABLE, UNPIVOT, DESCRIBE, SHOW and SUMMARIZE pass, and EXPLAIN of
    them. Raises AskedWrongly, saying why, for none or several statements, for any other, for one
    that DuckDB cannot parse (with DuckDB's message), and for functions that change something.
    """
    kind, statement = _single(connection, sql)
    if kind != "EXPLAIN":
        _check_reads(connection, kind, statement)
        return statement
    prefix, inner = _explained(statement)
    _check_reads(connection, *_single(connection, inner))
    return f"{prefix} {inner}"


def _single(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, str]:
    """The type and the text of the only statement."""
    import duckdb

    try:
        found = connection.extract_statements(sql)
    except (duckdb.Error, UnicodeError, TypeError) as error:
        raise AskedWrongly(str(error).strip()) from None
    if not found:
        raise AskedWrongly("There is no SQL statement to run.")
    if len(found) > 1:
        raise AskedWrongly(f"One statement at a time is run, and there are {len(found)}.")
    return found[0].type.name, found[0].query.strip().rstrip(";").rstrip()


def _check_reads(connection: duckdb.DuckDBPyConnection, kind: str, statement: str) -> None:
    if kind == "MULTI":
        raise AskedWrongly("PIVOT needs its values listed here: PIVOT … ON column IN (…).")
    if kind != "SELECT":
        raise AskedWrongly(f"Only statements that read are run here, and this is {_article(kind)}.")
    for node in _nodes(_tree(connection, statement)):
        _check_node(node)


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind.replace('_', ' ')} statement"


def _tree(connection: duckdb.DuckDBPyConnection, statement: str) -> dict[str, Any]:
    """DuckDB's syntax tree of a SELECT statement."""
    # A cursor of its own: results that are still being read from `connection` stay open.
    with connection.cursor() as cursor:
        row = cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [statement]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree.get("error") or len(tree.get("statements", ())) != 1:
        raise AskedWrongly(f"This statement cannot be checked: {tree.get('error_message', '')}")
    return tree


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _check_node(node: dict[str, Any]) -> None:
    kind = node.get("type")
    if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _QUERY_NODES:
        raise AskedWrongly(
            "Only statements that read are run here, and this holds "
            f"{_article(kind.removesuffix('_NODE').removesuffix('_QUERY'))}."
        )
    if kind == "TABLE_FUNCTION":
        name = str(node.get("function", {}).get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            raise AskedWrongly(f"The table function {name!r} is not run here.")
    if str(node.get("function_name", "")).lower() in _REFUSED_FUNCTIONS:
        raise AskedWrongly(f"The function {node['function_name']!r} is not run here.")


def _explained(statement: str) -> tuple[str, str]:
    """Parts ``EXPLAIN [ANALYZE] [(options)]`` from the statement that is explained."""
    import duckdb

    text = statement.encode()
    starts = [at for at, kind in duckdb.tokenize(statement) if kind.name != "comment"]
    words = [
        _word(text, start, end) for start, end in zip(starts, [*starts[1:], None], strict=True)
    ]
    at, prefix = 1, "EXPLAIN"
    if words[at : at + 1] == ["analyze"]:
        at, prefix = at + 1, "EXPLAIN ANALYZE"
    if words[at : at + 1] == ["("] and words[at + 1 : at + 2][0] in _EXPLAIN_OPTIONS:
        close = words.index(")", at)
        options = words[at + 1 : close]
        if not all(word == "," or word.isalnum() for word in options):
            raise AskedWrongly("EXPLAIN takes (ANALYZE) and (FORMAT json) here.")
        at, prefix = close + 1, f"{prefix} ({' '.join(options)})"
    if at >= len(starts):
        raise AskedWrongly("There is nothing to explain.")
    return prefix, text[starts[at] :].decode()


def _word(text: bytes, start: int, end: int | None) -> str:
    """A token, without the comment or space that may follow it, in lower case."""
    raw = text[start:end].decode(errors="replace")
    word = ""
    for letter in raw:
        if not (letter.isalnum() or letter == "_"):
            break
        word += letter
    return (word or raw[:1]).lower()
