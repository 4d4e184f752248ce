"""The SQL behind what is told of splits, in view 3 and by ``saetui splits``: runs, pairs, parents,
children.

Each function returns one SELECT over the public tables, with its literals in place.
"""

from __future__ import annotations

from collections.abc import Sequence

from saetui.search import quote


def runs() -> str:
    """Every run of ``split``, newest first."""
    return "FROM split_runs ORDER BY created_at DESC, run DESC"


def pairs() -> str:
    """Every pair of dictionaries that a run of ``split`` compared, newest run first: its verdict,
    and that of all pairs of the run together.
    """
    return (
        "SELECT s.run, s.parent_dictionary, s.child_dictionary, s.verdict, r.n_pairs,\n"
        "       r.verdict AS together, s.odds_low, s.odds_high\n"
        "FROM split_summary s LEFT JOIN split_runs r USING (run)\n"
        "ORDER BY r.created_at DESC NULLS LAST, s.run DESC, s.parent_dictionary,\n"
        "         s.child_dictionary"
    )


def pairs_of(run: str) -> str:
    """The pairs of one run with all their figures, from the narrowest dictionary on."""
    return (
        f"SELECT * EXCLUDE run FROM split_summary WHERE run = {quote(run)}\n"
        "ORDER BY n_parents, parent_dictionary, n_children, child_dictionary"
    )


def seeds_of(run: str) -> str:
    """What each two seeds of one run say, of the narrower and of the wider dictionary."""
    return (
        f"SELECT * EXCLUDE run FROM split_seeds WHERE run = {quote(run)}\n"
        "ORDER BY parent_seed != child_seed, parent_seed, child_seed"
    )


def parents(
    run: str, pair: tuple[str, str] | None = None, least: int = 1, limit: int | None = None
) -> str:
    """Features with `least` children or more, those with most first: of one pair of dictionaries,
    the narrow and the wide one, or of all pairs of the run.
    """
    of_pair = pair and (
        f"\n    AND parent_dictionary = {quote(pair[0])} AND child_dictionary = {quote(pair[1])}"
    )
    sql = (
        "SELECT s.*, f.label, f.top_tokens\n"
        "FROM (\n"
        "  SELECT parent_dictionary, parent_feature, child_dictionary, count(*) AS children,\n"
        "         any_value(family_coverage) AS family_coverage, sum(absorbed) AS absorbed,\n"
        "         avg(same_manifold::INT) AS same_manifold,\n"
        "         count(same_manifold) AS in_a_cluster\n"
        f"  FROM splits WHERE run = {quote(run)}{of_pair or ''}\n"
        f"  GROUP BY ALL HAVING count(*) >= {least}\n"
        ") s LEFT JOIN features f\n"
        "  ON f.dictionary = s.parent_dictionary AND f.feature = s.parent_feature\n"
        "ORDER BY children DESC, parent_dictionary, parent_feature, child_dictionary"
    )
    return sql if limit is None else f"{sql}\nLIMIT {limit}"


def children(run: str, parent_dictionary: str, parent: int, wide: Sequence[str]) -> str:
    """The children of one feature in each of the dictionaries `wide`, the nearest first."""
    names = ", ".join(map(quote, wide))
    return (
        "SELECT child_dictionary AS dictionary, child_feature AS feature, cosine, implication,\n"
        "       coverage, family_coverage, absorbed, same_manifold, null_same_manifold,\n"
        "       rival_same_manifold, f.label, f.top_tokens\n"
        "FROM splits LEFT JOIN features f\n"
        "  ON f.dictionary = child_dictionary AND f.feature = child_feature\n"
        f"WHERE run = {quote(run)} AND parent_dictionary = {quote(parent_dictionary)}\n"
        f"  AND parent_feature = {parent} AND child_dictionary IN ({names})\n"
        "ORDER BY child_dictionary, cosine DESC, child_feature"
    )
