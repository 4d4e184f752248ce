"""The blocked top-k is exact, keeps only what is above zero, and breaks ties by position."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dictionary.topk import _block_size, top_k


@settings(max_examples=150, deadline=None)
@given(
    m=st.integers(1, 700),
    k=st.integers(1, 12),
    levels=st.sampled_from([2, 5, 1000]),
    shift=st.sampled_from([-1.0, 0.0, 0.5]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 10_000),
)
def test_exact_with_any_ties(
    m: int, k: int, levels: int, shift: float, dtype: torch.dtype, seed: int
) -> None:
    k = min(k, m)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, levels, (5, m), generator=generator) / levels - 0.5 + shift
    x = x.to(dtype)
    code = top_k(x, k)
    block = _block_size(m, k)
    n = m // block if block > 1 else m
    for row in range(5):
        entries = slice(int(code.offsets[row]), int(code.offsets[row + 1]))
        values = [float(value) for value in x[row]]
        wanted = _by_definition(values, k, n, block)
        assert code.indices[entries].tolist() == wanted
        assert code.values[entries].tolist() == [values[c] for c in wanted]


def _by_definition(row: list[float], k: int, n: int, block: int) -> list[int]:
    def place(c: int) -> tuple[float, int, int]:
        return (-row[c], c % n if c < n * block else n, c)

    return [c for c in sorted(range(len(row)), key=place)[:k] if row[c] > 0]


@pytest.mark.parametrize("m", [4608, 4611, 16384, 70_000])
def test_wide_rows(m: int) -> None:
    x = torch.randn(8, m, generator=torch.Generator().manual_seed(m))
    for rows in (x, x.bfloat16()):
        code = top_k(rows, 32)
        wanted = rows.topk(32).values
        assert torch.equal(code.values.view(8, 32), wanted)
        assert torch.equal(rows[code.rows(), code.indices], code.values)


def test_rows_with_fewer_than_k() -> None:
    x = -torch.ones(3, 640)
    x[1, 77] = 2.0
    code = top_k(x, 4)
    assert code.offsets.tolist() == [0, 0, 1, 1]
    assert (code.indices.tolist(), code.values.tolist()) == ([77], [2.0])
