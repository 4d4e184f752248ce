"""What a run of ``cluster`` leaves in `neighbors`: each pair of features once, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from saetui import queries
from store import Workspace
from store.lineage import trace_row
from tests.unit.manifold.made import NAME, blobs, publish_features, workspace
from tests.unit.manifold.test_cluster import clustered

OTHER = "planted/L0.resid_post/seed-1"
KEYS = ["dictionary", "feature", "other_dictionary", "other_feature"]
FEW = {"neighbors": 5, "nulls": 0, "bootstraps": 0, "min_size": 3}


def neighbors(ws: Workspace) -> pl.DataFrame:
    return ws.sql("FROM neighbors ORDER BY ALL").pl()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Workspace, np.ndarray, np.ndarray]:
    """Two dictionaries of one hook, and their unit decoder rows."""
    one, other = blobs(4, 10)[0], blobs(4, 12, seed=1)[0]
    ws = workspace(tmp_path / "ws", one)
    workspace(tmp_path / "ws", other, OTHER)
    return ws, one.numpy(), other.numpy()


def test_the_nearest_in_every_other_dictionary_are_there(
    pair: tuple[Workspace, np.ndarray, np.ndarray],
) -> None:
    ws, one, other = pair
    clustered(ws, dictionaries=[NAME, OTHER], **FEW)
    found = neighbors(ws)
    rows = {NAME: one, OTHER: other}
    assert len(found) == 5 * 2 * (len(one) + len(other))
    assert found.select(KEYS).is_duplicated().sum() == 0
    assert found["nearest_by"].is_null().all() and found["similarity"].is_null().all()
    for (mine, theirs), some in found.group_by("dictionary", "other_dictionary"):
        cosine = rows[mine] @ rows[theirs].T
        if mine == theirs:
            np.fill_diagonal(cosine, -1)
        ordered = some.sort("feature", "cosine", descending=[False, True])
        expected = -np.sort(-cosine, axis=1)[:, :5]
        np.testing.assert_allclose(ordered["cosine"].to_numpy(), expected.ravel(), atol=2e-6)


def test_what_a_profile_wrote_stands_and_a_later_one_takes_its_place(
    pair: tuple[Workspace, np.ndarray, np.ndarray],
) -> None:
    ws, one, _ = pair
    rows = {"feature": [0], "other_dictionary": [NAME], "other_feature": [1], "cosine": [0.5]}

    def profiled(run: str) -> None:
        publish_features(ws, np.repeat(np.arange(4), 10))
        with ws.publish_table("neighbors", run=run, scope=NAME) as out:
            out.write(pl.DataFrame(rows))

    within = f"FROM neighbors WHERE dictionary = '{NAME}' AND other_dictionary = '{NAME}'"
    across = f"FROM neighbors WHERE dictionary = '{NAME}' AND other_dictionary = '{OTHER}'"
    clustered(ws, "cluster-1", dictionaries=[NAME, OTHER], **FEW)
    assert len(ws.sql(within).pl()) == 5 * len(one)
    profiled("profile-1")
    assert len(ws.sql(within).pl()) == 1
    clustered(ws, "cluster-2", dictionaries=[NAME, OTHER], **FEW)
    assert len(ws.sql(within).pl()) == 1 and len(ws.sql(across).pl()) == 5 * len(one)
    assert neighbors(ws).select(KEYS).is_duplicated().sum() == 0
    view = ws.sql(f"FROM neighbors WHERE dictionary = '{NAME}' ORDER BY ALL").fetchall()
    assert ws.sql(f"FROM dictionary_neighbors('{NAME}') ORDER BY ALL").fetchall() == view


def test_what_is_near_by_another_similarity_says_so(
    pair: tuple[Workspace, np.ndarray, np.ndarray],
) -> None:
    ws, *_ = pair
    clustered(ws, "cluster-1", **FEW)
    clustered(ws, "cluster-2", similarity="encoder", **FEW)
    found = neighbors(ws)
    assert found.select(KEYS).is_duplicated().any()  # the encoder is the decoder, halved
    assert found.select([*KEYS, "nearest_by"]).is_duplicated().sum() == 0
    by_encoder = found.filter(pl.col("nearest_by") == "encoder")
    np.testing.assert_allclose(by_encoder["similarity"], by_encoder["cosine"], atol=2e-6)


def test_a_row_leads_back_to_the_run_that_wrote_it(
    pair: tuple[Workspace, np.ndarray, np.ndarray],
) -> None:
    ws, *_ = pair
    clustered(ws, dictionaries=[NAME, OTHER], **FEW)
    row = ws.sql(f"FROM neighbors WHERE other_dictionary = '{OTHER}' LIMIT 1").pl().to_dicts()[0]
    first, *before = trace_row(ws, "neighbors", row)
    assert first.job == "cluster-1" and {step.id for step in before} >= {row["dictionary"], OTHER}


def test_features_that_never_fire_together_are_no_neighbours() -> None:
    from jobs.manifold.firing import Firing, Together, jaccard_of

    feature, token = np.array([0, 0, 1, 1, 2, 3]), np.array([0, 1, 0, 2, 3, 0])
    firing = Firing(feature, token, np.ones(6, np.float32), 4, 4)
    found = Together(firing, "jaccard", [2, 2]).toward(
        torch.tensor([0, 1]), torch.tensor([2, 3]), k=2
    )
    assert found.other.tolist() == [[3, 0], [3, 1]]  # itself: there is no second
    np.testing.assert_allclose(found.similarity, [[1 / 2, 0], [1 / 2, 0]])
    np.testing.assert_allclose(
        jaccard_of(firing, np.array([0, 0, 0]), np.array([1, 2, 3])), [1 / 3, 0, 1 / 2]
    )


def test_a_features_page_lists_each_of_them_once(
    pair: tuple[Workspace, np.ndarray, np.ndarray],
) -> None:
    ws, *_ = pair
    for number, similarity in enumerate(("decoder", "encoder")):
        asked = {"dictionaries": [NAME, OTHER], "similarity": similarity}
        clustered(ws, f"cluster-{number}", **asked, **FEW)
    for query in (queries.nearest(NAME, 3), queries.neighbors(NAME, 3)):
        rows = ws.sql(query).fetchall()
        assert len({row[:2] for row in rows}) == len(rows) == 10
        assert {row[0] for row in rows} == {NAME, OTHER}
        assert [row[2] for row in rows] == sorted((row[2] for row in rows), reverse=True)
