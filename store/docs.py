"""The page ``saetui docs tables`` prints, made from the schema itself."""

from __future__ import annotations

from store.schema import MACROS, TABLES, Table

_INTRO = """\
# Tables

Views in DuckDB over the files of a workspace. Ask with `saetui sql "SELECT …"`, in the SQL view,
from Python (`Workspace("DIR").sql("…")`), or open `workspace.duckdb` read-only with the duckdb
shell. Ids are VARCHAR, numbers count from 0, and null means: not measured.
"""


def tables_page() -> str:
    """Markdown: every public table with its columns, then the macros."""
    tables = [_table(table) for table in TABLES.values() if table.public]
    macros = [
        f"## {macro.name}({', '.join(macro.arguments)})\n\n{macro.says}\n\n    {macro.example}\n"
        for macro in MACROS
    ]
    return "\n".join([_INTRO, *tables, "# Table macros\n", *macros])


def _table(table: Table) -> str:
    rows = [
        f"| `{c.name}` | {c.type} | {c.says}{f' ({c.unit})' if c.unit else ''}"
        f"{'; may be null' if c.nullable else ''} |"
        for c in table.columns
    ]
    head = ["| column | type | says |", "| --- | --- | --- |"]
    return "\n".join([f"## {table.name}\n", f"{table.says}\n", *head, *rows, ""])
