"""Tables of manifolds: features grouped, mapped, and held across dictionaries of rising width."""

from __future__ import annotations

from store.schema.declare import CORPUS, DICTIONARY, DOC, FEATURE, POS, RUN, Column, Table

CLUSTER = Column("cluster", "INTEGER", "cluster of the run, from 0; -1: in no cluster")

CLUSTERS: tuple[Table, ...] = (
    Table(
        "clusters",
        "Which cluster each feature of a run is in, and where it lies on the map.",
        (
            RUN,
            DICTIONARY,
            FEATURE,
            CLUSTER,
            Column("membership", "FLOAT", "how firmly it belongs there, 0 to 1", nullable=True),
            Column("x", "FLOAT", "place on the map, -1 to 1"),
            Column("y", "FLOAT", "place on the map, -1 to 1"),
        ),
        sort=("dictionary", "feature"),
    ),
    Table(
        "cluster_summary",
        "One row a cluster: how tight it is, beside what chance would give.",
        (
            RUN,
            Column("cluster", "INTEGER", "cluster of the run, from 0, largest first"),
            Column("n_features", "UINTEGER", "features in it"),
            Column("cohesion", "DOUBLE", "mean similarity of two of its features"),
            Column("separation", "DOUBLE", "silhouette, mean over its features", nullable=True),
            Column(
                "intrinsic_dimension",
                "DOUBLE",
                "of its features' directions, by TwoNN; null where they are too few",
                nullable=True,
            ),
            Column(
                "null_cohesion",
                "DOUBLE",
                "cohesion of as many features of the run at random (permuted membership), mean",
            ),
            Column(
                "random_cohesion",
                "DOUBLE",
                "cohesion of clusters of about this size, found the same way in a random "
                "dictionary of equal spectrum, mean",
                nullable=True,
            ),
            Column(
                "p_value",
                "DOUBLE",
                "chance of a cluster this tight in a random dictionary of equal spectrum",
                nullable=True,
            ),
            Column(
                "q_value",
                "DOUBLE",
                "false discovery rate at which it counts (Benjamini-Hochberg over the run)",
                nullable=True,
            ),
            Column("significant", "BOOLEAN", "q_value within the run's fdr", nullable=True),
            Column(
                "stability",
                "DOUBLE",
                "best Jaccard index with a cluster of a bootstrap sample, mean over samples",
                nullable=True,
            ),
            Column(
                "activation_share",
                "DOUBLE",
                "share of its dictionaries' summed activation that is its features'",
                nullable=True,
            ),
            Column(
                "fvu_share",
                "DOUBLE",
                "rise of the FVU when its features are taken out of the reconstruction",
                nullable=True,
            ),
            Column("medoid_dictionary", "VARCHAR", "dictionary of its most central feature"),
            Column("medoid_feature", "UINTEGER", "its most central feature"),
            Column("tokens", "VARCHAR[]", "tokens that its features share, most shared first"),
            Column("label", "VARCHAR", "short name, made from the shared tokens", nullable=True),
        ),
        sort=("cluster",),
    ),
    Table(
        "cluster_runs",
        "One row a run of cluster: what was asked, and what was found beside chance.",
        (
            RUN,
            Column("dictionaries", "VARCHAR[]", "dictionaries clustered together"),
            Column("method", "VARCHAR", "hdbscan, agglomerative, kmeans or leiden"),
            Column("similarity", "VARCHAR", "what two features are compared by"),
            Column("n_features", "UINTEGER", "features clustered: those that fire"),
            Column("n_clusters", "UINTEGER", "clusters found"),
            Column("n_planes", "UINTEGER", "planes of clusters looked at", nullable=True),
            Column("n_irreducible", "UINTEGER", "planes that count as irreducible", nullable=True),
            Column(
                "n_alike",
                "UINTEGER",
                "planes that would if nobody asked what chance gives",
                nullable=True,
            ),
            Column(
                "null_alike",
                "DOUBLE",
                "as many among those of features put together anyhow, mean over draws",
                nullable=True,
            ),
            Column(
                "null_draws",
                "UINTEGER",
                "draws that were looked at: fewer where no plane could count any more",
                nullable=True,
            ),
            Column(
                "random_alike",
                "DOUBLE",
                "as many among those of a random dictionary's clusters, mean",
                nullable=True,
            ),
            Column("n_clustered", "UINTEGER", "features in some cluster"),
            Column("n_significant", "UINTEGER", "clusters within the false discovery rate"),
            Column(
                "null_clusters",
                "DOUBLE",
                "clusters that the same method finds in a random dictionary of equal spectrum, "
                "mean",
                nullable=True,
            ),
            Column("fdr", "DOUBLE", "false discovery rate asked for"),
            Column("silhouette", "DOUBLE", "mean over clustered features", nullable=True),
            Column("seed", "BIGINT", "seed of the run"),
            Column("seconds", "DOUBLE", "time it took", "s"),
            Column("neighbors", "UINTEGER", "nearest features in the graph", nullable=True),
            Column(
                "recall",
                "DOUBLE",
                "share of the true nearest features that the graph holds, on a sample",
                nullable=True,
            ),
            Column(
                "nulls", "UINTEGER", "random dictionaries clustered for comparison", nullable=True
            ),
            Column(
                "created_at", "TIMESTAMP WITH TIME ZONE", "when it was published", nullable=True
            ),
        ),
    ),
    Table(
        "cluster_geometry",
        "Is a cluster one feature of several dimensions? Its share of the activations, projected "
        "on principal planes, against shuffled nulls (arXiv:2405.14860).",
        (
            RUN,
            Column("cluster", "INTEGER", "cluster of the run"),
            Column("plane", "USMALLINT", "0: principal components 1 and 2; 1: 2 and 3; …"),
            Column("variance", "DOUBLE", "share of the cluster's variance that the plane holds"),
            Column("separability", "DOUBLE", "least mutual information over rotations", "nats"),
            Column("mixture", "DOUBLE", "ε-mixture index: largest share of tokens near a line"),
            Column("null_separability", "DOUBLE", "mean of independent coordinates (shuffled)"),
            Column("null_mixture", "DOUBLE", "mean of independent coordinates (shuffled)"),
            Column(
                "round_mixture",
                "DOUBLE",
                "mean of round clouds: the same distances from the centre, angles at random",
            ),
            Column(
                "p_value",
                "DOUBLE",
                "chance of both indices together where coordinates are shuffled, or where features "
                "are exchanged: the larger",
            ),
            Column(
                "p_exchanged",
                "DOUBLE",
                "the latter alone: which of the cluster's features fires is dealt anew; null where "
                "all its planes are mixtures",
                nullable=True,
            ),
            Column(
                "by_chance",
                "DOUBLE",
                "planes as good that as many groups made by chance give, one more counted",
                nullable=True,
            ),
            Column(
                "q_value",
                "DOUBLE",
                "false discovery rate at which it counts: by p_value (Benjamini-Hochberg over the "
                "run) or by_chance, the larger; 1 for a mixture",
            ),
            Column(
                "irreducible",
                "BOOLEAN",
                "within the run's fdr, and no mixture: at most 1.5 times the round cloud's index",
            ),
            Column("n", "UBIGINT", "tokens on which the cluster fires", "tokens"),
        ),
        sort=("cluster", "plane"),
    ),
    Table(
        "cluster_planes",
        "Tokens on a cluster's principal planes: a sample to draw.",
        (
            RUN,
            Column("cluster", "INTEGER", "cluster of the run"),
            Column("plane", "USMALLINT", "see cluster_geometry"),
            CORPUS,
            DOC,
            POS,
            Column("token", "VARCHAR", "the token's text"),
            Column("u", "FLOAT", "first coordinate", "units of the model activation"),
            Column("v", "FLOAT", "second coordinate", "units of the model activation"),
        ),
        sort=("cluster", "plane"),
    ),
)

