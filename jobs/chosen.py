"""Which features and documents a user's SQL, a run of cluster or a density chooses. Torch-free, so
that what it lacks is told before a job starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.specs.ablate import split_id
from store.errors import AskedWrongly, SaetuiError
from store.ids import nearest
from store.views import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import duckdb

    from jobs.specs import Ablate
    from store import Workspace

Sources = list[tuple[str, int]]
"""Dictionary and feature."""


def chosen(ws: Workspace, spec: Ablate) -> Sources:
    """The features that `spec` is to ablate, in any order. Raises AskedWrongly where there are
    none, or of dictionaries that are not looked at.
    """
    named = spec.all_dictionaries()
    if spec.features:
        return [split_id(feature) for feature in spec.features]
    if spec.cluster:
        return _of_cluster(ws, spec.cluster, named)
    if spec.select:
        return _of_query(ws, spec.select, named)
    return _by_density(ws, named, spec.density or 0.0)


def _of_cluster(ws: Workspace, cluster: str, named: list[str]) -> Sources:
    run, number = split_id(cluster, "cluster", "RUN#3")
    rows = ws.sql(
        f"SELECT dictionary, feature FROM clusters WHERE run = {quoted(run)} AND cluster = {number}"
    ).fetchall()
    if not rows:
        known = [
            row[0] for row in ws.sql("SELECT DISTINCT run FROM clusters ORDER BY 1").fetchall()
        ]
        if run not in known:
            raise AskedWrongly(f"There is no cluster run {run!r}: {nearest(run, known, 'runs')}")
        raise AskedWrongly(f"Cluster run {run} has no cluster {number}.")
    return _of_named(rows, named, f"Cluster {cluster} is of", "a cluster run of those")


def _of_query(ws: Workspace, query: str, named: list[str]) -> Sources:
    rows = rows_of(ws, "select", query, ("dictionary", "feature"))
    return _of_named(rows, named, "select gives features of", "choose others")


def _of_named(
    rows: Sequence[tuple[Any, ...]], named: list[str], says: str, instead: str
) -> Sources:
    """The features that `rows` tell, which must be of dictionaries that were named."""
    for dictionary in dict.fromkeys(row[0] for row in rows):
        if dictionary not in named:
            raise AskedWrongly(
                f"{says} {dictionary}, which is not among dictionaries=…; name it, or {instead}."
            )
    return [(str(dictionary), int(feature)) for dictionary, feature in rows]


def _by_density(ws: Workspace, named: list[str], density: float) -> Sources:
    found: Sources = []
    for name in named:
        rows = ws.sql(
            f"SELECT feature, density FROM dictionary_features({quoted(name)})"
        ).fetchall()
        if not rows:
            raise AskedWrongly(
                f"{name} has no profile, so how often its features fire is not known; "
                f"`saetui run profile dictionaries={name}` comes first."
            )
        found += [(name, int(feature)) for feature, share in rows if share > density]
    if not found:
        raise AskedWrongly(f"No feature fires on more than {density:g} of the tokens.")
    return found


def relation_of(
    ws: Workspace, key: str, query: str, columns: tuple[str, str]
) -> duckdb.DuckDBPyRelation:
    """A query that must have two columns by these names; only looked at, not run. Raises
    AskedWrongly where it has not, and with DuckDB's words where it cannot be run.
    """
    relation = readable(ws, query)
    there = list(relation.columns)
    if missing := [column for column in columns if column not in there]:
        raise AskedWrongly(
            f"{key} gives columns {', '.join(there)}; it needs {' and '.join(columns)}, and "
            f"{missing[0]} is missing."
        )
    return relation


def rows_of(ws: Workspace, key: str, query: str, columns: tuple[str, str]) -> list[tuple]:
    """Different rows of the two columns; raises AskedWrongly where there are none."""
    relation = relation_of(ws, key, query, columns)
    rows = [tuple(row) for row in fetched(relation.project(", ".join(columns)).distinct())]
    if not rows:
        raise AskedWrongly(f"The SQL of {key} gives no rows, so there is nothing to ablate.")
    if any(value is None for row in rows for value in row):
        raise AskedWrongly(f"The SQL of {key} gives rows without {' or '.join(columns)}.")
    return rows


def readable(ws: Workspace, query: str) -> duckdb.DuckDBPyRelation:
    """`query` as a relation; raises AskedWrongly, in DuckDB's words, for what is no query here."""
    try:
        return ws.sql(query)
    except SaetuiError as error:
        raise AskedWrongly(str(error)) from None


def fetched(relation: duckdb.DuckDBPyRelation) -> list[tuple]:
    """All rows; raises AskedWrongly, in DuckDB's words, for what only running it shows."""
    import duckdb

    try:
        return relation.fetchall()
    except duckdb.Error as error:
        raise AskedWrongly(str(error).strip()) from None
