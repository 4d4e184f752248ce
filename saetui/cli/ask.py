"""Questions of the commands to the workspace, and what damaged files do to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from saetui.cli.interrupted import interruptible
from saetui.cli.output import note
from saetui.cli.rows import read
from saetui.cli.sql import duckdb_errors

if TYPE_CHECKING:
    from store import Workspace


class Found(NamedTuple):
    """A whole answer."""

    columns: list[str]
    records: list[dict[str, Any]]
    """Every row, with values that JSON knows."""


def ask(ws: Workspace, query: str) -> Found:
    """The answer to `query`; where a damaged file is in the way, the answer without it.

    Raises SaetuiError with DuckDB's own words.
    """
    from store.damage import suspected

    with interruptible(), duckdb_errors():
        try:
            return _found(ws, query)
        except Exception as error:
            if not (suspected(error) and ws.mend()):
                raise
            return _found(ws, query)


def _found(ws: Workspace, query: str) -> Found:
    rows = read(ws.sql(query))
    return Found(rows.columns, list(rows.records()))


def tell_damage(ws: Workspace) -> None:
    """Says on stderr that an answer may lack what damaged files held."""
    if damaged := ws.catalog().damaged():
        are = "1 damaged file is" if len(damaged) == 1 else f"{len(damaged)} damaged files are"
        note(f"{are} left out, e.g. {damaged[0][0]}; `saetui doctor {ws.root}` names what to do.")


def tell_removed(ws: Workspace, dictionaries: Iterable[str]) -> None:
    """Says on stderr which dictionaries of a run are there no more."""
    there = set(ws.dictionaries())
    for name in dictionaries:
        if name not in there:
            note(f"{name} was removed since; what is told of it is what the run found.")
