"""How scores of circuits are written."""

from __future__ import annotations

import pytest

from saetui.circuits.text import interval, score


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0123, ".012"),
        (0.988, ".988"),
        (0.99951, "1.00"),
        (1.036, "1.04"),
        (0.0, ".000"),
        (-0.004, ".00"),
        (-0.12, "-.12"),
        (None, "·"),
        (float("nan"), "·"),
    ],
)
def test_a_score_has_three_digits_where_four_characters_hold_them(value, written) -> None:
    assert score(value) == written


def test_an_interval_is_written_as_what_it_is_around() -> None:
    assert interval(0.004, 0.0237) == ".00–.02"
    assert interval(0.004, 0.0237, score) == ".004–.024"
    assert interval(None, 0.1, score) == ""
