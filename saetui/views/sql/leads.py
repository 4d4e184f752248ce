"""Where a row of a result leads, told by the names of its columns: all that has an id is a link."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from saetui.links import Link, feature_id, to

FEATURE = re.compile(r"^[^#\s]+/[^#\s]+#\d+$")
"""A feature's id."""

CLUSTER = re.compile(r"^cluster-\d+#\d+$")
"""A cluster's id."""

_PART = re.compile(r"^(.*?)(dictionary|feature)$")
"""A column that holds a dictionary or a feature; what stands before tells which of several."""

_NODES = ("node", "source", "target")
"""Columns that hold a node of a circuit."""

_IN_DOCUMENT = ("doc", "pos", "corpus", "token")
"""Columns of a place in a document."""


class Place(NamedTuple):
    """A token of a document: it opens as a text, over the view."""

    corpus: str
    doc: int
    pos: int


def leads(name: str, columns: Collection[str]) -> bool:
    """Whether the values of the column `name` lead somewhere, whatever they are."""
    if name in ("job", "run", "circuit", "model", "corpus") or name.endswith("dictionary"):
        return True
    if name in _NODES:
        return "circuit" in columns
    if name == "cluster":
        return "run" in columns
    if name in ("doc", "pos"):
        return {"corpus", "doc"} <= set(columns)
    found = _PART.match(name)
    return found is not None and bool({f"{found[1]}dictionary", "dictionary"} & set(columns))


def link(name: str, row: Mapping[str, Any]) -> Link | Place | None:
    """Where the value under `name` leads, else where its row does; None where neither does."""
    return _value(name, row) or _place(name, row) or _cluster(name, row) or _row(name, row)


def _value(name: str, row: Mapping[str, Any]) -> Link | None:
    """What the value alone tells."""
    value = row[name]
    if not isinstance(value, str):
        return None
    if FEATURE.match(value):
        return Link("features", value)
    if CLUSTER.match(value):
        return Link("manifolds", value)
    if name in _NODES and row.get("circuit"):
        return Link("circuits", f"{row['circuit']}::{value}")
    if name in ("circuit", "model", "job") or (name == "corpus" and "doc" not in row):
        return to(name, value)
    if name == "run" and "cluster" not in row:
        return _run(value, row)
    return None


def _run(name: str, row: Mapping[str, Any]) -> Link:
    """A run of `cluster` is shown as a whole, others by the job that made them."""
    return to("clusters" if "n_clusters" in row else "job", name)


def _place(name: str, row: Mapping[str, Any]) -> Place | None:
    """A document, from one of its own columns, or where the row is about nothing else."""
    corpus, doc, pos = row.get("corpus"), row.get("doc"), row.get("pos")
    alone = not any(column.endswith("dictionary") for column in row)
    if not isinstance(corpus, str) or not isinstance(doc, int):
        return None
    if name not in _IN_DOCUMENT and not alone:
        return None
    return Place(corpus, doc, pos if isinstance(pos, int) else -1)


def _cluster(name: str, row: Mapping[str, Any]) -> Link | None:
    """A cluster of a run, unless the cursor is on a feature of it."""
    run, cluster = row.get("run"), row.get("cluster")
    if not isinstance(run, str) or not isinstance(cluster, int) or cluster < 0:
        return None
    if _PART.match(name) or (name != "cluster" and "feature" in row):
        return None
    return Link("manifolds", f"{run}#{cluster}")


def _row(name: str, row: Mapping[str, Any]) -> Link | None:
    """A feature or a dictionary, else a circuit, a run, a job, a model, a corpus."""
    before = found[1] if (found := _PART.match(name)) else ""
    dictionary = row.get(f"{before}dictionary") or row.get("dictionary")
    feature = row.get(f"{before}feature")
    if isinstance(dictionary, str) and isinstance(feature, int):
        return Link("features", feature_id(dictionary, feature))
    if isinstance(dictionary, str):
        return Link("features", dictionary)
    if isinstance(run := row.get("run"), str) and not row.get("circuit"):
        return _run(run, row)
    kinds = (
        kind for kind in ("circuit", "job", "model", "corpus") if isinstance(row.get(kind), str)
    )
    return next((to(kind, row[kind]) for kind in kinds), None)
