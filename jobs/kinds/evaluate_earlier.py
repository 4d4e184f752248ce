"""What earlier evaluations of a dictionary measured and the new one does not: it stays in sight."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

    from store import Workspace


class Earlier(NamedTuple):
    """Figures that stay, and where they are from."""

    rows: pa.Table
    """Rows of `evaluations` without their dictionary, which publishing adds."""
    origins: dict[str, dict[str, Any]]
    """Measure → ``job`` and ``command`` of the evaluation that measured it."""


def earlier(workspace: Workspace, dictionary: str, anew: Collection[str]) -> Earlier | None:
    """The live figures of `dictionary` but for the measures `anew`; None where there are none.

    A run of `evaluations` replaces the one before: so it holds all that is known.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from store.views import quoted

    runs = [run for run in workspace.catalog().live("evaluations") if run.scope == dictionary]
    found = (
        f"SELECT * EXCLUDE (dictionary) FROM evaluations WHERE dictionary = {quoted(dictionary)}"
    )
    rows = workspace.sql(found).to_arrow_table()
    rows = rows.filter(pc.invert(pc.is_in(rows["measure"], pa.array(sorted(anew), pa.string()))))
    if not runs or not len(rows):
        return None
    made = runs[-1].manifest
    own = {"job": made.get("job"), "command": made.get("command")}
    before = made.get("kept") or {}
    measures = dict.fromkeys(rows["measure"].to_pylist())
    return Earlier(rows, {measure: before.get(measure, own) for measure in measures})
