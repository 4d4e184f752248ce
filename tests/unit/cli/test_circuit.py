"""``saetui circuit`` and ``saetui edges``: searches, trees, comparisons, causal edges."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import connected, traced


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return connected.once(traced.make(tmp_path_factory.mktemp("circuits") / "garden").root)


def test_searches_are_listed_task_by_task_the_best_first(saetui, garden: Path) -> None:
    rows = saetui("circuit", "-w", garden, "--json").json
    assert [row["task"] for row in rows] == ["agreement"] * 11 + ["ioi"]
    assert rows[0]["circuit"] == traced.MAIN
    cmd = [row["cmd"] for row in rows[:11]]
    assert cmd == sorted(cmd)
    assert rows[0]["passes"] == rows[0]["forward_passes"] + rows[0]["backward_passes"]


def test_searches_are_sorted_and_searched(saetui, garden: Path) -> None:
    ask = ("circuit", "-w", garden, "--json")
    found = saetui(*ask, "--search", "FEATURES cmd<0.3 agreement").json
    assert [row["method"] for row in found] == ["cascade", "mask"]
    assert {row["method"] for row in saetui(*ask, "--search", "baseline").json} == {
        "activation",
        "random",
    }
    costs = [row["passes"] for row in saetui(*ask, "--sort", "passes").json[:11]]
    assert costs == sorted(costs)
    assert (
        "No circuit matches 'nosuch'." in saetui("circuit", "-w", garden, "--search", "nosuch").err
    )
    refused = saetui("circuit", "-w", garden, "--sort", "cdm")
    assert refused.status == 2 and "did you mean 'cmd'" in refused.err


def test_a_circuit_is_drawn_from_the_metric_back_to_the_tokens(saetui, garden: Path) -> None:
    told = saetui("circuit", traced.MAIN, "-w", garden, "--size", 20)
    assert "CMD .216 (.186–.256)" in told.out and "2,400 forward, 5,200 backward" in told.out
    assert "logit_diff  20 nodes, 38 edges, faithfulness .99" in told.out
    assert "├ L2.resid_post #26" in told.out and "└ tokens" in told.out
    assert "↗ L1.resid_post #33" in told.out and "L1.resid_post error" in told.out
    # An effect that pushes the metric down is told by its sign and by its bar.
    (down,) = [line for line in told.out.splitlines() if "│ ├ L2.attn_out #19" in line]
    assert "-0.79" in down and "▒▒▒" in down and "█" not in down


def test_edges_that_were_not_measured_are_not_said_to_be_absent(saetui, garden: Path) -> None:
    """They were measured among eight heads and MLPs; the page of the job's key says how to."""
    ask = ("circuit", traced.HEADS, "-w", garden, "--size", 20)
    told = saetui(*ask).out
    measured = "edges were measured among the first 8 nodes alone; edges=20 measures them among 20"
    assert f"· {measured}." in told
    whole = saetui(*ask, "--json").json
    assert whole["edges_among"] == 8
    tree = told.split("logit_diff  20 nodes")[1].splitlines()
    for node in whole["taken"]:
        (line,) = [line for line in tree if f" {node['node']} " in line and "↗" not in line]
        assert (f"  {'·':>8}  " in line) == (node["rank"] >= 8)
    assert "measured among" not in saetui("circuit", traced.MAIN, "-w", garden, "--size", 20).out


def test_every_node_taken_in_is_shown_once_in_full(saetui, garden: Path) -> None:
    told = saetui("circuit", traced.MAIN, "-w", garden, "--size", 40).out
    whole = saetui("circuit", traced.MAIN, "-w", garden, "--size", 40, "--json").json
    tree = told.split("logit_diff  40 nodes")[1]
    assert len(whole["taken"]) == 40
    for node in whole["taken"]:
        last = node["node"].rpartition("#")[2]
        name = f"{node['component']} {'error' if last == 'error' else '#' + last}"
        full = [line for line in tree.splitlines() if f"{name} " in line and "↗" not in line]
        assert len(full) == 1, name


def test_without_a_size_a_circuit_is_what_reaches_80_percent(saetui, garden: Path) -> None:
    whole = saetui("circuit", traced.MAIN, "-w", garden, "--json").json
    assert whole["size"] == whole["nodes_for_80"] == 5
    assert len(whole["prompts"]) == 8 and len(whole["curve"]) == 8


def test_two_circuits_are_held_against_each_other(saetui, garden: Path) -> None:
    pair = ("circuit", traced.MAIN, "agreement-ig", "-w", garden, "--size", 10)
    found = saetui(*pair, "--json").json
    nodes = {where: [n for n in found["nodes"] if n["in"] == where] for where in ("both", "A", "B")}
    assert len(nodes["both"]) + len(nodes["A"]) == 10 == len(nodes["both"]) + len(nodes["B"])
    assert found["measures"]["passes"] == [7600, 1024]
    told = saetui(*pair)
    assert f"{len(nodes['both'])} of {len(found['nodes'])} nodes are in both." in told.err
    assert saetui("circuit", traced.MAIN, traced.MAIN, "-w", garden).status == 2


def test_a_circuit_that_is_not_there_is_refused_with_the_nearest(saetui, garden: Path) -> None:
    ended = saetui("circuit", "agreement-cascad", "-w", garden)
    assert ended.status == 2 and "did you mean 'agreement-cascade'" in ended.err


def test_runs_of_ablate_are_listed(saetui, garden: Path) -> None:
    (row,) = saetui("edges", "-w", garden, "--json").json
    assert (row["run"], row["n_edges"], row["n_significant"]) == (traced.RUN, 640, 448)
    assert traced.RUN in saetui("edges", "-w", garden).out


def test_the_edges_of_a_feature_stand_beside_their_null(saetui, garden: Path) -> None:
    feature = f"{traced.EARLY}#5"
    found = saetui("edges", feature, "-w", garden, "--json").json
    assert len(found["out"]) == 10 and found["in"] == []
    assert [edge["significant"] for edge in found["out"]] == [True] * 7 + [False] * 3
    told = saetui("edges", feature, "--out", "-w", garden).out
    assert "●" in told and "○" in told and "the metric" in told and "L2.H1" in told
    into = saetui("edges", f"{traced.LATE}#8", "--in", "-w", garden, "--json").json
    assert set(into) == {"dictionary", "feature", "in"} and into["in"]
    assert all(edge["target_feature"] == 8 for edge in into["in"])


def test_edges_of_what_is_no_feature_are_refused(saetui, garden: Path) -> None:
    ended = saetui("edges", "foo", "-w", garden)
    assert ended.status == 2 and "saetui edges DICT#0" in ended.err


def test_an_empty_workspace_says_what_makes_circuits_and_edges(saetui, tmp_path: Path) -> None:
    saetui("init", tmp_path / "fresh")
    assert "saetui run circuit" in saetui("circuit", "-w", tmp_path / "fresh").err
    assert "saetui run ablate" in saetui("edges", "-w", tmp_path / "fresh").err


def test_hostile_names_are_printed_inert(saetui, tmp_path: Path) -> None:
    root = traced.make(tmp_path / "garden", hostile=True).root
    for words in (
        ("circuit",),
        ("circuit", traced.MAIN),
        ("circuit", traced.MAIN, traced.BY_POSITION),
    ):
        told = saetui(*words, "-w", root).out
        assert not any(ord(c) < 32 and c != "\n" for c in told) and "\u202e" not in told
