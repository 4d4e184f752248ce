"""``saetui splits``: the runs, the pairs, the tree of a feature."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from store import Workspace
from tests.unit.cli.conftest import Saetui

NAMES = [f"planted/L0.resid_post/topk-{width}" for width in (4, 8, 16)]
NARROW, MIDDLE, WIDE = NAMES
ODDS = {
    "same_manifold": 0.8,
    "null_same_manifold": 0.5,
    "odds": 4.0,
    "odds_low": 2.0,
    "odds_high": 8.0,
    "n_compared": 30,
    "n_families": 12,
    "n_rivalled": 0,
}
RUN = {
    "dictionaries": NAMES,
    "n_pairs": 3,
    "n_within": 3,
    "n_out": 0,
    **ODDS,
    "verdict": "Features split within their manifold more than chance.",
    "method": "leiden",
    "neighbors": 15,
    "resolution": 1.0,
    "cosine": 0.4,
    "implication": 0.5,
    "nulls": 10,
    "seed": 0,
}


def publish(ws: Workspace, table: str, run: str, rows: list[dict[str, Any]]) -> None:
    with ws.publish_table(table, run=run) as out:
        out.write(pl.DataFrame([{"run": run, **row} for row in rows]))


def pair(narrow: str, wide: str) -> dict[str, Any]:
    names = {"parent_dictionary": narrow, "child_dictionary": wide}
    counts = {"n_parents": 4, "n_kept": 1, "n_split": 2, "n_lost": 1, "n_children": 5}
    return {**names, **counts, "absorption": 0.1, **ODDS, "verdict": "A verdict."}


def child(narrow: str, parent: int, wide: str, feature: int, cosine: float) -> dict[str, Any]:
    return {
        "parent_dictionary": narrow,
        "parent_feature": parent,
        "child_dictionary": wide,
        "child_feature": feature,
        "cosine": cosine,
        "implication": 0.9,
        "coverage": cosine / 2,
        "family_coverage": 0.7,
        "same_manifold": feature % 2 == 0,
        "null_same_manifold": 0.5,
    }


@pytest.fixture
def followed(tmp_path: Path) -> Workspace:
    """Two runs; feature 1 of the narrow dictionary splits, and one of its children again."""
    ws = Workspace.create(tmp_path / "followed")
    for name in NAMES[:2]:
        with ws.publish_folder("dictionaries", name, manifest={"d_sae": 4}) as folder:
            (folder / "cfg.json").write_text("{}")
    pairs = [(NARROW, MIDDLE), (NARROW, WIDE), (MIDDLE, WIDE)]
    for day, run in ((1, "split-1"), (2, "widths")):
        publish(ws, "split_summary", run, [pair(*names) for names in pairs])
        publish(
            ws,
            "splits",
            run,
            [
                child(NARROW, 1, MIDDLE, 2, 0.8),
                child(NARROW, 1, MIDDLE, 5, 0.6),
                child(NARROW, 1, WIDE, 9, 0.5),
                child(NARROW, 3, WIDE, 11, 0.5),
                child(MIDDLE, 5, WIDE, 9, 0.7),
                child(MIDDLE, 5, WIDE, 10, 0.7),
            ],
        )
        made = datetime(2026, 3, day, tzinfo=UTC)
        publish(ws, "split_runs", run, [{**RUN, "created_at": made}])
    return ws


def test_the_newest_run_is_shown_with_its_verdict(saetui: Saetui, followed: Workspace) -> None:
    ended = saetui("splits", "-w", followed.root)
    assert ended.status == 0
    assert ended.out.startswith(f"widths\n{RUN['verdict']}\n")
    assert f"{NARROW}#1" in ended.out and f"{NARROW}#3" not in ended.out  # it has one child
    assert "1 more run of split: split-1" in ended.err
    assert f"{WIDE} was removed since" in ended.err


def test_one_json_document_holds_run_pairs_and_parents(saetui: Saetui, followed: Workspace) -> None:
    found = saetui("splits", "split-1", "--json", "-w", followed.root).json
    assert found["run"] == "split-1" and found["odds"] == 4 and found["dictionaries"] == NAMES
    assert [one["n_split"] for one in found["pairs"]] == [2, 2, 2]
    parents = {(one["parent_dictionary"], one["child_dictionary"]) for one in found["parents"]}
    assert parents == {(NARROW, MIDDLE), (MIDDLE, WIDE)}
    assert found["parents"][0]["children"] == 2
    assert found["parents"][0]["same_manifold"] == 0.5


def test_seeds_are_shown_beside_each_other(saetui: Saetui, followed: Workspace) -> None:
    seeds = [{"parent_seed": one, "child_seed": two} for one in (0, 1) for two in (0, 1)]
    publish(followed, "split_seeds", "widths", [{**one, "n_pairs": 3, **ODDS} for one in seeds])
    found = saetui("splits", "--json", "-w", followed.root).json["seeds"]
    order = [(one["parent_seed"], one["child_seed"]) for one in found]
    assert order == [(0, 0), (1, 1), (0, 1), (1, 0)]  # those within a seed first
    shown = saetui("splits", "-w", followed.root).out
    assert "parent_seed" in shown
    assert "parent_seed" not in saetui("splits", "split-1", "-w", followed.root).out


def test_a_tree_goes_from_width_to_width(saetui: Saetui, followed: Workspace) -> None:
    """Feature 9 is under its parent of the middle width, and not under the narrow one again."""
    asked = ("splits", "--parent", f"{NARROW}#1", "-w", followed.root)
    tree = saetui(*asked, "--json").json
    assert [one["feature"] for one in tree["children"]] == [2, 5]
    assert [one["feature"] for one in tree["children"][1]["children"]] == [9, 10]
    lines = saetui(*asked).out.splitlines()
    assert lines[0] == f"{NARROW}#1"
    assert lines[1] == f"├ {MIDDLE}#2"
    assert (
        "cosine 0.8 · implies 0.9 · covers 0.4 · in the same manifold (strangers 0.5)" in lines[2]
    )
    assert lines[3] == f"└ {MIDDLE}#5" and lines[5] == f"  ├ {WIDE}#9"
    leaf = saetui("splits", "--parent", f"{NARROW}#0", "-w", followed.root)
    assert leaf.out == f"{NARROW}#0\nIt has no children.\n"


def test_what_is_not_there_is_told(saetui: Saetui, followed: Workspace, garden: Path) -> None:
    ended = saetui("splits", "widht", "-w", followed.root)
    assert ended.status == 2 and "did you mean 'widths'?" in ended.err
    for wrong, said in (("x", "names no feature"), ("planted/other#1", "was not followed")):
        ended = saetui("splits", "--parent", wrong, "-w", followed.root)
        assert ended.status == 2 and said in ended.err and ended.err.count("\n") == 1
    none = saetui("splits", "-w", garden)
    assert none.status == 0 and "No run of split yet" in none.err and not none.out
    assert saetui("splits", "--json", "-w", garden).json is None
