"""The features view: the list, the page, and every key of both."""

from __future__ import annotations

import asyncio
import threading

import pytest
from textual.widgets import Input

from saetui.views.features import tokens
from saetui.views.features.contexts import Contexts
from saetui.views.features.index import FeatureIndex
from saetui.views.features.listing import FeatureList
from saetui.views.features.summary import Summary
from saetui.widgets.lines import Prompt
from tests import workspaces

FIRST, SECOND, THIRD = workspaces.PROFILED


def listed(driver) -> FeatureList:
    return driver.app.screen.query_one(FeatureList)


def shown(driver) -> tuple[str, int]:
    about = driver.app.screen.query_one(Summary).about
    return (about.dictionary, about.feature)


async def test_the_list_begins_with_the_densest_feature_and_its_page_is_open(workbench):
    async with workbench("features") as driver:
        rows = listed(driver)
        assert rows.count == workspaces.WIDTH
        densities = [rows.row(at)[1] for at in range(rows.count)]
        assert densities == sorted(densities, reverse=True)
        assert shown(driver) == (FIRST, rows.row(0)[0])
        assert "density" in driver.text("#features-summary")


async def test_a_number_typed_before_the_first_list_is_read_is_looked_for_in_it(
    workbench, monkeypatch
):
    read, go_on = FeatureIndex.dictionaries, asyncio.Event()

    async def slow(index):
        await go_on.wait()
        return await read(index)

    monkeypatch.setattr(FeatureIndex, "dictionaries", slow)
    async with workbench() as driver:
        for key in ("2", "f", "7", "enter"):
            driver._send(key)
        await driver.until(lambda: any(isinstance(at.node, Prompt) for at in driver.app.workers))
        go_on.set()
        await driver.until(lambda: driver.view.here.target == f"{FIRST}#7")


async def test_moving_goes_row_by_row_page_by_page_and_to_the_ends(workbench):
    async with workbench("features") as driver:
        rows = listed(driver)
        await driver.press("j", "j", "down")
        assert rows.cursor == 3
        await driver.press("k", "up")
        assert rows.cursor == 1
        await driver.press("pagedown")
        page = rows.cursor - 1
        assert page > 20
        await driver.press("pageup")
        assert rows.cursor == 1
        await driver.press("G")
        assert rows.cursor == rows.count - 1
        await driver.press("g")
        assert rows.cursor == 0
        await driver.press("end")
        assert rows.cursor == rows.count - 1
        await driver.press("home")
        assert rows.cursor == 0


async def test_a_search_that_waits_for_its_column_says_how_far_it_is(workbench, monkeypatch):
    read, go_on = tokens.read, threading.Event()

    def slow(cursor, column, dictionaries, rows, vocabulary, tell):
        if column == "suppressed":
            tell(0.25)
            go_on.wait(20)
        return read(cursor, column, dictionaries, rows, vocabulary, tell)

    monkeypatch.setattr(tokens, "read", slow)
    async with workbench("features") as driver:
        rows = listed(driver)
        await driver.press("slash")
        for character in "suppressed:s":
            driver._send(character)
        await driver.until(lambda: "reading suppressed: 25%" in str(rows.border_subtitle))
        go_on.set()
        await driver.settle()
        assert "of 256 · suppressed:s" in str(rows.border_subtitle)


async def test_promoted_tokens_are_read_while_the_list_rests(workbench):
    async with workbench("features") as driver:
        index = listed(driver).index
        columns = index._held(listed(driver).dictionaries)
        await driver.until(lambda: columns.has_tokens("promoted"))


async def test_the_page_follows_the_cursor(workbench):
    async with workbench("features") as driver:
        await driver.press("j", "j")
        feature = listed(driver).feature.feature
        assert shown(driver) == (FIRST, feature)
        contexts = driver.app.screen.query_one(Contexts)
        assert (contexts.dictionary, contexts.feature) == (FIRST, feature)
        assert contexts.count > 10


