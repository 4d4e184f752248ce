"""Tables of causes and circuits: what an ablation changes, and which nodes cause a behaviour."""

from __future__ import annotations

from store.schema.declare import RUN, Column, Table

CIRCUIT = Column("circuit", "VARCHAR", "circuit id: the job's id, or the name given")
NODE = (
    "a head or MLP (L0.H3, L0.mlp), a feature (dictionary#7), an error (dictionary#error), a "
    "cluster (run#3), a neuron (L0.mlp_out#7); @5 follows where it is of one position, @subject "
    "where it is of one span"
)

EDGES: tuple[Table, ...] = (
    Table(
        "edges",
        "What ablating a feature changes: in features of later dictionaries, in heads and MLPs, "
        "and in the metric; beside what two nulls give.",
        (
            RUN,
            Column("source_dictionary", "VARCHAR", "dictionary of the ablated feature"),
            Column("source_feature", "UINTEGER", "the ablated feature"),
            Column(
                "target_dictionary",
                "VARCHAR",
                "dictionary of the feature that changes; null: a head or MLP, or the metric",
                nullable=True,
            ),
            Column(
                "target_feature",
                "UINTEGER",
                "feature that changes; null: a head or MLP, or the metric",
                nullable=True,
            ),
            Column(
                "effect",
                "DOUBLE",
                "clean minus ablated: mean over contexts where the source fires, of the target at "
                "those positions and within the run's reach behind; of a head or MLP the share of "
                "its output that is gone; of the metric a task's, or nats of log-probability of "
                "the next tokens",
                "units of the target",
            ),
            Column("low", "DOUBLE", "its 95% interval, over documents", nullable=True),
            Column("high", "DOUBLE", "its 95% interval, over documents", nullable=True),
            Column("n", "UINTEGER", "contexts (documents where the source fires)"),
            Column(
                "null_effect",
                "DOUBLE",
                "mean |effect| on this target of both nulls together",
                nullable=True,
            ),
            Column("method", "VARCHAR", "how the source was ablated: zero, mean, resample"),
            Column(
                "target_component",
                "VARCHAR",
                "head or MLP that changes (L4.H2, L4.mlp); null: a feature, or the metric",
                nullable=True,
            ),
            Column(
                "direction_effect",
                "DOUBLE",
                "mean |effect| of a random direction of the same norm in the source's place",
                nullable=True,
            ),
            Column(
                "matched_effect",
                "DOUBLE",
                "mean |effect| of other features matched in density and in the norm of what "
                "they write",
                nullable=True,
            ),
            Column(
                "p_value",
                "DOUBLE",
                "chance of an effect this large, for this target, under the worse of the two nulls "
                "(pooled over the run's sources and targets of its kind)",
                nullable=True,
            ),
            Column(
                "q_value",
                "DOUBLE",
                "false discovery rate at which it counts (Benjamini-Hochberg over all pairs of the "
                "run of its kind: features; heads and MLPs; the metric)",
                nullable=True,
            ),
            Column("significant", "BOOLEAN", "q_value within the run's fdr", nullable=True),
        ),
        sort=("source_dictionary", "source_feature", "effect-"),
    ),
    Table(
        "edge_runs",
        "One row a run of ablate: what was asked, and over what.",
        (
            RUN,
            Column("model", "VARCHAR", "model"),
            Column("dictionaries", "VARCHAR[]", "dictionaries of sources and targets"),
            Column("n_sources", "UINTEGER", "features ablated"),
            Column("n_silent", "UINTEGER", "of these, features that fire nowhere in the contexts"),
            Column("n_edges", "UINTEGER", "edges published"),
            Column("n_tested", "UBIGINT", "pairs of source and target that were measured"),
            Column(
                "n_significant",
                "UINTEGER",
                "of the pairs measured, those within the false discovery rate",
            ),
            Column("ablation", "VARCHAR", "zero, mean or resample"),
            Column(
                "contexts", "VARCHAR", "the inputs: a task, a corpus, or the SQL that chose them"
            ),
            Column("n_documents", "UINTEGER", "documents or prompts read"),
            Column("fdr", "DOUBLE", "false discovery rate"),
            Column("nulls", "UINTEGER", "null ablations a source, of each kind"),
            Column("forward_passes", "UBIGINT", "forward passes, of one document each"),
            Column("seed", "BIGINT", "seed of the run"),
            Column("seconds", "DOUBLE", "time it took", "s"),
            Column("created_at", "TIMESTAMP WITH TIME ZONE", "when it was published"),
        ),
    ),
)

