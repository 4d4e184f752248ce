"""Text in cells and numbers in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from saetui.widgets.drawing import (
    bar,
    column_chart,
    count,
    duration,
    fit,
    number,
    share,
    short_count,
)


@given(st.text(), st.integers(0, 40), st.sampled_from(["left", "right"]))
def test_text_takes_exactly_the_cells_it_is_given(text, width, align):
    fitted = fit(text, width, align)
    assert cell_len(fitted) == width
    assert not any(ord(character) < 32 for character in fitted)


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [
        ("garden", 8, "garden  "),
        ("garden", 4, "gar…"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日 …"),
        ("\x1b[31mred", 8, "␛[31mred"),
        ("", 3, "   "),
    ],
)
def test_what_does_not_fit_ends_in_an_ellipsis(text, width, fitted):
    assert fit(text, width) == fitted


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "·"), (0, "0"), (0.0123, "0.012"), (12.345, "12.3"), (123456.0, "123456"),
     (0.00001, "1.0e-05"), (float("nan"), "·"), (-3.14159, "-3.14")],
)  # fmt: skip
def test_numbers_keep_three_digits(value, written):
    assert number(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "·"), (0, "0%"), (0.42, "42%"), (0.042, "4.2%"), (0.00013, "0.013%"), (1, "100%")],
)
def test_shares_are_percentages(value, written):
    assert share(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(950, "950"), (4608, "4.61k"), (135_000_000, "135M"), (None, "·")],
)
def test_short_counts_have_a_letter(value, written):
    assert short_count(value) == written


def test_counts_and_spans_are_readable():
    assert count(49152) == "49,152"
    assert [duration(s) for s in (None, 42, 185, 7800, 90_000)] == [
        "·", "42s", "3m 05s", "2h 10m", "1d 01h",
    ]  # fmt: skip


@given(st.floats(-1, 2), st.integers(0, 30))
def test_a_bar_is_as_wide_as_asked(value, width):
    assert len("".join(bar(value, width))) == width


def test_columns_grow_with_their_values_and_small_ones_never_vanish():
    top, middle, bottom = column_chart([0, 1, 12, 24], 3)
    assert bottom == " ▁██"
    assert middle == "  ▄█"
    assert top == "   █"
