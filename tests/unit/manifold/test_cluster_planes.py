"""The whole job on a dictionary with one circle among its clusters: that is found, nothing else."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from store import Workspace
from tests.unit.manifold.made import NAME, publish_features, workspace
from tests.unit.manifold.test_cluster import clustered
from tests.unit.manifold.test_exchange import around, circle, independent

K, OTHERS, D = 10, 3, 24
TOKENS = 1_200


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Cluster 0 of the plan is a circle, whose features fire beside each other; the features of the
    others lie as its do, in planes of their own, and fire by themselves.
    """
    rng = np.random.default_rng(0)
    rows, code = np.zeros((K * (1 + OTHERS), D)), np.zeros((TOKENS, K * (1 + OTHERS)))
    basis = np.linalg.qr(rng.normal(size=(D, D)))[0]
    for group in range(1 + OTHERS):
        mine = slice(group * K, (group + 1) * K)
        rows[mine] = around(K) @ basis[2 * group : 2 * group + 2]
        rows[mine] += 1.5 * basis[-1 - group]  # so that they are a cluster
        code[:, mine] = (independent(rng, K) if group else circle(rng, K))[:TOKENS]
    ws = workspace(
        tmp_path_factory.mktemp("planes") / "ws",
        torch.nn.functional.normalize(torch.from_numpy(rows).float(), dim=1),
    )
    publish_features(ws, np.repeat(np.arange(1 + OTHERS), K))
    token, feature = np.nonzero(code)
    with ws.publish_table("activations_by_doc", run="profile-1", scope=NAME) as out:
        out.write(
            pl.DataFrame(
                {
                    "feature": feature.astype(np.uint32),
                    "doc": (token // 100).astype(np.uint32),
                    "pos": (token % 100).astype(np.uint16),
                    "activation": code[token, feature].astype(np.float32),
                    "corpus": "planted",
                }
            ),
            part=0,
        )
    clustered(ws, neighbors=6, nulls=2, bootstraps=0, fdr=0.1)
    return ws


def test_the_circle_counts_and_what_chance_gives_does_not(planted: Workspace) -> None:
    found = planted.sql(
        "SELECT g.*, (SELECT min(feature) FROM clusters c WHERE c.cluster = g.cluster) AS first "
        "FROM cluster_geometry g ORDER BY cluster, plane"
    ).pl()
    assert found["cluster"].n_unique() == 1 + OTHERS
    called = found.filter(pl.col("irreducible"))
    assert called["first"].to_list() == [0] and called["plane"].to_list() == [0]
    assert called["by_chance"].to_list() == [pytest.approx(1 / 12)]


def test_the_run_tells_what_chance_would_have_passed(planted: Workspace) -> None:
    (row,) = planted.sql("FROM cluster_runs").pl().to_dicts()
    assert row["n_irreducible"] == 1 <= row["n_alike"] <= row["n_planes"]
    assert 0 <= row["null_alike"] < row["n_planes"] and row["random_alike"] is not None
