"""--ascii, --readonly, NO_COLOR, sixteen colours: the same workbench in another manner."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.color import ColorType

from saetui.ascii import TABLE
from saetui.config import Config
from saetui.views import entries
from tests import mapped, traced
from tests.driver import garden, planted_in


def segments(driver):
    return [s for line in driver.app.screen._compositor.render_strips() for s in line]


async def visit(driver, *keys: str) -> None:
    """Shows a view after the other."""
    for entry in entries():
        await driver.press(entry.key, *keys)
        yield_view = driver.view
        yield_view.show_pane(yield_view.panes[0])


@pytest.fixture
def planted(made, monkeypatch):
    """A workspace with something to show in every view."""
    return garden(planted_in(made.root, mapped.plant, traced.plant), monkeypatch)


async def test_ascii_draws_nothing_else_and_keeps_every_cell_in_place(workbench, planted):
    shown = (("1",), ("2", "j", "j"), ("3", "j"), ("4", "j"), ("5", "j", "j"), ("6",))
    async with workbench(at=planted, config=Config(ascii=True)) as driver:
        for keys in (*shown, ("question_mark",)):
            await driver.press(*keys)
            await driver.settle()
            text = driver.screen()
            odd = {c for c in text if 0x2190 <= ord(c) < 0x2C00}
            assert not odd, odd
            driver.view.show_pane(driver.view.panes[0])
        assert "+--" in text


def test_every_stand_in_is_as_wide_as_what_it_stands_for():
    for code, sign in TABLE.items():
        assert sign.isascii() and len(sign) == 1 and cell_len(chr(code)) == 1, hex(code)


def digest(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "workspace.duckdb" and ".staging" not in path.parts
    }


async def test_readonly_changes_nothing_and_its_keys_say_so(workbench, root):
    before = digest(root)
    async with workbench("features", readonly=True) as driver:
        assert "label" not in driver.text("HintBar") and "run a job" not in driver.text("HintBar")
        for keys in (("l",), ("r",), ("5", "x"), ("j", "u"), ("j", "D"), ("j", "j", "e")):
            driver.app.clear_notifications()
            driver.app._notices = None
            await driver.press(*keys)
            said = [notice.message for notice in driver.app._notifications]
            assert said in ([], [said[0] if said else ""]) and len(driver.app.screen_stack) == 1
            assert not driver.app.screen.query("Prompt, Question")
        await driver.press("2", "l")
        assert "read-only" in driver.screen()
    assert digest(root) == before


async def test_no_color_sends_no_colour_in_any_view_and_says_everything(
    workbench, planted, monkeypatch
):
    monkeypatch.setenv("NO_COLOR", "1")
    async with workbench(at=planted) as driver:
        for keys in (
            *(("1",), ("2", "j", "enter"), ("enter",), ("escape", "3"), ("tab",)),
            *(("4", "tab", "j"), ("v",), ("escape", "5", "j"), ("tab",), ("6", "enter"), ("?",)),
        ):
            await driver.press(*keys)
            for segment in segments(driver):
                for color in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    assert color is None or color.is_default, (keys, segment)
            text = driver.screen()
            if keys[-1] in ("j", "1", "?"):  # the cursor's line has a mark
                assert "▌" in text, keys
            if keys == ("enter",):  # a document, over the activations: peaks are underlined
                assert any(s.style and s.style.underline for s in segments(driver))
            shown = [s.text for s in segments(driver) if s.style and s.style.reverse]
            entry = next(e for e in entries() if e.name == driver.app.top_bar.shown)
            assert f" {entry.key} {entry.title} " in shown


async def test_sixteen_colours_are_only_those_of_the_terminal(workbench):
    async with workbench() as driver:
        driver.app.wear("ansi-16")
        for keys in (("1",), ("2", "j", "enter"), ("5",), ("6",), ("question_mark",)):
            await driver.press(*keys)
            for segment in segments(driver):
                for color in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    allowed = (ColorType.DEFAULT, ColorType.STANDARD)
                    assert color is None or color.type in allowed, segment
            driver.view.show_pane(driver.view.panes[0])
