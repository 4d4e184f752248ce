"""Every table of a workspace, declared once.

The writer's check, the Parquet layout, the DuckDB view, the empty view of a new workspace and the
page that ``saetui docs tables`` prints all come from `TABLES`. Names are public: columns may be
added, none is renamed or dropped.
"""

from __future__ import annotations

from store.schema import causal, dictionaries, features, inputs, manifolds
from store.schema.declare import TOKEN_LOGITS, Column, Macro, Table
from store.schema.macros import MACROS

__all__ = ["MACROS", "TABLES", "TOKEN_LOGITS", "Column", "Macro", "Table"]

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *inputs.TABLES,
        *dictionaries.TABLES,
        *features.TABLES,
        *manifolds.TABLES,
        *causal.TABLES,
    )
}