async def test_s_goes_through_the_sorts_and_shift_s_turns_them_around(workbench):
    async with workbench("features") as driver:
        rows = listed(driver)
        await driver.press("s")
        assert rows.sort == "max"
        strongest = [rows.row(at)[2] for at in range(50)]
        assert strongest == sorted(strongest, reverse=True)
        await driver.press("S")
        weakest = [rows.row(at)[2] for at in range(50)]
        assert weakest == sorted(weakest)
        await driver.press("s", "s")
        assert rows.sort == "feature"
        assert [rows.row(at)[0] for at in range(5)] == [0, 1, 2, 3, 4]


async def test_slash_filters_while_one_types_and_esc_takes_the_filter_back(workbench):
    async with workbench("features") as driver:
        rows = listed(driver)
        await driver.press("slash")
        await driver.type("garden")
        assert 0 < rows.count < workspaces.WIDTH
        assert all("garden" in " ".join(rows.row(at)[5]) for at in range(rows.count))
        await driver.press("enter")
        assert driver.focused == "features-list"
        assert rows.search == "garden"
        await driver.press("slash", "escape")
        assert rows.count == workspaces.WIDTH


async def test_filters_compare_columns_and_look_at_promoted_tokens(workbench):
    async with workbench("features") as driver:
        rows = listed(driver)
        await driver.press("slash")
        await driver.type("dead")
        await driver.press("enter")
        assert {rows.row(at)[1] for at in range(rows.count)} == {0.0}
        await driver.press("slash", "ctrl+u")
        await driver.type("promoted:dogs density>0.01")
        await driver.press("enter")
        assert 0 < rows.count < workspaces.WIDTH
        assert all(rows.row(at)[1] > 0.01 for at in range(rows.count))


async def test_a_filter_that_finds_nothing_says_so(workbench):
    async with workbench("features") as driver:
        await driver.press("slash")
        await driver.type("xyzzy")
        await driver.press("enter")
        assert listed(driver).count == 0
        assert "No feature is found" in driver.text("#features-list")


async def test_f_goes_to_a_feature_even_when_the_filter_hides_it(workbench):
    async with workbench("features") as driver:
        await driver.press("slash")
        await driver.type("xyzzy")
        await driver.press("enter")
        await driver.press("f")
        await driver.type("42")
        await driver.press("enter")
        assert shown(driver) == (FIRST, 42)
        assert listed(driver).feature.feature == 42


async def test_f_refuses_what_is_no_feature_in_place(workbench):
    async with workbench("features") as driver:
        await driver.press("f")
        await driver.type("many")
        await driver.press("enter")
        assert "A feature is a number" in driver.screen()
        await driver.press("ctrl+u")
        await driver.type("9999")
        await driver.press("enter")
        assert "no profiled feature 9999" in driver.screen()
        await driver.press("escape")
        assert driver.focused == "features-list"


async def test_enter_goes_from_list_to_page_and_from_neighbour_to_neighbour(workbench):
    async with workbench("features") as driver:
        await driver.press("enter")
        assert driver.focused == "features-contexts"
        await driver.press("tab")
        assert driver.focused == "features-neighbors"
        before = shown(driver)
        other = driver.rows("#features-neighbors").current[1]
        await driver.press("enter")
        assert shown(driver) == (FIRST, other)
        await driver.press("[")
        assert shown(driver) == before
        await driver.press("]")
        assert shown(driver) == (FIRST, other)


async def test_esc_leaves_the_page_for_the_list(workbench):
    async with workbench("features") as driver:
        await driver.press("enter", "escape")
        assert driver.focused == "features-list"


async def test_n_and_shift_n_go_through_features_from_any_pane(workbench):
    async with workbench("features") as driver:
        await driver.press("enter", "n", "n", "N")
        assert driver.focused == "features-contexts"
        assert listed(driver).cursor == 1
        assert shown(driver)[1] == listed(driver).feature.feature


async def test_enter_on_an_activation_opens_its_document(workbench):
    async with workbench("features") as driver:
        await driver.press("enter", "enter")
        document = driver.app.screen.query_one("Text")
        assert "document" in str(document.border_title)
        await driver.press("j", "k", "G", "g", "y")
        assert driver.app.clipboard
        await driver.press("escape")
        assert driver.focused == "features-contexts"


