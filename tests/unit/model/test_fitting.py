"""Rows that do not fit into a device's memory at once go through in parts, to the same result."""

from __future__ import annotations

import pytest
import torch

from jobs.model.fitting import Fitting


def device(room: int):  # type: ignore[no-untyped-def]
    """Squares numbers, `room` of them at once."""

    def run(at: slice) -> list[int]:
        numbers = list(range(at.start, at.stop))
        if len(numbers) > room:
            raise torch.OutOfMemoryError
        return [n * n for n in numbers]

    return run


def test_half_as_many_after_memory_was_full() -> None:
    said = list[str]()
    fitting = Fitting("{} at a time", said.append)
    parts = fitting.of(7, device(room=3))
    assert parts == [[0, 1, 4], [9, 16, 25], [36]]
    assert said == ["out of GPU memory: 3 at a time"]
    assert [len(part) for part in fitting.of(4, device(room=3))] == [3, 1]
    assert len(said) == 1  # what was too many is not tried again


def test_as_many_as_it_is_told_are_tried_first() -> None:
    said = list[str]()
    fitting = Fitting("{} at a time", said.append, most=2)
    assert [len(part) for part in fitting.of(5, device(room=9))] == [2, 2, 1]
    assert not said


def test_one_that_does_not_fit_is_an_error() -> None:
    said = list[str]()
    with pytest.raises(torch.OutOfMemoryError):
        Fitting("{} at a time", said.append).of(4, device(room=0))
    assert said == ["out of GPU memory: 2 at a time", "out of GPU memory: 1 at a time"]
