"""Tables of dictionaries as a whole: what they are, how good, how they learned."""

from __future__ import annotations

from store.schema.declare import CORPUS, DICTIONARY, Column, Table

TABLES: tuple[Table, ...] = (
    Table(
        "dictionaries",
        "Trained or imported dictionaries, with their quality on held-out documents once profiled "
        "or evaluated; until then an imported one has FVU and L0 on the sample of its import.",
        (
            DICTIONARY,
            Column("model", "VARCHAR", "model it was trained on"),
            Column("hook", "VARCHAR", "TransformerLens hook name"),
            Column(
                "layer",
                "UINTEGER",
                "layer, from 0; of a crosscoder the first hook's, as hook and site",
            ),
            Column(
                "site",
                "VARCHAR",
                "resid_pre, resid_mid, resid_post, mlp_out, attn_out, z, z.H3 (a head), …",
            ),
            Column("architecture", "VARCHAR", "standard, topk, …"),
            Column(
                "d_in", "UINTEGER", "width of the activation; of a crosscoder that of all sources"
            ),
            Column("d_sae", "UINTEGER", "number of features"),
            Column("corpus", "VARCHAR", "corpus it was trained on", nullable=True),
            Column("seed", "BIGINT", "seed of the run", nullable=True),
            Column("tokens_trained", "UBIGINT", "tokens seen in training", "tokens", nullable=True),
            Column("fvu", "DOUBLE", "fraction of variance unexplained", nullable=True),
            Column("l0", "DOUBLE", "features active on a token, mean", nullable=True),
            Column(
                "ce_recovered",
                "DOUBLE",
                "share of the cross-entropy kept when spliced in",
                nullable=True,
            ),
            Column("dead_fraction", "DOUBLE", "share of features that never fired", nullable=True),
            Column(
                "created_at", "TIMESTAMP WITH TIME ZONE", "when it was published", nullable=True
            ),
            Column("job", "VARCHAR", "job that made it", nullable=True),
        ),
        source="dictionaries",
    ),
    Table(
        "quality",
        "Measurements behind the dictionaries' quality, one row each time one is profiled.",
        (
            DICTIONARY,
            CORPUS,
            Column("split", "VARCHAR", "documents measured on: held_out or train"),
            Column("n_tokens", "UBIGINT", "tokens measured on", "tokens"),
            Column("left_out", "UBIGINT", "tokens left out for massive activations", "tokens"),
            Column("fvu", "DOUBLE", "Σ‖x−x̂‖² / Σ‖x−x̄‖²"),
            Column("l0", "DOUBLE", "features active on a token, mean"),
            Column(
                "dead_fraction",
                "DOUBLE",
                "share of features that never fired on all profiled tokens",
            ),
            Column("ce_clean", "DOUBLE", "cross-entropy of the model", "nats", nullable=True),
            Column(
                "ce_sae",
                "DOUBLE",
                "cross-entropy with the dictionary spliced in",
                "nats",
                nullable=True,
            ),
            Column(
                "ce_zero",
                "DOUBLE",
                "cross-entropy with the site set to zero",
                "nats",
                nullable=True,
            ),
            Column(
                "ce_recovered",
                "DOUBLE",
                "(ce_zero − ce_sae) / (ce_zero − ce_clean)",
                nullable=True,
            ),
            Column(
                "fvu_random",
                "DOUBLE",
                "FVU of a random dictionary of the same shape: the null",
                nullable=True,
            ),
            Column("source_fvu", "DOUBLE[]", "of a crosscoder: FVU of each source", nullable=True),
            Column(
                "source_ce_recovered",
                "DOUBLE[]",
                "of a crosscoder: ce_recovered with each source spliced in alone; ce_clean, "
                "ce_sae and ce_zero are the means over these runs",
                nullable=True,
            ),
        ),
    ),
    Table(
        "evaluations",
        "What evaluate measured, one row a figure, beside the same figure of what it must beat. "
        "Null means not measured, or that the control makes no sense there. The newest "
        "evaluation that measured a figure counts.",
        (
            DICTIONARY,
            Column(
                "measure",
                "VARCHAR",
                "fvu, l0, dead_fraction; ce_recovered, kl (nats; clean against spliced); "
                "dense_fraction (features on over 10% of tokens), log10_density (of those that "
                "fire); max_cosine (of a feature's decoder row to another's); seed_cosine, "
                "seed_matched_70, seed_matched_90 (rows matched one to one with another seed: "
                "mean cosine, share over 0.7 and 0.9); concept_f1, concept_auroc (best feature "
                "of a concept, on documents it was not chosen on), concept_features (features "
                "that share the concept: splitting), absorption (share of a concept's tokens "
                "that its features miss and another carries); probe_k1, probe_k5 (accuracy of "
                "a probe on 1 and 5 features)",
            ),
            Column(
                "about",
                "VARCHAR",
                "quantile (p50), concept, task or other dictionary; null for the whole",
                nullable=True,
            ),
            Column("value", "DOUBLE", "the figure", nullable=True),
            Column("low", "DOUBLE", "lower end of its 95% interval over documents", nullable=True),
            Column("high", "DOUBLE", "upper end", nullable=True),
            Column(
                "n",
                "UBIGINT",
                "what it was measured on: tokens, features (density, cosines), concepts or "
                "tasks (means over them), samples (a single task)",
                nullable=True,
            ),
            Column(
                "random_dictionary",
                "DOUBLE",
                "the figure of a random dictionary of the same shape, spectrum and L0",
                nullable=True,
            ),
            Column(
                "mean_ablation",
                "DOUBLE",
                "the figure with the mean in place of every activation",
                nullable=True,
            ),
            Column(
                "shuffled_labels",
                "DOUBLE",
                "the figure with labels of other documents",
                nullable=True,
            ),
            Column(
                "dense_activation",
                "DOUBLE",
                "the figure from all dimensions of the activation, without a dictionary",
                nullable=True,
            ),
            Column("better", "VARCHAR", "lower or higher; null where neither is", nullable=True),
            Column("note", "VARCHAR", "what to keep in mind", nullable=True),
            CORPUS,
        ),
    ),
    Table(
        "training",
        "Training curves, one row a logged step.",
        (
            DICTIONARY,
            Column("step", "UINTEGER", "optimiser step, from 1"),
            Column("tokens", "UBIGINT", "tokens seen so far", "tokens"),
            Column("loss", "FLOAT", "training loss on the step's batch"),
            Column("fvu", "FLOAT", "fraction of variance unexplained on the step's batch"),
            Column("l0", "FLOAT", "features active on a token, mean over the batch"),
            Column("dead_fraction", "FLOAT", "features that have not fired for a while, share"),
            Column("learning_rate", "FLOAT", "learning rate of the step"),
            Column(
                "tokens_per_second",
                "FLOAT",
                "training speed, forward pass included",
                "tokens/s",
                nullable=True,
            ),
        ),
        sort=("step",),
        source="dictionaries",
    ),
)
