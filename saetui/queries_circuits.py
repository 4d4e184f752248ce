"""The SQL behind the circuits view and its command-line twins: searches, nodes, edges, curves.

Each function returns one SELECT over the public tables, with its literals in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from saetui.queries import Order
from saetui.search import quote, words

SORTS: dict[str, Order] = {
    "cmd": Order("cmd", False),
    "cpr": Order("cpr", True),
    "cmdlog": Order("cmd_log", False),
    "for80": Order("nodes_for_80", False),
    "passes": Order("passes", False),
    "seconds": Order("seconds", False),
    "method": Order("method", False),
    "nodes": Order("nodes", False),
    "newest": Order("created_at", True),
}
"""What circuits can be sorted by within their tasks, in the order that ``s`` goes through."""

LIST_COLUMNS = (
    *("circuit", "task", "model", "method", "nodes", "metric", "ablation", "errors"),
    *("per_position", "dictionaries", "n_nodes", "cmd", "cmd_low", "cmd_high"),
    *("cpr", "cpr_low", "cpr_high", "nodes_for_80", "forward_passes", "backward_passes"),
    *("passes", "seconds", "n_search", "n_held_out", "accuracy", "clean_score"),
    *("corrupt_score", "node_auc", "edge_auc", "transfer", "transfer_cmd", "seed", "created_at"),
    *("cmd_log", "cpr_log", "edges_among", "spans"),
)
"""Columns of a list of circuits: those of ``circuits``, and ``passes``, forwards and backwards."""

NODE_COLUMNS = (
    *("node", "dictionary", "feature", "component", "position", "effect", "rank", "exact"),
    *("low", "high", "stability", "label", "span"),
)
EDGE_COLUMNS = ("source", "target", "effect", "rank", "stability")
CURVE_COLUMNS = (
    *("circuit", "n_nodes", "n_edges", "faithfulness", "completeness"),
    *("faithfulness_low", "faithfulness_high", "completeness_low", "completeness_high"),
)

_COMPARED = re.compile(r"^([a-z0-9]+)(<=|>=|<|>|=)(-?\d*\.?\d+(?:e[+-]?\d+)?)$")
_NUMBERS = {name: order.column for name, order in SORTS.items() if name not in ("method", "nodes")}
_SAID = {
    "baseline": "method IN ('activation', 'random')",
    "baselines": "method IN ('activation', 'random')",
    "position": "per_position AND spans IS NULL",
    "span": "spans IS NOT NULL",
    "spans": "spans IS NOT NULL",
}
_TEXT = ("circuit", "task", "model", "method", "nodes", "ablation", "metric")


def order_by(sort: str, reverse: bool = False) -> str:
    """The ORDER BY of a list of circuits; raises KeyError for a sort not in `SORTS`."""
    order = SORTS[sort]
    direction = "DESC" if order.descending != reverse else "ASC"
    return f"task, model, metric, {order.column} {direction} NULLS LAST, circuit"


def conditions(search: str) -> list[str]:
    """What rows of ``circuits`` must meet: every word of `search`.

    A word is looked for in the circuit's name, task, model, method, kind of nodes, ablation and
    metric, whatever its case; ``cmd<0.2``, ``for80<=30`` and the other names of `SORTS` compare;
    ``baseline`` finds what is held against, ``position`` what has a node for each position,
    ``span`` what has one for each span.
    """
    return [_condition(word) for word in words(search)]


def _condition(word: str) -> str:
    if word in _SAID:
        return _SAID[word]
    compared = _COMPARED.match(word)
    if compared and compared[1] in _NUMBERS and compared[1] != "newest":
        return f"{_NUMBERS[compared[1]]} {compared[2]} {compared[3]}"
    plain = quote(word.replace('"', "").lower())
    return f"contains(lower(concat_ws(chr(31), {', '.join(_TEXT)})), {plain})"


def circuits(*, sort: str = "cmd", reverse: bool = False, search: str = "") -> str:
    """Circuit searches task by task, filtered by `search` (see `conditions`)."""
    columns = ", ".join(LIST_COLUMNS).replace(
        "passes, seconds", "forward_passes + backward_passes AS passes, seconds"
    )
    where = " AND ".join(conditions(search))
    return (
        f"SELECT {columns}\nFROM circuits\n"
        + (f"WHERE {where}\n" if where else "")
        + f"ORDER BY {order_by(sort, reverse)}"
    )


def circuit(name: str) -> str:
    """Everything that ``circuits`` says of one."""
    return f"SELECT * FROM circuits WHERE circuit = {quote(name)}"


def nodes(name: str, limit: int | None = None) -> str:
    """The nodes of a circuit in the order in which they are taken in, under the newest labels."""
    columns = ", ".join(f"n.{column}" for column in NODE_COLUMNS if column != "label")
    sql = (
        f"SELECT {columns},\n       coalesce(l.label, n.label) AS label\n"
        "FROM circuit_nodes n LEFT JOIN (\n"
        '  SELECT dictionary, feature, arg_max_null(label, "at") AS label FROM labels\n'
        "  GROUP BY dictionary, feature\n"
        ") l USING (dictionary, feature)\n"
        f"WHERE n.circuit = {quote(name)}\nORDER BY n.rank, n.node"
    )
    return sql if limit is None else f"{sql}\nLIMIT {limit}"


def node(name: str, number: str) -> str:
    """Everything that ``circuit_nodes`` says of one node."""
    return f"SELECT * FROM circuit_nodes WHERE circuit = {quote(name)} AND node = {quote(number)}"


def edges(name: str, of: str | None = None, limit: int | None = None) -> str:
    """The edges of a circuit, the strongest first; only those into and out of the node `of`."""
    where = f"circuit = {quote(name)}"
    if of is not None:
        where += f" AND (source = {quote(of)} OR target = {quote(of)})"
    sql = (
        f"SELECT {', '.join(EDGE_COLUMNS)}\nFROM circuit_edges\nWHERE {where}\n"
        "ORDER BY rank, source, target"
    )
    return sql if limit is None else f"{sql}\nLIMIT {limit}"


def coded_edges(name: str, nodes: int, limit: int) -> str:
    """The strongest `limit` edges of a circuit with their ends as numbers: the place of a node
    among the first `nodes` by rank, -1 for the metric, -2 for any other; ``token`` is the source
    where that is a token's.
    """
    of = f"circuit = {quote(name)}"
    return (
        "WITH n AS (\n"
        "  SELECT node, (row_number() OVER (ORDER BY rank, node) - 1)::INTEGER AS place\n"
        f"  FROM circuit_nodes WHERE {of} ORDER BY rank, node LIMIT {nodes}\n"
        "), e AS (\n"
        f"  FROM circuit_edges WHERE {of} ORDER BY rank LIMIT {limit}\n"
        ")\n"
        "SELECT coalesce(s.place, -2) AS source,\n"
        "       CASE WHEN e.target = 'logits' THEN -1 ELSE coalesce(t.place, -2) END AS target,\n"
        "       e.effect, e.rank, e.stability,\n"
        "       CASE WHEN s.place IS NULL AND regexp_full_match(e.source, 'embed(@[\\w-]+)?')\n"
        "            THEN e.source END AS token\n"
        "FROM e LEFT JOIN n s ON s.node = e.source LEFT JOIN n t ON t.node = e.target"
    )


def how_many(name: str) -> str:
    """How many nodes of a circuit are ranked, and how many edges it has."""
    of = f"WHERE circuit = {quote(name)}"
    return (
        f"SELECT (SELECT count(*) FROM circuit_nodes {of}) AS nodes,\n"
        f"       (SELECT count(*) FROM circuit_edges {of}) AS edges"
    )


def curves(names: Iterable[str], prompts: str = "held_out") -> str:
    """Faithfulness and completeness over size of some circuits, on one kind of prompts."""
    some = ", ".join(map(quote, names)) or "NULL"
    return (
        f"SELECT {', '.join(CURVE_COLUMNS)}\nFROM circuit_curve\n"
        f"WHERE circuit IN ({some}) AND prompts = {quote(prompts)}\nORDER BY circuit, n_nodes"
    )


def prompts(name: str) -> str:
    """The prompts of a circuit search."""
    return (
        "SELECT prompt, half, clean, corrupt, answer, wrong, clean_score, corrupt_score\n"
        f"FROM circuit_prompts WHERE circuit = {quote(name)}\nORDER BY prompt"
    )


def examples(features: Mapping[str, Iterable[int]], around: int = 12) -> str:
    """Where each of some features fires most: the token in its context, and how strongly."""
    wanted = [
        f"(dictionary = {quote(dictionary)} AND feature IN ({', '.join(map(str, numbers))}))"
        for dictionary, some in features.items()
        if (numbers := sorted(set(some)))
    ]
    return (
        "WITH tops AS (\n"
        "  SELECT dictionary, feature, corpus, doc, pos, activation FROM top_activations\n"
        "  WHERE rank = 0 AND quantile IS NULL\n    AND ("
        + ("\n    OR ".join(wanted) or "false")
        + ")\n)\n"
        "SELECT dictionary, feature, activation,\n"
        f"       array_to_string(pieces[greatest(pos::INTEGER - {around}, 0) + 1 : pos], '')\n"
        "         AS before,\n"
        "       pieces[pos + 1] AS peak,\n"
        f"       array_to_string(pieces[pos + 2 : pos + 1 + {around}], '') AS after\n"
        "FROM tops JOIN documents USING (corpus, doc)"
    )


# Causal edges of single features

EFFECT_COLUMNS = (
    *("run", "source_dictionary", "source_feature", "target_dictionary", "target_feature"),
    *("target_component", "effect", "low", "high", "n", "null_effect", "q_value", "significant"),
    *("method", "label"),
)
"""Columns of a list of causal edges; ``label`` is that of the other end."""


def edge_runs() -> str:
    """Every run of ``ablate``, newest first."""
    return (
        "SELECT run, model, dictionaries, n_sources, n_silent, n_edges, n_tested, n_significant,\n"
        "       ablation, contexts, n_documents, fdr, nulls, forward_passes, seed, seconds,\n"
        "       created_at\n"
        "FROM edge_runs ORDER BY created_at DESC NULLS LAST, run DESC"
    )


def effects(dictionary: str, number: int, *, into: bool = False, limit: int | None = None) -> str:
    """What ablating a feature changes, or (`into`) whose ablation changes it: of each pair what the
    newest run says, the strongest first, those that clear their nulls before the others.
    """
    own, other = ("target", "source") if into else ("source", "target")
    columns = ", ".join(f"e.{column}" for column in EFFECT_COLUMNS if column != "label")
    words = "list_transform(f.top_tokens[1:6], lambda t: trim(t))"
    called = f"coalesce(f.label, array_to_string({words}, '  '))"
    sql = (
        "WITH e AS (\n"
        "  SELECT edges.* FROM edges LEFT JOIN edge_runs USING (run)\n"
        f"  WHERE {own}_dictionary = {quote(dictionary)} AND {own}_feature = {number}\n"
        "  QUALIFY row_number() OVER (\n"
        "    PARTITION BY source_dictionary, source_feature, target_dictionary, target_feature,\n"
        "                 target_component\n"
        "    ORDER BY created_at DESC NULLS LAST, run DESC) = 1\n"
        ")\n"
        f"SELECT {columns},\n       {called} AS label\n"
        "FROM e LEFT JOIN features f\n"
        f"  ON f.dictionary = e.{other}_dictionary AND f.feature = e.{other}_feature\n"
        "ORDER BY coalesce(e.significant, false) DESC, abs(e.effect) DESC,\n"
        f"         e.{other}_dictionary, e.{other}_feature, e.target_component"
    )
    return sql if limit is None else f"{sql}\nLIMIT {limit}"
