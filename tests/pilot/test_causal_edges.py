"""A feature's causal edges, and the forms of ``ablate`` and ``circuit`` that begin from it."""

from __future__ import annotations

import shutil

import pytest

from saetui.readonly import SENTENCE
from saetui.screens.form import Form
from tests import traced
from tests.driver import garden, planted_in

EDGES = "#features-effects"


@pytest.fixture
def planted(made):
    """The synthetic workspace with circuits and causal edges in it."""
    return planted_in(made.root, traced.plant)


@pytest.fixture
def root(planted, monkeypatch):
    return garden(planted, monkeypatch)


@pytest.fixture
def kinds(monkeypatch):
    """``ablate`` and ``circuit`` can be asked for."""
    monkeypatch.setenv("SAETUI_EXTRA_KINDS", "tests.toy_causes")


async def go_to(driver, feature: str) -> None:
    """Opens the page of a feature, the cursor among its edges."""
    await driver.press("f")
    await driver.type(feature)
    await driver.press("enter", "tab", "tab")
    assert f"#{driver.focused}" == EDGES


async def values(driver, kind: str) -> dict[str, str]:
    """What the form that opened is filled with."""
    await driver.until(lambda: isinstance(driver.app.screen, Form))
    await driver.settle()
    form = driver.app.screen
    assert form.kind == kind
    return {name: value for name, value in form.typed.items() if value}


async def test_edges_stand_beside_their_nulls_and_lead_on(workbench, monkeypatch):
    copied: list[str] = []
    monkeypatch.setattr(
        "saetui.workbench.Workbench.copy_to_clipboard", lambda self, text: copied.append(text)
    )
    async with workbench("features") as driver:
        await go_to(driver, f"{traced.EARLY}#5")
        text = driver.text(EDGES)
        assert "● " in text and "○ " in text and "L2.H1" in text and "0.08" in text
        assert ".90–1.12" in text and "7 of 10 clear their nulls" in driver.screen()
        await driver.press("y", "Y", "enter")
        assert copied[0] == f"{traced.LATE}#25" and "FROM edges" in copied[1]
        assert driver.view.here.target == f"{traced.LATE}#25"
        assert "in " in driver.text(EDGES) and "#5" in driver.text(EDGES)
        await driver.press("[")
        assert driver.view.here.target == f"{traced.EARLY}#5"


async def test_s_goes_from_both_ways_to_one(workbench):
    async with workbench("features") as driver:
        await go_to(driver, f"{traced.LATE}#8")
        edges = driver.rows(EDGES)
        both = edges.count
        await driver.press("s")
        assert edges.count == 0 and "No causal edges were measured." in driver.text(EDGES)
        assert "a ablates this feature" in driver.text(EDGES)
        await driver.press("s")
        assert edges.count == both and "What changes it" in driver.screen()


async def test_without_edges_the_key_that_measures_them_is_named(workbench, root, kinds):
    shutil.rmtree(root / "tables" / "edges")
    async with workbench("features") as driver:
        await go_to(driver, f"{traced.EARLY}#5")
        assert "a ablates this feature" in driver.text(EDGES)


async def test_a_asks_for_the_ablation_of_this_feature_into_what_comes_later(workbench, kinds):
    async with workbench("features") as driver:
        await go_to(driver, f"{traced.EARLY}#5")
        await driver.press("a")
        asked = await values(driver, "ablate")
        assert asked["features"] == f"{traced.EARLY}#5"
        *first, last = asked["dictionaries"].split(",")
        assert first == [traced.EARLY, traced.ATTENTION, traced.LATE]
        assert last.startswith("tiny/L3.mlp_out/")


async def test_from_the_list_a_asks_for_all_that_are_marked(workbench, kinds):
    async with workbench("features") as driver:
        await driver.press("space", "space", "a")
        asked = await values(driver, "ablate")
        assert len(asked["features"].split(",")) == 2


async def test_c_asks_for_a_circuit_where_the_feature_fires(workbench, kinds):
    async with workbench("features") as driver:
        await go_to(driver, f"{traced.LATE}#8")
        await driver.press("c")
        asked = await values(driver, "circuit")
        assert f"feature_activations('{traced.LATE}'\\, 8)" in asked["task"]
        assert (asked["metric"], asked["ablation"]) == ("kl", "mean")
        hooks = [name.split("/")[1] for name in asked["dictionaries"].split(",")]
        assert hooks == ["L1.resid_post", "L2.attn_out", "L2.resid_post", "L3.mlp_out"]


async def test_in_view_4_r_asks_for_another_search_like_the_one_shown(workbench, kinds):
    async with workbench("circuits") as driver:
        await driver.press("r")
        asked = await values(driver, "circuit")
        assert asked["task"] == "agreement" and asked["nodes"] == "features"
        assert traced.LATE in asked["dictionaries"]


async def test_readonly_says_that_no_job_is_asked_for(workbench, kinds):
    async with workbench("features", readonly=True) as driver:
        await driver.press("enter", "a")
        assert SENTENCE[:40] in driver.screen()