CIRCUITS: tuple[Table, ...] = (
    Table(
        "circuits",
        "One row a circuit search: the task, the method, its scores on held-out prompts, its cost.",
        (
            CIRCUIT,
            Column("task", "VARCHAR", "task: a built-in name, or the file or SQL it came from"),
            Column("model", "VARCHAR", "model"),
            Column(
                "method",
                "VARCHAR",
                "atp, ig, shapley, relp, acdc, mask, cascade; baselines activation, random; truth",
            ),
            Column("metric", "VARCHAR", "logit_diff or kl"),
            Column("clean_score", "DOUBLE", "metric of the whole model, held-out prompts"),
            Column("corrupt_score", "DOUBLE", "metric with every node ablated, held-out prompts"),
            Column("forward_passes", "UBIGINT", "forward passes of the search, of one prompt each"),
            Column(
                "backward_passes", "UBIGINT", "backward passes of the search, of one prompt each"
            ),
            Column("seconds", "DOUBLE", "time of the search alone", "s"),
            Column(
                "nodes",
                "VARCHAR",
                "features, clusters, shuffled (clusters whose members are dealt "
                "anew), components or neurons",
            ),
            Column(
                "ablation", "VARCHAR", "what stands in for a node left out: zero, mean, resample"
            ),
            Column("errors", "VARCHAR", "error terms: nodes, kept or ablated"),
            Column("per_position", "BOOLEAN", "whether a node is of one position, or of one span"),
            Column("dictionaries", "VARCHAR[]", "dictionaries spliced in; empty for components"),
            Column("n_nodes", "UBIGINT", "nodes that could have been chosen"),
            Column("n_search", "UINTEGER", "prompts searched on"),
            Column("n_held_out", "UINTEGER", "prompts scored on"),
            Column(
                "accuracy", "DOUBLE", "share of held-out prompts that the model answers rightly"
            ),
            Column(
                "cpr",
                "DOUBLE",
                "area under faithfulness over the share of all nodes (MIB), larger is better",
            ),
            Column("cpr_low", "DOUBLE", "its 95% interval, over prompts", nullable=True),
            Column("cpr_high", "DOUBLE", "its 95% interval, over prompts", nullable=True),
            Column("cmd", "DOUBLE", "area between that curve and 1 (MIB), smaller is better"),
            Column("cmd_low", "DOUBLE", "its 95% interval, over prompts", nullable=True),
            Column("cmd_high", "DOUBLE", "its 95% interval, over prompts", nullable=True),
            Column(
                "nodes_for_80",
                "UINTEGER",
                "nodes that reach faithfulness .8; null: none do",
                nullable=True,
            ),
            Column(
                "node_auc",
                "DOUBLE",
                "ROC AUC over true nodes, where the truth is known",
                nullable=True,
            ),
            Column(
                "edge_auc",
                "DOUBLE",
                "ROC AUC over true edges, where the truth is known",
                nullable=True,
            ),
            Column(
                "transfer",
                "VARCHAR",
                "task with a shifted template, if one was scored",
                nullable=True,
            ),
            Column("transfer_cmd", "DOUBLE", "CMD on it", nullable=True),
            Column("seed", "BIGINT", "seed of the search"),
            Column("created_at", "TIMESTAMP WITH TIME ZONE", "when it was published"),
            Column(
                "cpr_log",
                "DOUBLE",
                "area under faithfulness over the logarithm of the number of nodes, from 1 to the "
                "largest size asked for, as a share of that axis",
                nullable=True,
            ),
            Column("cpr_log_low", "DOUBLE", "its 95% interval, over prompts", nullable=True),
            Column("cpr_log_high", "DOUBLE", "its 95% interval, over prompts", nullable=True),
            Column(
                "cmd_log",
                "DOUBLE",
                "area between that curve and 1: an axis on which features, neurons and heads "
                "compare node by node",
                nullable=True,
            ),
            Column("cmd_log_low", "DOUBLE", "its 95% interval, over prompts", nullable=True),
            Column("cmd_log_high", "DOUBLE", "its 95% interval, over prompts", nullable=True),
            Column(
                "edges_among",
                "UBIGINT",
                "nodes, the first by rank, among which edges were measured; null: not known, of an "
                "older search",
                nullable=True,
            ),
            Column(
                "spans",
                "VARCHAR[]",
                "names of the spans that nodes are of, by their position; null: they are of none",
                nullable=True,
            ),
        ),
    ),
    Table(
        "circuit_nodes",
        "The nodes of a circuit in the order in which they are taken in.",
        (
            CIRCUIT,
            Column("node", "VARCHAR", NODE),
            Column(
                "dictionary", "VARCHAR", "null for heads, MLPs, neurons and errors", nullable=True
            ),
            Column("feature", "UINTEGER", "null for all but features", nullable=True),
            Column(
                "component",
                "VARCHAR",
                "where it stands: embed, L0.H3, L0.mlp, L0.resid_post, logits",
                nullable=True,
            ),
            Column(
                "position",
                "INTEGER",
                "token position, or place of its span in spans of circuits; null: all of them "
                "together",
                nullable=True,
            ),
            Column(
                "effect",
                "DOUBLE",
                "the method's score: fall of the metric when it is ablated, estimated",
            ),
            Column("rank", "UINTEGER", "0: the first to be taken in"),
            Column(
                "exact",
                "DOUBLE",
                "fall of the metric when it alone is ablated, measured",
                nullable=True,
            ),
            Column("low", "DOUBLE", "95% interval of effect, over prompts", nullable=True),
            Column("high", "DOUBLE", "95% interval of effect, over prompts", nullable=True),
            Column(
                "stability",
                "DOUBLE",
                "share of bootstrap samples of the prompts in which it is among as many of the "
                "largest effects: the least of sizes that holds it, by rank and by effect",
                nullable=True,
            ),
            Column("label", "VARCHAR", "label, or its top tokens", nullable=True),
            Column(
                "span",
                "VARCHAR",
                "name of the part of the prompt that it is of; null: of none",
                nullable=True,
            ),
        ),
        sort=("circuit", "rank"),
    ),
    Table(
        "circuit_edges",
        "Direct effects between nodes of a circuit: of one node on the metric through another, all "
        "that lies between held still; for cascade and shapley where other nodes are partly there, "
        "a share of its own for each prompt. An edge from embed is what the tokens do: at the "
        "first hook spliced in, all that the node does (nothing else leads to it); at later ones, "
        "with ablation=resample alone, what the tokens of the corrupt prompt change past all "
        "earlier hooks, these held still; where nodes are of spans, the tokens of one span alone, "
        "embed@subject.",
        (
            CIRCUIT,
            Column(
                "source", "VARCHAR", f"embed, the tokens; embed@subject, those of a span; or {NODE}"
            ),
            Column("target", "VARCHAR", "a node of the circuit, or logits"),
            Column("effect", "DOUBLE", "fall of the metric through this edge"),
            Column("rank", "UINTEGER", "0: the strongest"),
            Column(
                "stability",
                "DOUBLE",
                "share of bootstrap samples in which it is among as many",
                nullable=True,
            ),
        ),
        sort=("circuit", "rank"),
    ),
    Table(
        "circuit_curve",
        "Faithfulness and completeness over the size of a circuit.",
        (
            CIRCUIT,
            Column("n_nodes", "UINTEGER", "nodes taken in, by rank"),
            Column("n_edges", "UINTEGER", "edges of circuit_edges among them"),
            Column("faithfulness", "DOUBLE", "(m(C) − m(∅)) / (m(M) − m(∅))"),
            Column("completeness", "DOUBLE", "the same of the model without them: 0 is complete"),
            Column("prompts", "VARCHAR", "held_out, search, or transfer: which prompts"),
            Column("faithfulness_low", "DOUBLE", "95% interval, over prompts", nullable=True),
            Column("faithfulness_high", "DOUBLE", "95% interval, over prompts", nullable=True),
            Column("completeness_low", "DOUBLE", "95% interval, over prompts", nullable=True),
            Column("completeness_high", "DOUBLE", "95% interval, over prompts", nullable=True),
        ),
        sort=("circuit", "n_nodes"),
    ),
    Table(
        "circuit_prompts",
        "The prompts of a circuit search, and what the whole model makes of them.",
        (
            CIRCUIT,
            Column("prompt", "UINTEGER", "number of the prompt, from 0"),
            Column("half", "VARCHAR", "search, held_out or transfer"),
            Column("clean", "VARCHAR", "the prompt"),
            Column(
                "corrupt", "VARCHAR", "its counterpart; null for tasks without one", nullable=True
            ),
            Column("answer", "VARCHAR", "the token that is right"),
            Column("wrong", "VARCHAR", "the token it is held against", nullable=True),
            Column("clean_score", "DOUBLE", "metric on the prompt"),
            Column("corrupt_score", "DOUBLE", "metric with every node ablated"),
            Column(
                "spans",
                "VARCHAR[]",
                "the span of every token, the start token too; null: nodes are of none",
                nullable=True,
            ),
        ),
        sort=("circuit", "prompt"),
    ),
)

TABLES: tuple[Table, ...] = (*EDGES, *CIRCUITS)