async def test_d_chooses_the_dictionary(workbench):
    async with workbench("features") as driver:
        await driver.press("d")
        await driver.press("j", "enter")
        await driver.until(lambda: driver.app.screen.query(FeatureList))
        await driver.until(lambda: listed(driver).dictionary == SECOND)
        await driver.until(lambda: shown(driver)[0] == SECOND)
        await driver.press("d", "escape")
        await driver.until(lambda: driver.app.screen.query(FeatureList))
        assert listed(driver).dictionary == SECOND


async def test_l_labels_the_feature_and_an_empty_label_is_taken_away(workbench):
    async with workbench("features") as driver:
        feature = shown(driver)[1]
        await driver.press("l")
        await driver.type("the word the")
        await driver.press("enter")
        await driver.until(lambda: listed(driver).row(0)[4] == "the word the")
        assert listed(driver).feature.feature == feature
        assert "the word the" in str(driver.app.screen.query_one(Summary).border_title)
        await driver.press("l", "ctrl+u", "enter")
        await driver.until(lambda: listed(driver).row(0)[4] is None)


async def test_space_tags_and_y_copies_the_tagged(workbench):
    async with workbench("features") as driver:
        rows = listed(driver)
        await driver.press("y")
        assert driver.app.clipboard == f"{FIRST}#{rows.row(0)[0]}"
        await driver.press("space", "space")
        assert rows.cursor == 2
        await driver.press("y")
        tagged = sorted(rows.row(at)[0] for at in (0, 1))
        assert driver.app.clipboard.split("\n") == [f"{FIRST}#{n}" for n in tagged]
        await driver.press("k", "k", "space")
        assert rows.tagged == {(FIRST, rows.row(1)[0])}


async def test_shift_y_copies_the_sql_behind_every_pane_and_it_runs(workbench, root):
    from store import Workspace

    async with workbench("features") as driver:
        for pane in ("features-list", "features-summary", "features-contexts",
                     "features-neighbors"):  # fmt: skip
            assert driver.focused == pane
            await driver.press("Y")
            rows = Workspace(root).sql(driver.app.clipboard).fetchall()
            assert rows, pane
            await driver.press("tab")
        await driver.press("shift+tab")
        assert driver.focused == "features-neighbors"


async def test_z_gives_a_pane_all_the_room_and_takes_it_back(workbench):
    async with workbench("features") as driver:
        await driver.press("enter", "z")
        assert driver.app.screen.query_one("#features-contexts").size.width > 150
        assert not driver.app.screen.query_one("#features-list").is_on_screen
        await driver.press("z")
        assert driver.app.screen.query_one("#features-list").size.width > 40
        await driver.press("z", "escape")
        assert driver.app.screen.query_one("#features-list").size.width > 40


async def test_narrow_terminals_show_one_pane_at_a_time(workbench):
    async with workbench("features", size=(80, 24)) as driver:
        assert driver.app.screen.query_one("#features-list").size.width > 70
        await driver.press("enter")
        assert driver.focused == "features-summary"
        assert driver.app.screen.query_one("#features-summary").size.height > 18
        await driver.press("tab")
        assert driver.focused == "features-contexts"
        await driver.press("escape")
        assert driver.focused == "features-list"


async def test_an_empty_workspace_names_the_key_that_fills_it(workbench, tmp_path):
    from store import Workspace

    empty = Workspace.create(tmp_path / "empty").root
    async with workbench("features", at=empty) as driver:
        assert "No features yet" in driver.screen()
        assert "r runs one" in driver.screen()
        await driver.press("j", "k", "G", "enter", "s", "l", "n", "y", "Y", "space")
        assert driver.view.NAME == "features"


@pytest.mark.parametrize(
    ("typed", "value"),
    [("f12", "12"), ("/dog runs", "dog runs"), ("l1 ?q[j", "1 ?q[j")],
    ids=["find", "filter", "label"],
)
async def test_keys_typed_before_the_prompt_is_there_go_to_it(workbench, typed, value):
    async with workbench("features") as driver:
        await driver.type(typed)
        assert driver.view.NAME == "features"
        assert driver.app.screen.query_one("Prompt Input", Input).value == value