_STAYING = (
    Column(
        "same_manifold",
        "DOUBLE",
        "share of these children that are in their parent's cluster",
        nullable=True,
    ),
    Column(
        "null_same_manifold",
        "DOUBLE",
        "the same of strangers matched in density and cosine",
        nullable=True,
    ),
    Column("odds", "DOUBLE", "odds ratio of the two", nullable=True),
    Column("odds_low", "DOUBLE", "its 95% interval, over parents", nullable=True),
    Column("odds_high", "DOUBLE", "its 95% interval, over parents", nullable=True),
    Column("n_compared", "UINTEGER", "children that the odds are of"),
    Column("n_families", "UINTEGER", "their parents"),
    Column("n_rivalled", "UINTEGER", "children with rivals: others as close and as dense"),
    Column(
        "rival_same_manifold",
        "DOUBLE",
        "share of these rivals that are in the parent's cluster",
        nullable=True,
    ),
    Column("rival_odds", "DOUBLE", "odds ratio against rivals", nullable=True),
    Column("rival_odds_low", "DOUBLE", "its 95% interval, over parents", nullable=True),
    Column("rival_odds_high", "DOUBLE", "its 95% interval, over parents", nullable=True),
)
"""Whether children are in their parent's cluster, beside what chance would give."""


def _over_seeds(name: str, whose: str) -> tuple[Column, ...]:
    """Odds with an interval whose unit is the seed."""
    return tuple(
        Column(f"{name}{key}{end}", "DOUBLE", f"{what}, {whose}", nullable=True)
        for key, against in (("_odds", "strangers"), ("_rival_odds", "rivals"))
        for end, what in (
            ("", f"odds ratio against {against}, geometric mean over seeds"),
            ("_low", "its 95% interval, over seeds (three at least)"),
            ("_high", "its 95% interval, over seeds (three at least)"),
        )
    )


