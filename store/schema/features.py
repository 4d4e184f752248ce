"""Tables of features: what they are, where they fire, what users call them."""

from __future__ import annotations

from store.schema.declare import (
    ACTIVATION,
    CORPUS,
    DICTIONARY,
    DOC,
    FEATURE,
    POS,
    TOKEN_LOGITS,
    Column,
    Table,
)

TABLES: tuple[Table, ...] = (
    Table(
        "features",
        "One row a feature: what it looks like on the profiled tokens.",
        (
            DICTIONARY,
            FEATURE,
            Column("density", "DOUBLE", "share of tokens on which it fires"),
            Column(
                "mean_activation",
                "FLOAT",
                "mean over the tokens on which it fires",
                nullable=True,
            ),
            Column("max_activation", "FLOAT", "largest activation seen", nullable=True),
            Column("decoder_norm", "FLOAT", "‖d_i‖"),
            Column("promoted", TOKEN_LOGITS, "tokens it promotes most, through the unembedding"),
            Column("suppressed", TOKEN_LOGITS, "tokens it suppresses most"),
            Column(
                "top_tokens",
                "VARCHAR[]",
                "tokens at its strongest activations, most frequent first",
            ),
            Column(
                "histogram",
                "UINTEGER[]",
                "counts of activations in 32 equal bins from 0 to max_activation",
            ),
            Column("label", "VARCHAR", "the newest label a user gave it", nullable=True),
            Column(
                "source_norms",
                "FLOAT[]",
                "of a crosscoder: ‖d_i‖ at each source, the sources scaled alike, as shares of "
                "their sum: equal where the feature is shared, 1 and 0 where one has it alone",
                nullable=True,
            ),
        ),
        sort=("feature",),
        row_group=4_096,  # rows are wide, and a feature page reads one
    ),
    Table(
        "activations",
        "Every non-zero activation on the profiled tokens. Ask through feature_activations(d, f) "
        "and doc_activations(d, doc): they read only the blocks they need.",
        (DICTIONARY, FEATURE, DOC, POS, ACTIVATION, CORPUS),
        sort=("feature", "activation-"),
    ),
    Table(
        "activations_by_doc",
        "The same rows as activations, laid out by document for doc_activations(d, doc).",
        (DICTIONARY, FEATURE, DOC, POS, ACTIVATION, CORPUS),
        sort=("doc", "pos", "activation-"),
        public=False,
    ),
    Table(
        "top_activations",
        "The strongest activations of each feature, at most one a document, then samples from "
        "lower quantiles.",
        (
            DICTIONARY,
            FEATURE,
            Column("rank", "USMALLINT", "0 is the strongest"),
            DOC,
            POS,
            ACTIVATION,
            CORPUS,
            Column(
                "quantile",
                "FLOAT",
                "null for the strongest; else the quantile of the feature's activations sampled",
                nullable=True,
            ),
        ),
        sort=("feature", "rank"),
    ),
    Table(
        "neighbors",
        "Nearest features, with how often they fire together: of the same dictionary from its "
        "profile, those of others grouped with it, or near by another similarity, from cluster.",
        (
            DICTIONARY,
            FEATURE,
            Column("other_dictionary", "VARCHAR", "dictionary of the other feature"),
            Column("other_feature", "UINTEGER", "the other feature"),
            Column("cosine", "FLOAT", "cosine of the decoder directions", nullable=True),
            Column(
                "coactivation",
                "FLOAT",
                "Jaccard index of the tokens they fire on",
                nullable=True,
            ),
            Column(
                "nearest_by",
                "VARCHAR",
                "null: by decoder direction; else by this similarity (a pair may have both rows)",
                nullable=True,
            ),
            Column("similarity", "FLOAT", "that similarity", nullable=True),
        ),
        sort=("feature", "cosine-"),
    ),
    Table(
        "labels",
        "What users wrote about features, newest last.",
        (
            DICTIONARY,
            FEATURE,
            Column("label", "VARCHAR", "short name; null takes the label away", nullable=True),
            Column("note", "VARCHAR", "longer note", nullable=True),
            Column(
                "at",
                "TIMESTAMP WITH TIME ZONE",
                'when it was written (a word of SQL: quote it, "at")',
            ),
        ),
        source="labels",
    ),
)
