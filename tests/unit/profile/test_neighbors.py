"""Neighbours are exact, and firing together is counted token by token."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from jobs.dictionary.code import from_mask
from jobs.dictionary.profile import neighbors as module
from jobs.dictionary.profile.neighbors import count_together, jaccard, nearest


def test_blocks_of_rows_give_the_full_matrix_s_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    W = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    cosine = torch.nn.functional.cosine_similarity(W[:, None], W[None], dim=-1)
    expected = cosine.fill_diagonal_(-9).topk(6, dim=1)
    monkeypatch.setattr(module, "_BLOCK", 7)
    found = nearest(W, 6)
    torch.testing.assert_close(found.cosine, expected.values)
    assert torch.equal(found.other, expected.indices)


def test_a_small_dictionary_has_fewer_neighbours_and_a_zero_row_is_like_nothing() -> None:
    W = torch.eye(3)
    W[2] = 0
    found = nearest(W, 16)
    assert found.other.shape == (3, 2)
    assert found.cosine.abs().max() == 0


def test_counting_together_is_the_product_of_firing_matrices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_ENTRIES", 100)
    generator = torch.Generator().manual_seed(1)
    fires = torch.rand(70, 20, generator=generator) < 0.2
    code = from_mask(torch.rand(70, 20, generator=generator) + 0.1, fires)
    other = torch.stack([torch.randperm(20, generator=generator)[:4] for _ in range(20)])
    every = fires.long().T @ fires.long()
    together = count_together(code, other)
    assert torch.equal(together, every.gather(1, other))

    share = jaccard(together.numpy(), fires.sum(0).numpy(), other.numpy())
    one, two = fires[:, 0], fires[:, other[0, 0]]
    assert share[0, 0] == pytest.approx(float((one & two).sum() / (one | two).sum()))


def test_two_features_that_never_fire_have_no_jaccard_index() -> None:
    share = jaccard(np.zeros((2, 1), int), np.array([0, 0]), np.array([[1], [0]]))
    assert np.isnan(share).all()