SPLITS: tuple[Table, ...] = (
    Table(
        "splits",
        "A feature of a narrow dictionary and those of a wider one that took over its work.",
        (
            RUN,
            Column("parent_dictionary", "VARCHAR", "the narrower dictionary"),
            Column("parent_feature", "UINTEGER", "feature of it"),
            Column("child_dictionary", "VARCHAR", "the wider dictionary"),
            Column("child_feature", "UINTEGER", "feature of it"),
            Column("cosine", "FLOAT", "cosine of the decoder directions"),
            Column("implication", "FLOAT", "P(parent fires | child fires)"),
            Column("coverage", "FLOAT", "P(child fires | parent fires)"),
            Column(
                "family_coverage", "FLOAT", "P(some child fires | parent fires), all its children"
            ),
            Column(
                "absorbed",
                "FLOAT",
                "share of the parent's tokens that this child alone carries, its main child (that "
                "covers half) being silent; null for main children and where there is none",
                nullable=True,
            ),
            Column(
                "same_manifold",
                "BOOLEAN",
                "in one cluster of the joint space with its parent; null: one is in no cluster, "
                "or it is the only child",
                nullable=True,
            ),
            Column(
                "null_same_manifold",
                "DOUBLE",
                "share of strangers matched in density and cosine to the parent that are in the "
                "parent's cluster: the parent's direction with the displacement of another's child",
                nullable=True,
            ),
            Column(
                "rival_same_manifold",
                "DOUBLE",
                "share of other features of the wide dictionary, as close to the parent and as "
                "dense, that are in the parent's cluster",
                nullable=True,
            ),
        ),
        sort=("parent_dictionary", "parent_feature", "cosine-"),
    ),
    Table(
        "split_summary",
        "Do features split within their manifold? One row a pair of dictionaries of a run.",
        (
            RUN,
            Column("parent_dictionary", "VARCHAR", "the narrower dictionary"),
            Column("child_dictionary", "VARCHAR", "the wider dictionary"),
            Column("n_parents", "UINTEGER", "features of the narrower one that fire"),
            Column("n_kept", "UINTEGER", "with one child"),
            Column("n_split", "UINTEGER", "with several children"),
            Column("n_lost", "UINTEGER", "with no child"),
            Column("n_children", "UINTEGER", "children of split features"),
            Column("absorption", "DOUBLE", "mean share of absorbed tokens", nullable=True),
            *_STAYING,
            Column("verdict", "VARCHAR", "a sentence made from these figures"),
        ),
    ),
    Table(
        "split_seeds",
        "Do seeds agree on splitting? One row for every two seeds of a run, of the narrower and of "
        "the wider dictionary.",
        (
            RUN,
            Column("parent_seed", "BIGINT", "seed of the narrower dictionaries"),
            Column("child_seed", "BIGINT", "seed of the wider ones"),
            Column("n_pairs", "UINTEGER", "pairs of dictionaries"),
            *_STAYING,
        ),
    ),
    Table(
        "split_runs",
        "One row a run of split: all its pairs of dictionaries together.",
        (
            RUN,
            Column("dictionaries", "VARCHAR[]", "dictionaries followed"),
            Column("n_pairs", "UINTEGER", "pairs of them that rise in width"),
            Column("n_within", "UINTEGER", "pairs whose interval of the odds lies above 1"),
            Column("n_out", "UINTEGER", "pairs whose interval of the odds lies below 1"),
            *_STAYING,
            Column("n_seeds", "UINTEGER", "seeds of these dictionaries", nullable=True),
            *_over_seeds("seeds", "where parent and child are of one seed"),
            *_over_seeds("between", "where parent and child are of different seeds"),
            Column("verdict", "VARCHAR", "a sentence made from these figures"),
            Column("method", "VARCHAR", "how manifolds were found: leiden or kmeans"),
            Column("neighbors", "UINTEGER", "nearest features in the graph that was clustered"),
            Column("resolution", "DOUBLE", "above 1: more and smaller clusters (leiden)"),
            Column("cosine", "DOUBLE", "least cosine of parent and child"),
            Column("implication", "DOUBLE", "least P(parent | child) beyond the parent's density"),
            Column("nulls", "UINTEGER", "times that strangers took the children's places"),
            Column("seed", "BIGINT", "seed of the run"),
            Column("created_at", "TIMESTAMP WITH TIME ZONE", "when it was published"),
        ),
    ),
)

TABLES: tuple[Table, ...] = (*CLUSTERS, *SPLITS)
