"""Every method finds what is planted, and is the textbook's where the graph holds all pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import squareform
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from jobs.manifold.cohesion import mean_similarity, medoids, placement
from jobs.manifold.graph import Graph
from jobs.manifold.methods import METHODS, Asked
from jobs.manifold.methods.agglomerative import cut, merges
from jobs.manifold.methods.hdbscan import hdbscan, spanning_tree
from jobs.manifold.partition import ordered
from jobs.manifold.similarity import Directions
from tests.unit.manifold.made import BLOBS, blobs, noise

ASKED = Asked(clusters=BLOBS, min_size=5, resolution=1.0, seed=0)


def of(rows: torch.Tensor) -> Directions:
    return Directions([(1.0, rows)], [len(rows)])


@pytest.mark.parametrize("method", METHODS)
def test_blobs_are_found_by_every_method(method: str) -> None:
    rows, label = blobs()
    similarity = of(rows)
    found = METHODS[method](similarity, similarity.nearest(10), ASKED)
    assert adjusted_rand_score(label, found.label) > 0.9
    assert found.sizes.tolist() == sorted(found.sizes, reverse=True)
    assert ((found.membership > 0) <= (found.label >= 0)).all() and found.membership.max() <= 1
    again = METHODS[method](similarity, similarity.nearest(10), ASKED)
    assert (again.label == found.label).all()


@pytest.mark.parametrize("method", ["hdbscan", "agglomerative", "leiden"])
def test_clusters_within_clusters_are_found_at_the_finer_level(method: str) -> None:
    """Three far groups, each of three near ones."""
    coarse, _ = blobs(3, 1, d=32, noise=0, seed=1)
    fine, label = blobs(9, 15, d=32, noise=0.15, seed=2)
    rows = coarse.repeat_interleave(45, 0) * 1.5 + fine
    similarity = of(rows)
    asked = Asked(clusters=9, min_size=5, resolution=1.0, seed=0)
    found = METHODS[method](similarity, similarity.nearest(10), asked)
    assert adjusted_rand_score(label, found.label) > 0.95


def distances(rows: torch.Tensor) -> np.ndarray:
    distance = (1 - (rows.double() @ rows.double().T)).clamp(min=0).numpy()
    np.fill_diagonal(distance, 0)
    return distance


@pytest.mark.parametrize("min_size", [3, 5, 12])
def test_the_spanning_tree_on_all_pairs_is_that_of_mutual_reachability(min_size: int) -> None:
    rows, _ = blobs(5, 16, d=10, noise=1.2)
    tree = spanning_tree(of(rows).nearest(len(rows) - 1), min_size)
    distance = distances(rows)
    core = np.sort(distance, axis=1)[:, min_size - 1]
    reach = np.maximum(np.maximum(core[:, None], core), distance)
    theirs = minimum_spanning_tree(reach)
    np.testing.assert_allclose(np.sort(tree.data), np.sort(theirs.data), atol=1e-6)


@pytest.mark.parametrize("min_size", [3, 5, 12])
@pytest.mark.parametrize("seed", range(3))
def test_hdbscan_on_all_pairs_is_scikit_learns(min_size: int, seed: int) -> None:
    """On clusters clear enough that ties between edges, which either may break, decide nothing."""
    rows, _ = blobs(5, 16, d=10, noise=0.5, seed=seed)
    similarity = of(rows)
    found = hdbscan(
        similarity, similarity.nearest(len(rows) - 1), ASKED._replace(min_size=min_size)
    )
    theirs = HDBSCAN(
        min_cluster_size=min_size, min_samples=min_size, metric="precomputed", copy=True
    ).fit(distances(rows))
    assert adjusted_rand_score(theirs.labels_, found.label) == 1
    assert ((theirs.labels_ < 0) == (found.label < 0)).all()
    np.testing.assert_allclose(found.membership, theirs.probabilities_, atol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_agglomerative_on_all_pairs_is_average_linkage(seed: int) -> None:
    rows = noise(60, 12, seed).abs()  # all pairs similar: none is left out
    unit = torch.nn.functional.normalize(rows, dim=1).double()
    cosine = (unit @ unit.T).numpy()
    np.fill_diagonal(cosine, 0)
    tree = merges(csr_matrix(cosine))
    theirs = linkage(squareform(1 - cosine - np.eye(60)), "average")
    np.testing.assert_allclose(np.sort(1 - tree.similarity), theirs[:, 2], atol=1e-9)
    for count in (2, 7, 20):
        mine, other = cut(tree, 60, count), fcluster(theirs, count, "maxclust")
        assert adjusted_rand_score(mine, other) == 1


def test_parts_that_nothing_joins_stay_apart() -> None:
    """Two groups at right angles: no edge of the graph leads from one to the other."""
    one, _ = blobs(1, 30, d=16, noise=0.3)
    rows = torch.block_diag(one, one)
    similarity = of(rows)
    graph = similarity.nearest(8)
    for method in METHODS.values():
        found = method(similarity, graph, Asked(2, 5, 0.2, 0))
        both = set(found.label[:30][found.label[:30] >= 0]) & set(found.label[30:])
        assert not both


def test_silhouettes_medoids_and_means_are_those_of_all_pairs() -> None:
    rows, label = blobs(4, 12, d=8, noise=1.0)
    label = np.where(np.arange(len(label)) % 7 == 0, -1, label)
    similarity = of(rows)
    found = ordered(label, np.ones(len(label)), 2)
    placed = placement(similarity, found)
    cosine = (similarity.unit @ similarity.unit.T).numpy()
    inside = found.label >= 0
    distance = (1 - cosine)[np.ix_(inside, inside)].clip(0)
    np.fill_diagonal(distance, 0)
    theirs = silhouette_samples(distance, found.label[inside], metric="precomputed")
    np.testing.assert_allclose(placed.silhouette(found)[inside], theirs, atol=1e-5)
    assert np.isnan(placed.silhouette(found)[~inside]).all()
    for number, medoid in enumerate(medoids(placed, found)):
        member = np.flatnonzero(found.label == number)
        assert medoid == member[cosine[np.ix_(member, member)].sum(1).argmax()]
    n = len(rows)
    assert mean_similarity(similarity) == pytest.approx((cosine.sum() - n) / n / (n - 1), abs=1e-6)


def test_a_graph_of_some_features_is_that_of_all_without_the_others() -> None:
    rows = noise(80, 12, 3)
    kept = np.random.default_rng(0).random(80) < 0.6
    wide = of(rows).nearest(79)
    found, direct = wide.among(kept, 6), of(rows[torch.from_numpy(kept)]).nearest(6)
    assert isinstance(found, Graph) and torch.equal(found.other, direct.other)
    torch.testing.assert_close(found.similarity, direct.similarity)
