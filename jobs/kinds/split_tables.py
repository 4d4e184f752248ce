"""Rows of the tables that ``split`` publishes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jobs.dictionary.profile.tables import constant
from store.parquet import arrow_type
from store.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.kinds.split import Pair
    from jobs.kinds.split_overall import Overall
    from jobs.manifold.odds import Odds
    from jobs.manifold.verdict import Seeds
    from jobs.specs import Split


def splits(run: str, pair: Pair) -> pa.Table:
    """Every parent with its children."""
    links, families, found = pair.links, pair.families, pair.staying
    child = np.flatnonzero(links.parent >= 0)
    place = np.searchsorted(child, found.child)

    def of_split(values: np.ndarray) -> np.ndarray:
        """Of the children of split parents; nothing is asked about the others."""
        spread = np.full(len(child), np.nan)
        spread[place] = values
        return spread

    same = of_split(found.same)
    columns = {
        "run": constant(run, len(child)),
        "parent_dictionary": constant(pair.narrow.profiled.dictionary, len(child)),
        "parent_feature": links.parent[child].astype(np.uint32),
        "child_dictionary": constant(pair.wide.profiled.dictionary, len(child)),
        "child_feature": child.astype(np.uint32),
        "cosine": links.cosine[child].astype(np.float32),
        "implication": links.implication[child].astype(np.float32),
        "coverage": links.coverage[child].astype(np.float32),
        "family_coverage": families.coverage[links.parent[child]].astype(np.float32),
        "absorbed": _or_null(families.absorbed[child].astype(np.float32)),
        "same_manifold": pa.array(same == 1, mask=np.isnan(same)),
        "null_same_manifold": _or_null(of_split(found.strangers)),
        "rival_same_manifold": _or_null(of_split(found.rivals)),
    }
    return pa.table(columns)


def summary(run: str, pairs: Sequence[Pair]) -> pa.Table:
    """A row a pair of dictionaries."""
    rows = [
        {
            "run": run,
            "parent_dictionary": pair.narrow.profiled.dictionary,
            "child_dictionary": pair.wide.profiled.dictionary,
            "n_parents": pair.story.parents,
            "n_kept": pair.story.kept,
            "n_split": pair.story.split,
            "n_lost": pair.story.lost,
            "n_children": len(pair.staying.child),
            "absorption": pair.absorption,
            **_odds(pair.strangers, pair.rivals),
            "verdict": pair.verdict,
        }
        for pair in pairs
    ]
    return _table("split_summary", rows)


def run_row(run: str, spec: Split, pairs: Sequence[Pair], whole: Overall) -> pa.Table:
    """The one row of a run."""
    lows = [pair.strangers and pair.strangers.low for pair in pairs]
    highs = [pair.strangers and pair.strangers.high for pair in pairs]
    asked = ("method", "neighbors", "resolution", "cosine", "implication", "nulls", "seed")
    row = {
        "run": run,
        "dictionaries": list(spec.dictionaries),
        "n_pairs": len(pairs),
        "n_within": sum(low is not None and low > 1 for low in lows),
        "n_out": sum(high is not None and high < 1 for high in highs),
        **_odds(whole.strangers, whole.rivals),
        "n_seeds": whole.own.strangers.seeds if whole.own.strangers else 0,
        **_over_seeds("seeds", whole.own),
        **_over_seeds("between", whole.between),
        "verdict": whole.verdict,
        **{key: getattr(spec, key) for key in asked},
        "created_at": datetime.now(UTC),
    }
    return _table("split_runs", [row])


def _odds(strangers: Odds | None, rivals: Odds | None) -> dict[str, Any]:
    return {
        "same_manifold": strangers and strangers.share,
        "null_same_manifold": strangers and strangers.null,
        "odds": strangers and strangers.ratio,
        "odds_low": strangers and strangers.low,
        "odds_high": strangers and strangers.high,
        "n_compared": strangers.children if strangers else 0,
        "n_families": strangers.parents if strangers else 0,
        "n_rivalled": rivals.children if rivals else 0,
        "rival_same_manifold": rivals and rivals.null,
        "rival_odds": rivals and rivals.ratio,
        "rival_odds_low": rivals and rivals.low,
        "rival_odds_high": rivals and rivals.high,
    }


def seeds(run: str, whole: Overall) -> pa.Table:
    """A row for every two seeds that pairs lead from and to."""
    rows = [
        {
            "run": run,
            "parent_seed": one.seeds[0],
            "child_seed": one.seeds[1],
            "n_pairs": one.pairs,
            **_odds(one.strangers, one.rivals),
        }
        for one in whole.seeds
    ]
    return _table("split_seeds", rows)


def _over_seeds(name: str, found: Seeds) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for one, key in ((found.strangers, f"{name}_odds"), (found.rivals, f"{name}_rival_odds")):
        columns[key] = one and one.ratio
        columns[f"{key}_low"], columns[f"{key}_high"] = one and one.low, one and one.high
    return columns


def _or_null(values: np.ndarray) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _table(name: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as the schema declares them: a column of nulls alone would not tell its type."""
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    declared = {key: arrow_type(TABLES[name].column(key).type) for key in columns}
    return pa.table({key: pa.array(columns[key], kind) for key, kind in declared.items()})
