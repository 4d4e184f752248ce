"""The page of tables says everything the schema declares, and its examples run."""

from __future__ import annotations

from pathlib import Path

from store import Workspace
from store.docs import tables_page
from store.schema import MACROS, TABLES


def test_every_public_column_is_there() -> None:
    page = tables_page()
    for table in TABLES.values():
        assert (f"## {table.name}\n" in page) == table.public
        for column in table.columns if table.public else ():
            assert f"| `{column.name}` | {column.type} | {column.says}" in page
    assert "| `activation` | FLOAT | how strongly the feature fires (units of" in page


def test_the_examples_of_the_macros_run(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    for macro in MACROS:
        assert macro.example in tables_page()
        assert workspace.sql(macro.example).fetchall() == []
