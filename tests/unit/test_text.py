"""What a terminal is shown of text that came from data."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from saetui.text import inert


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("two\nlines\tand a tab", "two↵lines→and a tab"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b31m", "\ufffd31m"),
        ("back\b\b\b\rover", "back␈␈␈␍over"),
        ("user\u202egpj.exe", "user⇄gpj.exe"),
        ("zero\u200bwidth\ufeff", "zero⋄width⋄"),
        ("del\x7f nul\x00", "del␡ nul␀"),
        ("lone \ud800 half", "lone \ufffd half"),
        ("tag \U000e0041", "tag ⋄"),
        ("naïve 日本語 Ωμέγα 🙂", "naïve 日本語 Ωμέγα 🙂"),
        ("[bold]markup stays text[/bold]", "[bold]markup stays text[/bold]"),
        ("", ""),
    ],
)
def test_controls_become_visible(text: str, shown: str) -> None:
    assert inert(text) == shown


@given(st.text(alphabet=st.characters(categories=["C", "Z", "L", "M", "P", "S", "N"])))
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    shown = inert(text)
    assert len(shown) == len(text)
    assert inert(shown) == shown
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
    assert not [c for c in shown if unicodedata.bidirectional(c) in {"LRE", "RLO", "LRI", "PDI"}]
    shown.encode()  # a lone surrogate would raise


def test_every_stand_in_is_one_cell_wide() -> None:
    hostile = [*range(0x20), *range(0x7F, 0xA0), 0x200B, 0x202E, 0x2028, 0xFEFF, 0xE0041]
    for code in hostile:
        assert cell_len(inert(chr(code))) == 1
