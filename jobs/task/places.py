"""The places in documents that a slice's SQL chooses. Torch-free, so that what is wrong with it is
told before a job starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.chosen import fetched, readable
from store.errors import AskedWrongly
from store.views import quoted

if TYPE_CHECKING:
    import duckdb

    from store import Workspace

PREFIX = "sql:"
_MOST = 100_000


class Place(NamedTuple):
    """Where a prompt ends."""

    corpus: str
    doc: int
    pos: int | None
    """The prompt's last token; None: the document's last."""


def look(ws: Workspace, name: str) -> duckdb.DuckDBPyRelation:
    """The SQL of the slice `name`, only looked at; raises AskedWrongly where it cannot be run or
    lacks the columns.
    """
    relation = readable(ws, name.removeprefix(PREFIX).strip())
    if relation is None:
        raise AskedWrongly("The slice's SQL gives no rows; it must SELECT corpus, doc, pos.")
    if missing := [column for column in ("corpus", "doc") if column not in relation.columns]:
        raise AskedWrongly(
            f"The slice's SQL gives {', '.join(relation.columns)}, and no "
            f"{' and no '.join(missing)}; it must SELECT corpus, doc, and pos or dictionary and "
            "feature."
        )
    return relation


def places_of(ws: Workspace, name: str) -> list[Place]:
    """Where the prompts of the slice `name` end, see `jobs.task.slices.slice_task`."""
    relation = look(ws, name)
    columns = relation.columns
    held = fetched(relation.limit(_MOST + 1))
    if len(held) > _MOST:
        raise AskedWrongly(f"The slice has over {_MOST:,} rows; add LIMIT or USING SAMPLE.")
    rows = [dict(zip(columns, row, strict=True)) for row in held]
    if not rows:
        raise AskedWrongly(
            "The slice's SQL chose no rows, so there is nothing to find a circuit of."
        )
    if "pos" not in columns and {"dictionary", "feature"} <= set(columns):
        rows = _strongest(ws, rows)
    if "activation" in columns:
        rows.sort(key=lambda row: row["activation"] or 0)
        rows = list({(row["corpus"], row["doc"]): row for row in rows}.values())
    found = {Place(str(row["corpus"]), _int(row["doc"]), _int(row.get("pos"))) for row in rows}
    return sorted(found, key=lambda place: (place.corpus, place.doc, place.pos or 0))


def _int(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AskedWrongly(f"The slice's doc and pos must be whole numbers from 0, not {value!r}.")
    return value


def _strongest(ws: Workspace, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the position at which their feature fires most in the document."""
    which = {(str(row["dictionary"]), _int(row["feature"])) for row in rows}
    at: dict[tuple[Any, ...], int] = {}
    for dictionary, feature in which:
        found = ws.sql(
            "SELECT corpus, doc, arg_max(pos, activation) FROM "
            f"feature_activations({quoted(dictionary)}, {feature}) GROUP BY corpus, doc"
        ).fetchall()
        at |= {(dictionary, feature, corpus, doc): pos for corpus, doc, pos in found}
    placed = [
        row | {"pos": pos}
        for row in rows
        if (pos := at.get((str(row["dictionary"]), row["feature"], row["corpus"], row["doc"])))
        is not None
    ]
    if not placed:
        raise AskedWrongly("In no document of the slice does its feature fire; choose others.")
    return placed
