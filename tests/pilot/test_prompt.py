"""Trying a prompt: every key of the screen, on a real model that another process holds."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from jobs.prompt import warm as warm_module
from jobs.prompt.warm import Cancelled
from saetui.screens.prompt.fired import FiredList
from saetui.screens.prompt.screen import TryPrompt
from saetui.screens.prompt.text import PromptText
from saetui.screens.prompt.tokens import PromptTokens
from saetui.views.features.summary import Summary
from tests.prompted import place, warm

__all__ = ["place", "warm"]
TEXT = "the teacher near the garden"


@pytest.fixture
def there(place, warm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The profiled workspace, with its model in memory already."""
    monkeypatch.setattr(warm, "close", lambda: None)
    monkeypatch.setattr(warm_module, "WarmModel", lambda *_: warm)
    warm.load(place.dictionaries)
    return Path(shutil.copytree(place.workspace.root, tmp_path / "ws"))


async def tried(driver, text: str = TEXT) -> TryPrompt:
    """Types a prompt and asks."""
    await driver.press("p")
    await driver.type(text)
    await driver.press("enter")
    screen = driver.app.screen
    assert isinstance(screen, TryPrompt)
    await driver.until(lambda: screen.answer and screen.fired.count)
    await driver.settle()
    return screen


async def test_p_shows_what_fires_on_the_token_under_the_cursor(workbench, there):
    async with workbench("features", at=there) as driver:
        screen = await tried(driver)
        answer = screen.answer
        assert "".join(answer.pieces).startswith("<bos> the teacher")
        assert driver.focused == "prompt-tokens"
        moves = {"home": 0, "right": 1, "end": 5, "left": 4, "h": 3, "l": 4, "G": 5, "g": 0}
        # One line of text: there is none above or below.
        for key, token in (moves | dict.fromkeys(("down", "up", "j", "k"), 0)).items():
            await driver.press(key)
            assert screen.tokens.cursor == token, key
            firing = answer.firings[0]
            rows = [screen.fired.row(at) for at in range(screen.fired.count)]
            assert [(row.feature, row.activation) for row in rows] == firing.at(token)
            if rows:  # the first of the list shades all tokens
                assert screen.tokens.context.strengths == firing.of(rows[0].feature)
        assert screen.fired.count or token in firing.left_out


@pytest.mark.parametrize("key", ["ctrl+j", "f5"])
async def test_the_keys_that_run_a_query_try_a_prompt_too(workbench, there, key):
    async with workbench("features", at=there) as driver:
        screen = await tried(driver)
        before = screen.answer
        await driver.press("e", *" the", key)
        await driver.until(lambda: screen.answer is not before)
        await driver.settle()
        assert screen.answer.pieces == [*before.pieces, " the"]


async def test_enter_on_a_feature_opens_its_page_and_the_text_is_kept(workbench, there):
    async with workbench("features", at=there) as driver:
        screen = await tried(driver)
        await driver.press("tab", "j")
        feature = screen.fired.feature
        await driver.press("y")
        assert driver.app.clipboard == f"{feature.dictionary}#{feature.feature}"
        await driver.press("Y")
        assert "FROM features" in driver.app.clipboard
        await driver.press("enter")
        await driver.until(lambda: driver.app.screen.query(Summary))
        await driver.settle()
        about = driver.app.screen.query_one(Summary).about
        assert (about.dictionary, about.feature) == (feature.dictionary, feature.feature)
        await driver.press("p")
        await driver.until(lambda: driver.app.screen.query(PromptText))
        assert driver.app.screen.query_one(PromptText).text == TEXT
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen.query(Summary))


async def test_on_a_page_one_feature_shades_the_tokens_and_w_lets_go_of_it(workbench, there):
    async with workbench("features", at=there) as driver:
        await driver.press("enter")
        about = driver.app.screen.query_one(Summary).about
        screen = await tried(driver)
        assert screen.watched == (about.dictionary, about.feature)
        fired = screen.answer.firings[0].of(about.feature)
        for key in ("g", "right", "right"):
            await driver.press(key)
            assert screen.tokens.context.strengths == fired
        assert f"watching #{about.feature}" in driver.screen()
        await driver.press("w")
        assert screen.watched is None and "shaded by #" in driver.screen()
        await driver.press("w")
        assert screen.watched == screen.fired.key(screen.fired.feature)


async def test_what_the_frames_name_is_gone_to(workbench, there, place):
    async with workbench("features", at=there) as driver:
        screen = await tried(driver)
        shading = screen.tokens.feature
        await driver.press("O")
        assert driver.view.here.target == shading
        await driver.press("p")
        await driver.until(lambda: getattr(driver.app.screen, "answer", None))
        await driver.settle()
        driver.app.screen.fired.focus()
        await driver.press("O")
        assert driver.view.here.target.startswith(place.dictionaries[0])


async def test_d_chooses_all_dictionaries_of_the_model(workbench, there, place):
    async with workbench("features", at=there) as driver:
        screen = await tried(driver)
        await driver.press("d")
        await driver.press("G", "enter")
        await driver.until(lambda: len(screen.answer.firings) == 2)
        await driver.settle()
        named = {screen.fired.row(at).dictionary for at in range(screen.fired.count)}
        assert named == set(place.dictionaries)


async def test_e_goes_back_to_the_text_and_q_types_there_but_leaves_elsewhere(workbench, there):
    async with workbench("features", at=there) as driver:
        screen = await tried(driver)
        await driver.press("e", "q")
        assert screen.edited.text == TEXT + "q"
        await driver.press("backspace", "tab", "q")
        await driver.until(lambda: driver.app.screen is not screen)


async def test_what_cannot_be_read_is_said(workbench, there):
    async with workbench("features", at=there) as driver:
        await driver.press("p")
        await driver.press("enter")
        await driver.until(lambda: "There is no text to read" in driver.screen())


async def test_esc_cancels_what_is_asked_and_then_leaves(workbench, there, warm, monkeypatch):
    asked, cancelled = threading.Event(), threading.Event()

    def ask(*_: object) -> None:
        asked.set()
        cancelled.wait(20)
        raise Cancelled("Cancelled.")

    monkeypatch.setattr(warm, "ask", ask)
    monkeypatch.setattr(warm, "cancel", cancelled.set)
    async with workbench("features", at=there) as driver:
        await driver.press("p")
        screen = driver.app.screen
        await driver.type("the")
        driver._send("enter")
        await driver.until(asked.is_set)
        assert "esc cancels" in driver.screen()
        await driver.press("escape")
        await driver.until(lambda: "tries again" in driver.screen())
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is not screen)


async def test_a_hostile_prompt_stays_inert(workbench, there):
    from tests.pilot.test_hostile import HOSTILE, safe

    async with workbench("features", at=there) as driver:
        screen = await tried(driver)
        for text in HOSTILE:
            before = screen.answer
            screen.edited.text = text[:5000]
            screen.edited.focus()
            await driver.press("enter")
            await driver.until(lambda before=before: screen.answer is not before)
            await driver.settle()
            safe(driver)


async def test_a_narrow_screen_shows_text_tokens_and_features(workbench, there):
    async with workbench("features", at=there, size=(80, 24)) as driver:
        await tried(driver)
        for pane in (PromptText, PromptTokens, FiredList):
            assert driver.app.screen.query_one(pane).size.height >= 1
        assert driver.app.screen.query_one(FiredList).size.height > 6
