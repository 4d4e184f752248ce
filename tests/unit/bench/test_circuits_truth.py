"""Searches of truth models: each is made once, and kept as soon as it is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import circuits_truth
from tests.bench.circuits_truth import Asked, main, table

ASKED = ["--truths", "xor", "--methods", "relp,random"]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """The searches that are made, in order; the fourth is interrupted."""
    found: list[Asked] = []

    def search(ws: Any, one: Asked) -> dict[str, Any]:
        if len(found) == 3:
            raise KeyboardInterrupt
        found.append(one)
        return {"node_auc": 1.0, "edge_auc": None}

    monkeypatch.setattr(circuits_truth, "search", search)
    monkeypatch.setattr(circuits_truth, "with_model_kept", lambda: None)
    monkeypatch.setattr(circuits_truth, "RESULTS", tmp_path / "results.json")
    return found


def test_what_was_searched_before_the_bench_was_stopped_is_not_searched_again(
    made: list[Asked], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        main(ASKED)
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [row["nodes"] for row in rows] == ["components", "components", "features"]
    made.clear()
    of_features = [*ASKED, "--nodes", "features", "--seeds", "1"]
    main(of_features)
    assert made == [Asked("xor", "features", "random", 0)]
    main([*of_features, "--anew"])
    assert made[1:] == [Asked("xor", "features", method, 0) for method in ("relp", "random")]


def test_means_over_seeds_and_the_least_where_they_differ() -> None:
    row = {"truth": "xor", "nodes": "components", "method": "relp", "seed": 0}
    found = [
        row | {"node_auc": 1.0, "edge_auc": 0.5},
        row | {"node_auc": 1.0, "edge_auc": 0.7, "seed": 1},
        row | {"node_auc": 0.25, "edge_auc": None, "nodes": "features"},
        row | {"failed": "It has too few pairs.", "nodes": "features", "method": "acdc"},
    ]
    assert table(found, ("relp", "acdc")).splitlines() == [
        "|  | seeds | `relp` | `acdc` |",
        "| --- | --- | --- | --- |",
        "| `xor`, components | 2 | 1.000 / .600 (.500) |  |",
        "| `xor`, features | 1 | .250 |  |",
    ]
