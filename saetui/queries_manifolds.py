"""The SQL behind the manifolds view and its command-line twin: runs, clusters, members, the map.

Each function returns one SELECT over the public tables, with its literals in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from saetui.queries import Order
from saetui.search import LABELLED, holds, labelled, quote, words

SORTS: dict[str, Order] = {
    "size": Order("n_features", True),
    "cohesion": Order("cohesion", True),
    "separation": Order("separation", True),
    "q": Order("q_value", False),
    "stability": Order("stability", True),
    "dimension": Order("intrinsic_dimension", True),
    "activation": Order("activation_share", True),
    "fvu": Order("fvu_share", True),
    "label": Order("label", False),
    "cluster": Order("cluster", False),
}
"""What a list of clusters can be sorted by, in the order that ``s`` goes through."""

LIST_COLUMNS = (
    "cluster",
    "label",
    "n_features",
    "cohesion",
    "null_cohesion",
    "random_cohesion",
    "q_value",
    "significant",
    "separation",
    "stability",
    "intrinsic_dimension",
    "activation_share",
    "fvu_share",
)
"""Columns of a list of clusters."""

_SAID = {
    "significant": "significant",
    "insignificant": "NOT coalesce(significant, false)",
    **LABELLED,
}
_COMPARED = re.compile(r"^([a-z]+)(<=|>=|<|>|=)(-?\d*\.?\d+(?:e[+-]?\d+)?)$")


def runs() -> str:
    """Every run of ``cluster``, newest first."""
    return (
        "SELECT run, dictionaries, method, similarity, n_features, n_clusters, n_clustered,\n"
        "       n_significant, null_clusters, fdr, silhouette, seed, seconds, created_at,\n"
        "       n_planes, n_irreducible, n_alike, null_alike, random_alike\n"
        "FROM cluster_runs ORDER BY created_at DESC NULLS LAST, run DESC"
    )


def order_by(sort: str, reverse: bool = False) -> str:
    """The ORDER BY of a list of clusters; raises KeyError for a sort not in `SORTS`."""
    order = SORTS[sort]
    direction = "DESC" if order.descending != reverse else "ASC"
    tie = "" if order.column == "cluster" else ", cluster"
    return f"{order.column} {direction} NULLS LAST{tie}"


def conditions(search: str) -> list[str]:
    """What rows of ``cluster_summary`` must meet: every word of `search`.

    Words are looked for in labels and tokens, whatever their case; ``size>10``, ``q<0.01`` and the
    other names of `SORTS` compare; ``significant``, ``insignificant``, ``labelled`` and
    ``unlabelled`` mean what they say.
    """
    return [_condition(word) for word in words(search)]


def _condition(word: str) -> str:
    if word in _SAID:
        return _SAID[word]
    compared = _COMPARED.match(word)
    if compared and compared[1] in SORTS and compared[1] != "label":
        return f"{SORTS[compared[1]].column} {compared[2]} {compared[3]}"
    return f"({holds('tokens', word)} OR {labelled(word)})"


def clusters(
    name: str,
    *,
    sort: str = "size",
    reverse: bool = False,
    search: str = "",
) -> str:
    """The clusters of a run, filtered by `search` (see `conditions`)."""
    where = " AND ".join([f"run = {quote(name)}", *conditions(search)])
    return (
        f"SELECT {', '.join(LIST_COLUMNS)}, tokens\n"
        f"FROM cluster_summary\nWHERE {where}\nORDER BY {order_by(sort, reverse)}"
    )


def cluster(name: str, number: int) -> str:
    """Everything that ``cluster_summary`` says of one cluster."""
    return f"SELECT * FROM cluster_summary WHERE run = {quote(name)} AND cluster = {number}"


def members(name: str, number: int, limit: int | None = None) -> str:
    """The features of a cluster, the firmest first, with what they are called."""
    sql = (
        "SELECT c.dictionary, c.feature, c.membership, c.x, c.y,\n"
        "       f.density, f.max_activation, f.label, f.top_tokens\n"
        "FROM clusters c LEFT JOIN features f USING (dictionary, feature)\n"
        f"WHERE c.run = {quote(name)} AND c.cluster = {number}\n"
        "ORDER BY c.membership DESC NULLS LAST, c.dictionary, c.feature"
    )
    return sql if limit is None else f"{sql}\nLIMIT {limit}"


def points(name: str) -> str:
    """The map of a run: every feature with its place and its cluster."""
    return (
        "SELECT dictionary, feature, cluster, membership, x, y\n"
        f"FROM clusters WHERE run = {quote(name)}\nORDER BY dictionary, feature"
    )


def of_feature(dictionary: str, number: int) -> str:
    """The clusters that a feature is in, newest run first."""
    return (
        "SELECT c.run, c.cluster, c.membership, s.label, s.n_features, s.significant\n"
        "FROM clusters c LEFT JOIN cluster_summary s USING (run, cluster)\n"
        "LEFT JOIN cluster_runs r USING (run)\n"
        f"WHERE c.dictionary = {quote(dictionary)} AND c.feature = {number}\n"
        "ORDER BY r.created_at DESC NULLS LAST, c.run DESC"
    )


def geometry(name: str, number: int) -> str:
    """The principal planes of a cluster, with their indices beside the nulls."""
    return (
        f"SELECT * FROM cluster_geometry WHERE run = {quote(name)} AND cluster = {number}\n"
        "ORDER BY plane"
    )


def plane(name: str, number: int, plane: int) -> str:
    """Tokens on one principal plane of a cluster."""
    return (
        "SELECT corpus, doc, pos, token, u, v FROM cluster_planes\n"
        f"WHERE run = {quote(name)} AND cluster = {number} AND plane = {plane}\n"
        "ORDER BY corpus, doc, pos"
    )


def cluster_documents(name: str, number: int, limit: int = 24) -> str:
    """Documents among the strongest of a cluster's features: those of most features first."""
    return (
        "SELECT corpus, doc, count(DISTINCT (dictionary, feature)) AS members,\n"
        "       arg_max(pos, activation) AS pos, max(activation) AS activation\n"
        "FROM top_activations JOIN clusters USING (dictionary, feature)\n"
        f"WHERE run = {quote(name)} AND cluster = {number} AND quantile IS NULL\n"
        "GROUP BY corpus, doc\n"
        f"ORDER BY members DESC, activation DESC, corpus, doc\nLIMIT {limit}"
    )


def cluster_on_document(
    name: str, number: int, dictionaries: Iterable[str], corpus: str, doc: int
) -> str:
    """How the features of a cluster fire on one document, the strongest first; `dictionaries` are
    those of its run.
    """
    fired = "\n  UNION ALL ".join(
        f"FROM doc_activations({quote(dictionary)}, {doc})" for dictionary in dictionaries
    )
    return (
        f"WITH fired AS (\n  {fired}\n)\n"
        "SELECT dictionary, feature, list(pos ORDER BY pos) AS positions,\n"
        "       list(activation ORDER BY pos) AS activations, max(activation) AS strongest\n"
        "FROM fired JOIN clusters USING (dictionary, feature)\n"
        f"WHERE run = {quote(name)} AND cluster = {number} AND corpus = {quote(corpus)}\n"
        "GROUP BY dictionary, feature ORDER BY strongest DESC, dictionary, feature"
    )


def document(corpus: str, doc: int) -> str:
    """One document, its tokens apart."""
    return f"SELECT pieces, text FROM documents WHERE corpus = {quote(corpus)} AND doc = {doc}"


def how_many_planes(name: str) -> str:
    """How many planes a run measured."""
    return f"SELECT count(*) FROM cluster_geometry WHERE run = {quote(name)}"
