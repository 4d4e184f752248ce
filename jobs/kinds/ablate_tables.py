"""Rows of the tables that ``ablate`` publishes, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from store.parquet import arrow_type
from store.schema import TABLES

if TYPE_CHECKING:
    from jobs.causal.targets import Targets
    from jobs.kinds.ablate import Work
    from jobs.kinds.stages import Arrays

Measured = Sequence[tuple[str, "Arrays"]]
"""Dictionary of the sources, and what was found of each group of them."""


class Verdict(NamedTuple):
    """What the whole run says, over all pairs whether published or not."""

    p: np.ndarray
    """[kinds of targets, bins]."""
    q: np.ndarray
    """[kinds of targets, bins]."""
    significant: int
    by_chance: float
    """Pairs that would count at the same thresholds if each source were one of its nulls."""
    tested: int
    silent: int


def publish(work: Work, measured: Measured) -> str:
    """Publishes `edges` and `edge_runs`; what there is to say of them."""
    context, spec = work.context, work.spec
    run = spec.name or context.job
    whole = verdict(work, measured)
    edges = [_edges(work, run, name, found, whole) for name, found in measured]
    table = pl.concat(edges) if edges else None
    inputs = [*spec.all_dictionaries(), *([work.read.corpus] if work.read.corpus else [])]
    manifest = context.provenance(inputs=inputs)
    n_edges = 0 if table is None else len(table)
    with context.workspace.publish_table("edges", run=run, manifest=manifest) as out:
        if table is not None and n_edges:
            out.write(table.sort("source_dictionary", "source_feature", -pl.col("effect")))
    with context.workspace.publish_table("edge_runs", run=run, manifest=manifest) as out:
        out.write(_run_row(work, run, measured, whole, n_edges))
    published = int(table["significant"].sum()) if table is not None else 0
    said = _sentences(work, whole, n_edges, published)
    for line in said:
        context.say(line)
    context.progress(1.0, "done")
    return said[-1]


def verdict(work: Work, measured: Measured) -> Verdict:
    """p and q of every bin of z, and how many pairs count."""
    from jobs.causal.nulls import BINS, chances
    from jobs.causal.targets import KINDS

    counts = sum((found["counts"] for _, found in measured), np.zeros((3, len(KINDS), BINS), int))
    found = [chances(counts[0, kind], [*counts[1:, kind]]) for kind in range(len(KINDS))]
    significant, by_chance = 0, 0.0
    for kind, chance in enumerate(found):
        first = np.flatnonzero(chance.q <= work.spec.fdr)
        if len(first):
            significant += int(counts[0, kind, first[0] :].sum())
            by_chance += float(chance.exceed[first[0]])
    return Verdict(
        np.stack([chance.p for chance in found]),
        np.stack([chance.q for chance in found]),
        significant,
        by_chance,
        int(sum(int(one["tested"]) for _, one in measured)),
        sum(len(one["silent"]) for _, one in measured),
    )


def _edges(work: Work, run: str, name: str, found: Arrays, whole: Verdict) -> pl.DataFrame:
    targets = work.targets(name)
    column = found["column"].astype(np.int64)
    family = np.searchsorted([f.stop for f in targets.families], column, side="right")
    kind, bin_ = _kinds(targets)[family], found["bin"].astype(np.int64)
    tested = work.nulls > 0
    q = whole.q[kind, bin_]
    floats = {
        "low": found["low"],
        "high": found["high"],
        "null_effect": found["null"],
        "direction_effect": found["direction"],
        "matched_effect": found["matched"],
        "p_value": whole.p[kind, bin_],
        "q_value": q,
    }
    rows = {
        "run": [run] * len(column),
        "source_dictionary": [name] * len(column),
        "source_feature": found["feature"].astype(np.uint32),
        **_named(targets, column, family),
        "effect": found["effect"].astype(np.float64),
        **{
            key: pa.array(values, pa.float64(), mask=np.isnan(values))
            for key, values in floats.items()
        },
        "n": found["n"].astype(np.uint32),
        "method": [work.spec.ablation] * len(column),
        "significant": pa.array(q <= work.spec.fdr, mask=np.full(len(column), not tested)),
    }
    declared = TABLES["edges"].columns
    made = {c.name: pa.array(rows[c.name], arrow_type(c.type)) for c in declared}
    frame = pl.from_arrow(pa.table(made))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _kinds(targets: Targets) -> np.ndarray:
    from jobs.causal.targets import KINDS

    return np.array([KINDS.index(family.kind) for family in targets.families])


def _named(targets: Targets, column: np.ndarray, family: np.ndarray) -> dict[str, list]:
    """What each column is called in the table."""
    found: dict[str, list] = {
        "target_dictionary": [], "target_feature": [], "target_component": [],
    }  # fmt: skip
    for at, of in zip(column.tolist(), family.tolist(), strict=True):
        own = targets.families[of]
        found["target_dictionary"].append(own.dictionary)
        found["target_feature"].append(at - own.start if own.kind == "features" else None)
        component = own.names[at - own.start] if own.kind == "components" else None
        found["target_component"].append(component)
    return found


def _run_row(work: Work, run: str, measured: Measured, whole: Verdict, n_edges: int) -> pa.Table:
    spec = work.spec
    row: dict[str, Any] = {
        "run": run,
        "model": work.model.name,
        "dictionaries": spec.all_dictionaries(),
        "n_sources": len(work.sources),
        "n_silent": whole.silent,
        "n_edges": n_edges,
        "n_tested": whole.tested,
        "n_significant": whole.significant,
        "ablation": spec.ablation,
        "contexts": work.read.about,
        "n_documents": work.read.inputs.n,
        "fdr": spec.fdr,
        "nulls": work.nulls,
        "forward_passes": work.passes(measured),
        "seed": spec.seed,
        "seconds": work.stages.seconds,
        "created_at": datetime.now(UTC),
    }
    declared = {c.name: arrow_type(c.type) for c in TABLES["edge_runs"].columns}
    return pa.table({key: pa.array([row[key]], kind) for key, kind in declared.items()})


def _sentences(work: Work, whole: Verdict, n_edges: int, published: int) -> list[str]:
    n, spec = len(work.sources), work.spec
    said = []
    if whole.silent:
        which = "the feature fires" if n == 1 else f"{whole.silent:,} of {n:,} features fire"
        said.append(f"{which} nowhere in what was read; tokens=… reads more")
    if whole.significant > published:
        said.append(
            f"{published:,} of the {whole.significant:,} edges that count are published; top=… "
            "publishes more of each feature"
        )
    if not work.nulls:
        return [*said, f"{n_edges:,} edges of {whole.tested:,} pairs; nulls=0: none is tested"]
    return [
        *said,
        f"{whole.significant:,} of {whole.tested:,} pairs count at a false discovery rate of "
        f"{spec.fdr:g}, where null ablations give {whole.by_chance:,.1f}; {n_edges:,} edges are "
        "published",
    ]
