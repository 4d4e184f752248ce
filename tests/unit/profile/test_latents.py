"""The measure of how features follow known variables of the text."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.dictionary.profile.latents import Code, Labels, auroc, best_f1, match, shuffle_by_document

TOKENS, FEATURES = 1200, 12


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, np.ndarray]:
    """Dense activations (with many ties) and three latents; feature 4 follows the second."""
    random = np.random.default_rng(0)
    latents = random.random((TOKENS, 3)) < 0.3
    dense = np.round(random.exponential(1, (TOKENS, FEATURES)), 1)
    dense[random.random((TOKENS, FEATURES)) < 0.8] = 0
    dense[:, 4] = latents[:, 1] * (1 + random.random(TOKENS))
    return dense, latents


def as_code(dense: np.ndarray) -> Code:
    token, feature = np.nonzero(dense)
    return Code(token, feature, dense[token, feature], dense.shape[1])


def as_labels(latents: np.ndarray) -> Labels:
    token, latent = np.nonzero(latents)
    return Labels(token, latent, ["a", "b", "c"])


def test_the_area_is_scikit_learn_s(world: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.metrics import roc_auc_score

    dense, latents = world
    area = auroc(as_code(dense), as_labels(latents), TOKENS)
    for i in range(FEATURES):
        for j in range(3):
            assert area[i, j] == pytest.approx(roc_auc_score(latents[:, j], dense[:, i]))


def test_the_threshold_is_the_best_there_is(world: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.metrics import f1_score

    dense, latents = world
    found = best_f1(as_code(dense), as_labels(latents), TOKENS)
    for i, j in ((0, 0), (3, 2), (4, 1), (4, 0)):
        scores = {
            value: f1_score(latents[:, j], dense[:, i] >= value)
            for value in np.unique(dense[:, i])
            if value > 0
        }
        assert found.f1[i, j] == pytest.approx(max(scores.values()))
        assert scores[found.threshold[i, j]] == pytest.approx(max(scores.values()))


def test_a_feature_that_follows_a_latent_is_found_and_scored_elsewhere(
    world: tuple[np.ndarray, np.ndarray],
) -> None:
    dense, latents = world
    docs = np.repeat(np.arange(TOKENS // 10), 10)
    found = {m.latent: m for m in match(as_code(dense), as_labels(latents), docs)}
    assert found["b"].feature == found["b"].f1_feature == 4
    assert found["b"].auroc == found["b"].f1 == 1
    assert found["a"].auroc == pytest.approx(0.5, abs=0.07)
    assert found["a"].base_rate == pytest.approx(0.3, abs=0.05)


def test_shuffled_labels_keep_positions_and_rates_but_no_feature_follows_them(
    world: tuple[np.ndarray, np.ndarray],
) -> None:
    dense, latents = world
    docs = np.repeat(np.arange(TOKENS // 10), 10)
    labels = as_labels(latents)
    shuffled = shuffle_by_document(labels, docs, seed=0)
    for latent in range(3):
        before = np.bincount(labels.token[labels.latent == latent] % 10, minlength=10)
        after = np.bincount(shuffled.token[shuffled.latent == latent] % 10, minlength=10)
        assert before.tolist() == after.tolist()
    found = {m.latent: m for m in match(as_code(dense), shuffled, docs)}
    assert found["b"].auroc == pytest.approx(0.5, abs=0.07)


def test_a_rare_latent_is_not_measured(world: tuple[np.ndarray, np.ndarray]) -> None:
    dense, latents = world
    rare = latents.copy()
    rare[25:, 2] = False
    docs = np.repeat(np.arange(TOKENS // 10), 10)
    names = [m.latent for m in match(as_code(dense), as_labels(rare), docs)]
    assert names == ["a", "b"]
