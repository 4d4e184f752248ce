"""Tokens shaded by activation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.color import Color

from saetui.widgets.tokens import Context, Shades, context_line, wrapped

SHADES = Shades(Color(0, 0, 0), Color(255, 160, 0), Color(255, 255, 255))
PLAIN = Style()


def drawn(segments) -> str:
    return "".join(segment.text for segment in segments)


def test_the_peak_stands_in_the_same_column_of_every_line():
    short = Context(["a", " dog", " runs"], 1, {1: 2.0})
    long = Context([" the", " old", " teacher", " and", " the", " dog", " run"], 5, {5: 1.0})
    lines = [drawn(context_line(c, 30, 2.0, SHADES, PLAIN, 0.5)) for c in (short, long)]
    assert [line.index(" dog") for line in lines] == [15, 15]


def test_the_peak_is_bold_and_underlined_but_not_its_space():
    line = context_line(Context(["a", " dog"], 1, {1: 2.0}), 20, 2.0, SHADES, PLAIN, 0.5)
    peak = next(segment for segment in line if segment.text == "dog")
    assert peak.style.bold and peak.style.underline
    assert not any(s.style and s.style.underline for s in line if s.text != "dog")


def test_a_stronger_activation_has_a_stronger_shade():
    weak, strong = (SHADES.of(strength, 4.0).bgcolor.triplet.red for strength in (1.0, 4.0))
    assert weak < strong


def test_a_whole_document_is_wrapped_and_keeps_its_line_breaks():
    context = Context(["one", " two", "\n", "three", " four"], 1, {1: 1.0})
    lines = [drawn(line) for line in wrapped(context, 20, 1.0, SHADES, PLAIN)]
    assert lines == ["one two↵", "three four"]


pieces = st.lists(st.text(max_size=12), min_size=1, max_size=12)


@given(pieces, st.data(), st.integers(1, 60))
def test_no_text_leaves_its_line(found, data, width):
    peak = data.draw(st.integers(0, len(found) - 1))
    context = Context(found, peak, {peak: 1.0})
    line = context_line(context, width, 1.0, SHADES, PLAIN, 0.46)
    assert cell_len(drawn(line)) <= width
    assert all(cell_len(drawn(part)) <= max(2, width)
               for part in wrapped(context, width, 1.0, SHADES, PLAIN))  # fmt: skip


def test_of_a_piece_of_a_hundred_thousand_characters_no_line_measures_all(monkeypatch):
    measured: list[int] = []
    monkeypatch.setattr(
        "saetui.widgets.tokens.cell_len", lambda text: measured.append(len(text)) or cell_len(text)
    )
    long = "x" * 99_999 + "y"
    context = Context([long, " dog", long], 1, {1: 1.0})
    line = drawn(context_line(context, 40, 1.0, SHADES, PLAIN, 0.5))
    assert line == "x" * 19 + "y dog" + "x" * 16
    lines = [drawn(part) for part in wrapped(context, 80, 1.0, SHADES, PLAIN)]
    assert len(lines) == 2501
    assert "".join(lines) == f"{long} dog{long}"
    assert sum(measured) < 20 * len(long)
