"""The SQL behind every pane and its command-line twin: what is run is what ``Y`` copies.

Each function returns one SELECT over the public tables, with its literals in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from saetui.search import Marked, conditions, quote, tokens_of


class Order(NamedTuple):
    """A way to sort the feature list."""

    column: str
    """Column of ``features``."""
    descending: bool
    """Whether the largest comes first."""


SORTS: dict[str, Order] = {
    "density": Order("density", True),
    "max": Order("max_activation", True),
    "mean": Order("mean_activation", True),
    "feature": Order("feature", False),
    "label": Order("label", False),
    "norm": Order("decoder_norm", True),
}
"""What a feature list can be sorted by, in the order that ``s`` goes through."""

LIST_COLUMNS = ("dictionary", "feature", "density", "max_activation", "mean_activation", "label")
"""Columns of a feature list, before its top tokens."""


def dictionaries() -> str:
    """Every dictionary with its quality, in the order of the model."""
    return (
        "SELECT dictionary, model, hook, layer, site, architecture, d_in, d_sae, corpus, seed,\n"
        "       tokens_trained, fvu, l0, ce_recovered, dead_fraction, created_at\n"
        "FROM dictionaries\n"
        "ORDER BY model, layer, site, dictionary"
    )


def evaluated(names: Sequence[str]) -> str:
    """What evaluations say of each dictionary as a whole; across seeds the mean over the others,
    of a spectrum, which is no one number, the median.
    """
    return (
        "SELECT dictionary, measure, avg(value) AS value, any_value(better) AS better\n"
        "FROM evaluations\n"
        f"WHERE {of(names)} AND (about IS NULL OR measure LIKE 'seed_%'\n"
        "  OR (about = 'p50' AND measure = 'log10_density'))\n"
        "GROUP BY dictionary, measure\n"
        "ORDER BY measure, dictionary"
    )


def models() -> str:
    """Every model that jobs have loaded."""
    return "SELECT model, family, n_layers, d_model, n_params FROM models ORDER BY model"


def profiled() -> str:
    """Dictionaries that have features, with how many."""
    return (
        "SELECT dictionary, count(*) AS features, count(label) AS labels\n"
        "FROM features GROUP BY dictionary ORDER BY dictionary"
    )


def coverage() -> str:
    """What is known of each profiled dictionary: features, labels, tokens it was profiled on."""
    return (
        "SELECT dictionary, features, labels, tokens\n"
        "FROM (SELECT dictionary, count(*) AS features, count(label) AS labels\n"
        "      FROM features GROUP BY dictionary)\n"
        "LEFT JOIN (SELECT dictionary, sum(n_tokens)::UBIGINT AS tokens\n"
        "           FROM quality GROUP BY dictionary) USING (dictionary)\n"
        "ORDER BY dictionary"
    )


def ids() -> str:
    """Every id that leads somewhere, with the kind of thing that it names; jobs are files."""
    return (
        "SELECT 'dictionary' AS kind, dictionary AS id FROM dictionaries\n"
        "UNION ALL SELECT 'model', model FROM models\n"
        "UNION ALL SELECT 'corpus', corpus FROM corpora\n"
        "UNION ALL SELECT 'clusters', run FROM cluster_runs\n"
        "UNION ALL SELECT 'circuit', circuit FROM circuits"
    )


def worked_on() -> str:
    """Which dictionaries each kind of job has worked on, as far as it has published anything."""
    return (
        "SELECT DISTINCT kind, dictionary FROM (\n"
        "  SELECT 'cluster' AS kind, unnest(dictionaries) AS dictionary FROM cluster_runs\n"
        "  UNION ALL SELECT 'split', unnest(dictionaries) FROM split_runs\n"
        "  UNION ALL SELECT 'evaluate', dictionary FROM evaluations\n"
        "  UNION ALL SELECT 'ablate', unnest(dictionaries) FROM edge_runs\n"
        "  UNION ALL SELECT 'circuit', unnest(dictionaries) FROM circuits\n"
        ")\nORDER BY kind, dictionary"
    )


def order_by(sort: str, reverse: bool = False) -> str:
    """The ORDER BY of a feature list; raises KeyError for a sort not in `SORTS`."""
    order = SORTS[sort]
    direction = "DESC" if order.descending != reverse else "ASC"
    tie = "" if order.column == "feature" else ", feature"
    return f"{order.column} {direction} NULLS LAST{tie}, dictionary"


def of(dictionaries: str | Sequence[str]) -> str:
    """The condition that a row is of one of `dictionaries`."""
    if isinstance(dictionaries, str):
        return f"dictionary = {quote(dictionaries)}"
    if len(dictionaries) == 1:
        return of(dictionaries[0])
    return f"dictionary IN ({', '.join(map(quote, dictionaries))})"


def features(
    dictionaries: str | Sequence[str],
    *,
    sort: str = "density",
    reverse: bool = False,
    search: str = "",
    marked: Marked | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> str:
    """The feature list of one or more dictionaries, filtered by `search` (see `saetui.search`)."""
    where = " AND ".join([of(dictionaries), *conditions(search, marked)])
    sql = (
        f"SELECT {', '.join(LIST_COLUMNS)}, top_tokens\n"
        f"FROM features\nWHERE {where}\nORDER BY {order_by(sort, reverse)}"
    )
    if limit is not None:
        sql += f"\nLIMIT {limit}"
    return f"{sql} OFFSET {offset}" if offset else sql


def how_many(dictionaries: Sequence[str]) -> str:
    """How many features `dictionaries` have in all."""
    return f"SELECT count(*) AS features FROM features WHERE {of(dictionaries)}"


def feature_numbers(dictionary: str) -> str:
    """The columns that a list in memory is sorted and filtered by; not a number where null."""
    return (
        "SELECT feature, density, coalesce(max_activation, 'nan') AS max_activation,\n"
        "       coalesce(mean_activation, 'nan') AS mean_activation, decoder_norm\n"
        f"FROM dictionary_features({quote(dictionary)})"
    )


def newest_labels(dictionaries: Sequence[str]) -> str:
    """The newest label of every feature of `dictionaries` that has one, and it in lower case."""
    return (
        "SELECT dictionary, feature, label, lower(label) AS lower FROM (\n"
        '  SELECT dictionary, feature, arg_max_null(label, "at") AS label\n'
        f"  FROM labels WHERE {of(dictionaries)} GROUP BY dictionary, feature\n"
        ") WHERE label IS NOT NULL"
    )


def new_words(dictionary: str, column: str, vocabulary: str) -> str:
    """Every token in a column of ``features`` that the table `vocabulary` has not, once, with the
    next free ``code``; the first is 1.
    """
    return (
        f"SELECT word, ((SELECT count(*) FROM {vocabulary}) + row_number() OVER ())::UINTEGER\n"
        "       AS code, lower(word) AS lower FROM (\n"
        f"  SELECT DISTINCT unnest({tokens_of(column)}) AS word\n"
        f"  FROM dictionary_features({quote(dictionary)})\n"
        f") ANTI JOIN {vocabulary} USING (word) WHERE word IS NOT NULL"
    )


def coded_tokens(dictionary: str, column: str, vocabulary: str, longest: int) -> str:
    """The tokens in a column of ``features``, a row each: the feature, its place in the list, from
    1 to `longest`, and its ``code`` in the table `vocabulary`, 0 for one that is not there.
    """
    return (
        "SELECT feature, place, coalesce(code, 0) AS code FROM (\n"
        f"  SELECT feature, unnest({tokens_of(column)}) AS word,\n"
        f"         generate_subscripts({column}, 1)::USMALLINT AS place\n"
        f"  FROM dictionary_features({quote(dictionary)})\n"
        f") LEFT JOIN {vocabulary} USING (word) WHERE place <= {longest} AND word IS NOT NULL"
    )


def feature(dictionary: str, number: int) -> str:
    """Everything the ``features`` table says about one feature."""
    return (
        "SELECT dictionary, feature, density, mean_activation, max_activation, decoder_norm,\n"
        "       promoted, suppressed, top_tokens, histogram, label\n"
        f"FROM dictionary_features({quote(dictionary)})\nWHERE feature = {number}"
    )


def named(features: Mapping[str, Iterable[int]]) -> str:
    """What some features of some dictionaries are called: dictionary → their numbers."""
    wanted = [
        f"(dictionary = {quote(dictionary)} AND feature IN ({', '.join(map(str, numbers))}))"
        for dictionary, some in features.items()
        if (numbers := sorted(set(some)))
    ]
    return (
        "SELECT dictionary, feature, label, top_tokens, density, max_activation\n"
        "FROM features\nWHERE " + ("\n   OR ".join(wanted) or "false")
    )


def notes(dictionary: str, number: int) -> str:
    """What users wrote about one feature, newest first."""
    return (
        'SELECT label, note, "at" FROM labels\n'
        f'WHERE dictionary = {quote(dictionary)} AND feature = {number} ORDER BY "at" DESC'
    )


DENSITY_BINS, LOWEST_DENSITY = 32, -7.0
"""Bins of a histogram of log10 density, and where the first begins; the last ends at 0."""


def density_histogram(
    dictionary: str, bins: int = DENSITY_BINS, lowest: float = LOWEST_DENSITY
) -> str:
    """Live features in each of `bins` equal bins of log10 density, from `lowest` to 0."""
    width = -lowest / bins
    return (
        f"SELECT least({bins - 1}, greatest(0, floor((log10(density) - ({lowest})) / {width})))\n"
        "         ::INTEGER AS bin, count(*) AS features\n"
        f"FROM dictionary_features({quote(dictionary)})\nWHERE density > 0\n"
        "GROUP BY bin ORDER BY bin"
    )


def contexts(
    dictionary: str,
    number: int,
    around: int = 48,
    rank: int | None = None,
    *,
    text: bool = True,
) -> str:
    """Top activations in their documents: the tokens around each peak and how strongly the
    feature fires on them; only the one at `rank`, if told.

    ``pieces`` starts at token ``first``; ``positions`` and ``activations`` are parallel lists.
    Without `text`, all of the document is left out, which only a corpus without pieces needs.
    """
    name, at = quote(dictionary), f"feature = {number}"
    if rank is not None:
        at += f" AND rank = {rank}"
    return (
        "WITH tops AS (\n"
        "  SELECT rank, corpus, doc, pos, activation, quantile\n"
        f"  FROM dictionary_top_activations({name}) WHERE {at}\n"
        "), fired AS (\n"
        "  SELECT corpus, doc, list(pos ORDER BY pos) AS positions,\n"
        "         list(activation ORDER BY pos) AS activations\n"
        f"  FROM feature_activations({name}, {number})\n"
        "  WHERE doc IN (SELECT doc FROM tops) GROUP BY corpus, doc\n"
        ")\n"
        "SELECT rank, doc, pos, activation, quantile, corpus,\n"
        f"       greatest(pos::INTEGER - {around}, 0) AS first,\n"
        f"       pieces[greatest(pos::INTEGER - {around}, 0) + 1 : pos + {around} + 1] AS pieces,\n"
        f"       positions, activations{', text' if text else ''}\n"
        "FROM tops JOIN documents USING (corpus, doc) LEFT JOIN fired USING (corpus, doc)\n"
        "ORDER BY rank"
    )


def on_document(dictionary: str, number: int, doc: int) -> str:
    """A whole document, and where in it the feature fires: ``positions`` and ``activations`` are
    parallel lists.
    """
    return (
        "SELECT corpus, doc, text, pieces, list(pos ORDER BY pos) AS positions,\n"
        "       list(activation ORDER BY pos) AS activations\n"
        f"FROM feature_activations({quote(dictionary)}, {number})\n"
        "JOIN documents USING (corpus, doc)\n"
        f"WHERE doc = {doc} GROUP BY ALL"
    )


def nearest(dictionary: str, number: int) -> str:
    """Nearest features by decoder direction: the numbers in `neighbors`, without the names.

    Where two dictionaries have no directions to compare, those nearest by something else.
    """
    return (
        "SELECT other_dictionary, other_feature, max(cosine) AS cosine,\n"
        "       max(coactivation) AS coactivation\n"
        f"FROM dictionary_neighbors({quote(dictionary)})\n"
        f"WHERE feature = {number} AND (nearest_by IS NULL OR cosine IS NULL)\n"
        "GROUP BY ALL\n"
        "ORDER BY cosine DESC NULLS LAST, coactivation DESC NULLS LAST,\n"
        "         other_dictionary, other_feature"
    )


def neighbors(dictionary: str, number: int) -> str:
    """Nearest features by decoder direction, with their labels and top tokens."""
    return (
        f"WITH n AS (\n{nearest(dictionary, number)}\n)\n"
        "SELECT n.other_dictionary, n.other_feature, n.cosine, n.coactivation,\n"
        "       f.label, f.top_tokens\n"
        "FROM n LEFT JOIN features f\n"
        "  ON f.dictionary = n.other_dictionary AND f.feature = n.other_feature\n"
        "ORDER BY n.cosine DESC NULLS LAST, n.coactivation DESC NULLS LAST,\n"
        "         n.other_dictionary, n.other_feature"
    )


def coactive(dictionary: str, number: int, documents: int = 12, limit: int = 16) -> str:
    """Features that fire on the same tokens: the Jaccard index over a few documents in which the
    feature fires, half chance and half its strongest. Its columns are those of `neighbors`.

    A sample, because all documents of a frequent feature are all there is.
    """
    name = quote(dictionary)
    return (
        "WITH here AS (\n"
        "  SELECT DISTINCT doc FROM (\n"
        f"    SELECT doc FROM dictionary_top_activations({name}) WHERE feature = {number}\n"
        f"    ORDER BY quantile IS NULL, rank LIMIT {documents})\n"
        "), fired AS (\n"
        "  SELECT feature, doc, pos FROM activations_by_doc\n"
        f"  WHERE dictionary = {name} AND doc IN (SELECT doc FROM here)\n"
        f"), own AS (SELECT doc, pos FROM fired WHERE feature = {number}\n"
        "), counted AS (\n"
        "  SELECT feature, count(*) AS fires, count(own.pos) AS together\n"
        "  FROM fired LEFT JOIN own USING (doc, pos)\n"
        f"  WHERE feature <> {number} GROUP BY feature HAVING count(own.pos) > 0\n"
        "), best AS (\n"
        "  SELECT feature, together / ((SELECT count(*) FROM own) + fires - together) AS jaccard\n"
        f"  FROM counted ORDER BY jaccard DESC, feature LIMIT {limit}\n"
        ")\n"
        f"SELECT {name} AS other_dictionary, b.feature AS other_feature, n.cosine,\n"
        "       b.jaccard AS coactivation, f.label, f.top_tokens\n"
        "FROM best b\n"
        "LEFT JOIN features f\n"
        f"  ON f.dictionary = {name} AND f.feature = b.feature\n"
        "LEFT JOIN neighbors n\n"
        f"  ON n.dictionary = {name} AND n.feature = {number}\n"
        f"  AND n.other_dictionary = {name} AND n.other_feature = b.feature\n"
        "  AND n.nearest_by IS NULL\n"
        "ORDER BY b.jaccard DESC, b.feature"
    )


def jobs() -> str:
    """Every job, newest first."""
    return (
        "SELECT job, kind, state, progress, message, created_at, started_at, ended_at,\n"
        "       host, device, error\n"
        "FROM jobs ORDER BY created_at DESC"
    )


def job(name: str) -> str:
    """One job with what was asked."""
    return f"SELECT * FROM jobs WHERE job = {quote(name)}"


def training(dictionaries: Iterable[str]) -> str:
    """Training curves of `dictionaries`."""
    names = ", ".join(quote(name) for name in dictionaries)
    return (
        "SELECT dictionary, step, tokens, loss, fvu, l0, dead_fraction, learning_rate,\n"
        "       tokens_per_second\n"
        f"FROM training WHERE dictionary IN ({names})\nORDER BY dictionary, step"
    )