async def test_esc_typed_ahead_leaves_the_prompt_too(workbench):
    async with workbench("features") as driver:
        for key in ("f", "1", "escape", "j"):
            driver._send(key)
        await driver.settle()
        assert not driver.app.screen.query("Prompt")
        assert driver.focused == "features-list"


def marked(driver) -> str:
    return driver.text("#features-list").count("●")


async def test_shift_d_lists_all_dictionaries_and_goes_back_to_one(workbench):
    async with workbench("features") as driver:
        rows = listed(driver)
        here = shown(driver)
        await driver.press("D")
        assert rows.dictionaries == workspaces.PROFILED
        assert rows.count == len(workspaces.PROFILED) * workspaces.WIDTH
        assert shown(driver) == here, "the cursor stays on its feature"
        assert "dictionary" in driver.text("#features-list").split("\n")[1]
        assert "L2.resid_post" in driver.text("#features-list")
        await driver.press("g")
        densities = [rows.row(at).density for at in range(rows.count)]
        assert densities == sorted(densities, reverse=True)
        await driver.press("y")
        assert driver.app.clipboard == f"{rows.dictionary}#{rows.feature.feature}"
        only = rows.dictionary
        await driver.press("D")
        assert rows.dictionaries == (only,)


async def test_d_lists_the_marked_dictionaries_together(workbench, root):
    from store import Workspace

    async with workbench("features") as driver:
        await driver.press("d")
        await driver.press("space", "space", "enter")
        await driver.until(lambda: driver.app.screen.query(FeatureList))
        await driver.until(lambda: listed(driver).count == 2 * workspaces.WIDTH)
        assert listed(driver).dictionaries == (FIRST, SECOND)
        await driver.press("Y")
        rows = Workspace(root).sql(driver.app.clipboard).fetchall()
        assert [row[:2] for row in rows] == [
            listed(driver).key(listed(driver).row(at)) for at in range(listed(driver).count)
        ]
        await driver.press("f")
        await driver.type(f"{SECOND}#42")
        await driver.press("enter")
        assert shown(driver) == (SECOND, 42)
        assert listed(driver).dictionaries == (FIRST, SECOND)
        await driver.press("escape", "d", "a", "enter")
        await driver.until(lambda: driver.app.screen.query(FeatureList))
        await driver.until(lambda: listed(driver).count == 3 * workspaces.WIDTH)


async def test_marks_stay_through_sorting_filtering_and_other_dictionaries(workbench):
    async with workbench("features") as driver:
        rows = listed(driver)
        await driver.press("space", "j", "space")
        kept = set(rows.tagged)
        assert len(kept) == 2
        assert marked(driver) == 2
        assert "2 marked" in str(rows.border_subtitle)
        await driver.press("s", "S", "D")
        assert rows.tagged == kept
        await driver.press("slash")
        await driver.type("marked")
        await driver.press("enter")
        assert {rows.key(rows.row(at)) for at in range(rows.count)} == kept
        assert marked(driver) == 2
        await driver.press("Y")
        assert f"('{FIRST}', {min(kept)[1]})" in driver.app.clipboard
        await driver.press("U")
        assert not rows.tagged
        assert rows.count == 0


async def test_shift_l_labels_all_marked_at_once(workbench):
    async with workbench("features") as driver:
        rows = listed(driver)
        await driver.press("L")
        assert "No feature is marked" in driver.screen()
        await driver.press("space", "space", "L")
        assert "label 2 marked features" in driver.screen()
        await driver.type("function words")
        await driver.press("enter")
        await driver.until(lambda: rows.row(1).label == "function words")
        assert [rows.row(at).label for at in range(3)] == ["function words"] * 2 + [None]
        await driver.press("g")
        assert "function words" in str(driver.app.screen.query_one(Summary).border_title)
        await driver.press("L", "enter")
        await driver.until(lambda: rows.row(0).label is None)


async def test_a_dictionary_without_a_profile_says_what_makes_one(workbench):
    async with workbench("features") as driver:
        driver.view.go(workspaces.UNPROFILED)
        await driver.settle()
        assert "not profiled yet" in driver.text("#features-list")
