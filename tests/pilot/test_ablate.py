"""View 4: nodes of a circuit ablated on a prompt, and what the model says next."""

from __future__ import annotations

import pytest

from jobs.prompt.subject import Reader
from saetui.screens.ablate import TryAblation
from tests import traced
from tests.driver import Ablates, garden, planted_in


@pytest.fixture
def planted(made):
    """The synthetic workspace with circuits in it."""
    return planted_in(made.root, traced.plant)


@pytest.fixture
def root(planted, monkeypatch):
    return garden(planted, monkeypatch)


@pytest.fixture
def model(monkeypatch) -> Ablates:
    made = Ablates()
    monkeypatch.setattr("jobs.prompt.warm.WarmModel", lambda *_: made)
    monkeypatch.setattr("jobs.prompt.trial.reader_of", lambda *_: Reader("tiny", None, "auto"))
    return made


async def open_on(driver, *keys: str) -> None:
    """Goes to the tree, presses `keys`, then ``a``."""
    await driver.press("tab", *keys, "a")
    await driver.until(lambda: "ablated (resample)" in driver.screen())
    await driver.settle()


async def test_a_shows_what_the_model_says_next_with_and_without_the_node(workbench, model):
    async with workbench("circuits") as driver:
        await open_on(driver, "j")
        (trial,) = model.asked
        assert trial.nodes == [f"{traced.LATE}#26"] and trial.corrupt and not trial.others
        text = driver.screen()
        assert "Ablate L2.resid_post #26" in text and "1 node ablated" in text
        assert "61%" in text and "44%" in text and "▲" in text and "▼" in text
        assert "answer less wrong: +3.40 → -1.20" in text and "KL 0.83" in text
        assert "\x1b" not in text and "␛[2Jnear" in text and "[b]x[/b]" in text


async def test_marked_nodes_are_ablated_together_or_all_others(workbench, model):
    async with workbench("circuits") as driver:
        await open_on(driver, "j", "space", "space")
        assert len(model.asked[-1].nodes) == 2 and "2 nodes ablated" in driver.screen()
        await driver.press("i")
        await driver.until(lambda: len(model.asked) == 2)
        assert model.asked[-1].others and "Ablate all but" in driver.screen()


async def test_the_circuit_and_the_ablated_nodes_are_links(workbench, model):
    async with workbench("circuits") as driver:
        await open_on(driver, "j", "space", "space")
        nodes = driver.app.screen.nodes
        await driver.press("tab", "O")
        named = driver.text(".box")
        assert traced.MAIN in named and all(node in named for node in nodes)
        await driver.press("j", "enter")
        assert driver.view.here.target == f"{traced.MAIN}::{nodes[0]}"


async def test_another_prompt_is_chosen_or_typed(workbench, model):
    async with workbench("circuits") as driver:
        await open_on(driver, "j")
        assert model.asked[0].clean == "the king near the old gardens"  # held out come first
        await driver.press("j", "enter")
        await driver.until(lambda: len(model.asked) == 2)
        assert model.asked[1].clean == "the teacher near the old gardens"
        await driver.press("e", "ctrl+u")
        await driver.type("the bird")
        await driver.press("enter")
        await driver.until(lambda: len(model.asked) == 3)
        assert model.asked[2].clean == "the bird" and model.asked[2].corrupt is None
        await driver.until(lambda: "no counterpart" in driver.screen())


async def test_what_goes_wrong_is_said_and_esc_leaves(workbench, model):
    model.wrong = "The process of tiny was killed, perhaps for lack of memory; ask again."
    async with workbench("circuits", size=(80, 24)) as driver:
        await driver.press("tab", "j", "a")
        await driver.until(lambda: "killed, perhaps" in driver.screen())
        await driver.settle()
        await driver.press("escape")
        await driver.until(lambda: not isinstance(driver.app.screen, TryAblation))
        await driver.settle()
        assert driver.focused == "circuits-tree"


async def test_the_metric_is_no_node_to_ablate(workbench, model):
    async with workbench("circuits") as driver:
        await driver.press("tab", "g", "a")
        assert not isinstance(driver.app.screen, TryAblation)
        assert "ablate on a prompt" not in driver.screen()
