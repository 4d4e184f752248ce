"""The tables of a circuit search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.kinds.cluster_tables import Columns, arrow

if TYPE_CHECKING:
    import torch

    from jobs.causal.curve import Curve
    from jobs.causal.ground import Ground
    from jobs.causal.nodes import Base
    from jobs.causal.scores import Interval, Scores
    from jobs.kinds.circuit import Measured, Search, Work


def publish(work: Work, search: Search, measured: Measured) -> str:
    """Publishes every table of the search; returns what it came to, in a sentence."""
    from jobs.causal.scores import score
    from jobs.kinds.circuit_edges import edges_table, every_edge, within

    spec = work.spec
    tick = work.stages.tick(0.97, 0.98, "writing tables")
    scores = score(measured.curve, max(spec.sizes), spec.seed)
    shifted = measured.transfer and score(measured.transfer, max(spec.sizes), spec.seed)
    tick(0.5)
    edges = every_edge(measured)
    n_edges = within(edges, search.found.order, measured.curve.sizes)
    curves = [_curve(work, "held_out", measured.curve, scores, n_edges)]
    if measured.transfer and shifted:
        curves.append(_curve(work, "transfer", measured.transfer, shifted, n_edges))
    tables = {
        "circuit_nodes": _nodes(work, search, measured),
        "circuit_edges": edges_table(work, edges),
        "circuit_curve": {key: [x for rows in curves for x in rows[key]] for key in curves[0]},
        "circuit_prompts": _prompts(work, measured),
        "circuits": _circuit(work, search, measured, scores, shifted),
    }
    manifest = work.context.provenance(inputs=spec.inputs())
    for table, columns in tables.items():  # the circuit last: with it, all is there
        publishing = work.context.workspace.publish_table(
            table, run=work.circuit, manifest=manifest
        )
        with publishing as out:
            out.write(arrow(table, columns))
    return _sentence(work, search, scores)


def _sentence(work: Work, search: Search, scores: Scores) -> str:
    n = work.place.nodes.n
    reached = scores.nodes_for_80
    enough = (
        f"{reached:,} of {n:,} nodes reach" if reached else f"none of the sizes of {n:,} reaches"
    )
    return (
        f"{work.spec.method}: {enough} faithfulness .8 on held-out prompts; CMD "
        f"{scores.cmd.value:.3f} ({scores.cmd.low:.3f} to {scores.cmd.high:.3f}), on a "
        f"logarithmic axis {scores.cmd_log.value:.3f}; {search.forward:,} forward and "
        f"{search.backward:,} backward passes in {search.seconds:.0f} s."
    )


def _nodes(work: Work, search: Search, measured: Measured) -> Columns:
    from jobs.causal.stability import stability

    spec, nodes, found = work.spec, work.place.nodes, search.found
    published = min(nodes.n, max(*spec.sizes, found.kept or 0))
    first = found.order[:published]
    exact = [*measured.exact.mean(0).tolist(), *[None] * (published - measured.exact.shape[1])]
    columns: Columns = {"low": [None] * published, "high": [None] * published}
    columns["stability"] = columns["low"]
    if found.per_prompt is not None and spec.bootstrap:
        rows, content = found.per_prompt, work.search.prompts.content[: len(found.per_prompt)]
        held = stability(rows, content, first, spec.sizes, spec.bootstrap, spec.seed)
        columns = {"low": held.low.tolist(), "high": held.high.tolist()}
        columns["stability"] = held.share.tolist()
    bases = [nodes.base(int(node)) for node in first]
    labels = _labels(work, bases)
    return {
        "circuit": [work.circuit] * published,
        "node": [nodes.name(int(node)) for node in first],
        "dictionary": [base.dictionary for base in bases],
        "feature": [base.feature for base in bases],
        "component": [base.component for base in bases],
        "position": [nodes.position(int(node)) for node in first],
        "span": [nodes.span(int(node)) for node in first],
        "effect": found.effect[first].double().tolist(),
        "rank": np.arange(published, dtype=np.uint32),
        "exact": exact[:published],
        **columns,
        "label": [labels.get(base.name) for base in bases],
    }


def _labels(work: Work, bases: Sequence[Base]) -> dict[str, str]:
    """What a user or a profile calls features, and a cluster run its clusters."""
    from store.views import quoted

    ws, found = work.context.workspace, dict[str, str]()
    asked = sorted({(base.dictionary, base.feature) for base in bases if base.dictionary})
    if asked:
        pairs = ", ".join(f"({quoted(str(name))}, {feature})" for name, feature in asked)
        rows = ws.sql(
            "SELECT dictionary, feature, label, top_tokens FROM features "
            f"WHERE (dictionary, feature) IN ({pairs})"
        ).fetchall()
        for name, feature, label, tokens in rows:
            if text := label or " ".join(_token(token) for token in (tokens or [])[:4]):
                found[f"{name}#{feature}"] = text
    if work.spec.nodes == "clusters":
        run = str(work.spec.clusters)
        rows = ws.sql(
            f"SELECT cluster, label FROM cluster_summary WHERE run = {quoted(run)}"
        ).fetchall()
        found |= {f"{run}#{cluster}": label for cluster, label in rows if label}
    return found


def _token(token: Any) -> str:
    text = token.get("token") if isinstance(token, Mapping) else token
    return str(text).strip()


def _curve(work: Work, which: str, curve: Curve, scores: Scores, n_edges: list[int]) -> Columns:
    count = len(curve.sizes)
    intervals: dict[str, list[Interval]] = {
        "faithfulness": scores.faithfulness,
        "completeness": scores.completeness,
    }
    columns: Columns = {
        "circuit": [work.circuit] * count,
        "n_nodes": curve.sizes,
        "n_edges": n_edges,
        "prompts": [which] * count,
    }
    for name, values in intervals.items():
        columns[name] = [value.value for value in values]
        columns[f"{name}_low"] = [_or_null(value.low) for value in values]
        columns[f"{name}_high"] = [_or_null(value.high) for value in values]
    return columns


def _prompts(work: Work, measured: Measured) -> Columns:
    tokenizer = work.place.model.tokenizer
    columns: Columns = {
        key: []
        for key in (
            *("circuit", "prompt", "half", "clean", "corrupt", "answer", "wrong"),
            *("clean_score", "corrupt_score", "spans"),
        )
    }
    for half, ground in (("search", work.search), ("held_out", work.held_out)):
        clean, empty = _ends(work, half, ground, measured)
        pairs, count = ground.prompts, ground.prompts.n
        rows: dict[str, Any] = {
            "circuit": [work.circuit] * count,
            "prompt": range(len(columns["prompt"]), len(columns["prompt"]) + count),
            "half": [half] * count,
            "clean": _texts(tokenizer, pairs.clean, pairs.length),
            "corrupt": [None] * count,
            "answer": [tokenizer.token(int(token)) for token in pairs.answer],
            "wrong": [None] * count,
            "clean_score": clean.tolist(),
            "corrupt_score": empty.tolist(),
            "spans": [None] * count,
        }
        if pairs.corrupt is not None:
            rows["corrupt"] = _texts(tokenizer, pairs.corrupt, pairs.length)
        if pairs.spans is not None:
            rows["spans"] = _spans(work.place.nodes.spans, pairs.spans, pairs.length)
        if pairs.wrong is not None:
            rows["wrong"] = [tokenizer.token(int(token)) for token in pairs.wrong]
        for key, values in rows.items():
            columns[key].extend(values)
    return columns


def _ends(
    work: Work, half: str, ground: Ground, measured: Measured
) -> tuple[torch.Tensor, torch.Tensor]:
    """m(M) and m(∅), prompt by prompt."""
    import torch

    from jobs.causal.curve import in_batches

    if half == "held_out":
        return measured.curve.clean, measured.curve.empty
    nothing = torch.zeros(1, ground.nodes.n, device=ground.model.device)
    both = work.stages.do(
        "ends",
        lambda: {
            "clean": in_batches(ground, None, work.spec.batch).numpy(),
            "empty": in_batches(ground, nothing, work.spec.batch).numpy(),
        },
    )
    return torch.from_numpy(both["clean"]), torch.from_numpy(both["empty"])


def _texts(tokenizer: Any, tokens: torch.Tensor, length: torch.Tensor) -> list[str]:
    return [
        tokenizer.decode(row[:size].tolist())
        for row, size in zip(tokens.cpu(), length.tolist(), strict=True)
    ]


def _spans(names: Sequence[str], spans: torch.Tensor, length: torch.Tensor) -> list[list[str]]:
    return [
        [names[span] for span in row[:size].tolist()]
        for row, size in zip(spans.cpu(), length.tolist(), strict=True)
    ]


def _circuit(
    work: Work, search: Search, measured: Measured, scores: Scores, shifted: Scores | None
) -> Columns:
    spec = work.spec
    row: dict[str, Any] = {
        "circuit": work.circuit,
        "task": spec.task,
        "model": work.place.model.name,
        **{key: getattr(spec, key) for key in ("method", "metric", "nodes", "ablation", "errors")},
        "clean_score": float(measured.curve.clean.mean()),
        "corrupt_score": float(measured.curve.empty.mean()),
        "forward_passes": search.forward,
        "backward_passes": search.backward,
        "seconds": search.seconds,
        "per_position": bool(spec.per_position),
        "spans": list(work.place.nodes.spans) or None,
        "dictionaries": [site.name for site in work.place.sites if site.name]
        or list(spec.dictionaries),
        "n_nodes": work.place.nodes.n,
        "edges_among": min(spec.edges, work.place.nodes.n),
        "n_search": work.search.prompts.n,
        "n_held_out": work.held_out.prompts.n,
        "accuracy": float(work.prepared.accuracy),
        "nodes_for_80": scores.nodes_for_80,
        **_against_truth(work, search, measured),
        "transfer": work.task.shifted if shifted else None,
        "transfer_cmd": shifted.cmd.value if shifted else None,
        "seed": spec.seed,
        "created_at": datetime.now(UTC),
    }
    for name in ("cpr", "cmd", "cpr_log", "cmd_log"):
        value: Interval = getattr(scores, name)
        row |= {name: value.value, f"{name}_low": _or_null(value.low)}
        row[f"{name}_high"] = _or_null(value.high)
    return {key: [value] for key, value in row.items()}


def _against_truth(work: Work, search: Search, measured: Measured) -> dict[str, float | None]:
    """ROC AUC of nodes (those that ever move and that the prompts say something of: no other can be
    told) and of edges between heads and MLPs. Baselines look at no edges: theirs is that of the
    nodes at their ends.
    """
    from jobs.causal.known import edge_auc, node_auc
    from jobs.causal.moving import moving
    from jobs.kinds.circuit_truth import known, true_nodes

    truth, told = known(work), true_nodes(work)
    if truth is None or told is None:
        return {"node_auc": None, "edge_auc": None}
    order, nodes = search.found.order, work.place.nodes
    alive = moving(work.search, work.spec.batch)
    node = node_auc(order, told.true, alive & told.telling)
    if work.spec.nodes != "components" or work.spec.per_position:
        return {"node_auc": node, "edge_auc": None}
    blind = order if work.spec.method in ("activation", "random") else None
    return {"node_auc": node, "edge_auc": edge_auc(measured.edges, nodes, truth.true_edges, blind)}


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value
