"""``saetui clusters``: the runs, the clusters of one, the features of one cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.context import DirectContext
from jobs.kinds import cluster
from jobs.specs import Cluster
from tests import connected
from tests.unit.manifold.made import BLOBS, NAME, SIZE, blobs, publish_features, workspace


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows, label = blobs()
    ws = workspace(tmp_path_factory.mktemp("clusters") / "ws", rows)
    publish_features(ws, label)
    spec = Cluster(dictionaries=[NAME], neighbors=10, nulls=5, bootstraps=1, name="topics")
    cluster.run(spec, DirectContext(ws, spec))
    return connected.once(ws.root)


def test_runs_are_listed_with_what_they_found(saetui, clustered: Path) -> None:
    (row,) = saetui("clusters", "-w", clustered, "--json").json
    assert row["run"] == "topics" and row["dictionaries"] == [NAME]
    assert row["n_clusters"] == row["n_significant"] == BLOBS
    assert "topics" in saetui("clusters", "-w", clustered).out


def test_clusters_are_sorted_and_searched(saetui, clustered: Path) -> None:
    ask = ("clusters", "topics", "-w", clustered, "--json")
    cohesion = [row["cohesion"] for row in saetui(*ask, "--sort", "cohesion").json]
    assert len(cohesion) == BLOBS and cohesion == sorted(cohesion, reverse=True)
    (found,) = saetui(*ask, "--search", "TOPIC3").json
    assert found["label"] == "topic3 · word3"
    assert len(saetui(*ask, "--search", f"size>={SIZE} significant q<0.05").json) == BLOBS
    assert saetui(*ask, "--search", "insignificant").json == []
    assert "3 of 8" in saetui("clusters", "topics", "-w", clustered, "--limit", 3).err


def test_a_cluster_shows_its_features(saetui, clustered: Path) -> None:
    page = saetui("clusters", "topics", 2, "-w", clustered, "--json").json
    assert len(page["members"]) == page["n_features"] == SIZE
    blob = page["members"][0]["feature"] // SIZE
    assert {row["feature"] // SIZE for row in page["members"]} == {blob}
    shown = saetui("clusters", "topics", 2, "-w", clustered).out
    assert f"topic{blob} · word{blob}" in shown and "stability" in shown


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["topcis"], "did you mean 'topics'?"),
        (["topics", "99"], "it has 0 to 7"),
        (["topics", "--sort", "cohesoin"], "did you mean 'cohesion'?"),
    ],
)
def test_what_is_not_there_is_named(saetui, clustered: Path, line, says) -> None:
    ended = saetui("clusters", *line, "-w", clustered)
    assert ended.status == 2 and says in ended.err and not ended.out


def test_an_empty_workspace_says_what_to_do(saetui, garden: Path) -> None:
    ended = saetui("clusters", "-w", garden, "--json")
    assert ended.status == 0 and isinstance(ended.json, list)


def test_a_dictionary_that_was_removed_since_is_named(saetui, clustered: Path) -> None:
    there, away = clustered / "dictionaries", clustered / "away"
    there.rename(away)
    try:
        for line in (["topics"], ["topics", 2]):
            ended = saetui("clusters", *line, "-w", clustered)
            assert ended.status == 0 and "was removed since" in ended.err and ended.out
    finally:
        away.rename(there)
