"""Saved queries: the ones that come with saetui teach its tables."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from saetui.looks import FOLDER
from saetui.widgets.rows import Column, Rows


class Saved(NamedTuple):
    """A query with a name."""

    title: str
    sql: str


def shipped(folder: Path = FOLDER / "queries") -> list[Saved]:
    """The queries in ``themes/queries/*.sql``, by file name; the first line is the title."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        found.append(Saved(first.removeprefix("--").strip(), rest.strip()))
    return found


class SavedList(Rows):
    """One line a query."""

    def __init__(self) -> None:
        super().__init__([Column("query", 0, lambda row: row[0])], id="sql-saved")
        self.add_class("pane")

    def copied(self) -> tuple[str, str] | None:
        """The query."""
        return (str(self.current[1]), "SQL") if self.current else None

    def sql(self) -> str | None:
        """The query."""
        return str(self.current[1]) if self.current else None
