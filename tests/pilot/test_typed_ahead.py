"""Keys typed faster than the app reads: each means what it would have meant, typed in peace."""

from __future__ import annotations

import asyncio
import threading

import pytest
from textual.widgets import Input

from saetui.database import Database
from saetui.prompting import Prompting
from saetui.screens.document import Document
from saetui.screens.prompt.screen import TryPrompt
from saetui.views.features.index import FeatureIndex
from saetui.views.features.pages import Pages
from saetui.views.sql import saved
from saetui.views.sql.editor import Editor
from saetui.views.sql.results import Results
from saetui.views.sql.saved import SavedList
from store import Workspace
from tests import workspaces
from tests.driver import Reads
from tests.typed_ahead import Slow, impatient, root, typed

FIRST = workspaces.PROFILED[0]

__all__ = ["impatient", "root"]


# Lines


async def test_what_is_typed_behind_enter_is_no_part_of_the_line_before_it(workbench, root):
    async with workbench("features") as driver:
        typed(driver, "f", "9", "enter", "l", "n", "o", "u", "n", "enter")
        await driver.settle()
        assert Workspace(root).written(FIRST, 9).label == "noun"


async def test_a_line_is_corrected_in_the_order_of_typing(workbench):
    async with workbench("features") as driver:
        typed(driver, "l", "ctrl+u", *"nuon", *["backspace"] * 3, *"oun", "enter")
        await driver.settle()
        assert driver.view.page.summary.about.label == "noun"


# Features


async def test_a_label_is_for_the_feature_under_the_cursor_though_the_page_shows_another(
    workbench, monkeypatch, root
):
    async with workbench("features") as driver:
        slow = Slow(monkeypatch, Pages, "read")
        typed(driver, "j", "l", "ctrl+u", *"noun", "enter")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.settle()
        here = driver.view.listed.feature
        assert driver.view.listed.cursor == 1 and here.label == "noun"
        assert Workspace(root).written(FIRST, here.feature).label == "noun"


async def test_a_note_typed_right_after_a_label_is_no_row_of_commands(workbench, root):
    async with workbench("features") as driver:
        feature = driver.view.listed.feature.feature
        typed(driver, "l", "ctrl+u", *"noun", "enter", "m", "ctrl+u", *"quaint", "enter")
        await driver.settle()
        assert tuple(Workspace(root).written(FIRST, feature)) == ("noun", "quaint")


async def test_enter_opens_the_document_of_the_feature_under_the_cursor(workbench, monkeypatch):
    async with workbench("features") as driver:
        slow = Slow(monkeypatch, Pages, "read")
        typed(driver, "j", "enter", "enter")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.until(lambda: isinstance(driver.app.screen, Document))
        feature = driver.view.listed.row(1).feature
        assert f"feature = {feature}" in driver.app.screen.sql


@pytest.mark.usefixtures("impatient")
async def test_a_key_that_sorts_the_list_before_it_is_read_does_not_keep_it_from_being_read(
    workbench, monkeypatch
):
    slow = Slow(monkeypatch, FeatureIndex, "dictionaries")
    async with workbench() as driver:
        typed(driver, "2", "s")
        await driver.until(lambda: slow.asked and driver.view.listed.sort == "max")
        slow.go_on.set()
        await driver.settle()
        rows = driver.view.listed
        assert rows.count == workspaces.WIDTH
        strongest = [rows.row(at)[2] for at in range(50)]
        assert strongest == sorted(strongest, reverse=True)


@pytest.mark.usefixtures("impatient")
async def test_a_filter_typed_before_the_list_is_read_filters_it(workbench, monkeypatch):
    slow = Slow(monkeypatch, FeatureIndex, "dictionaries")
    async with workbench() as driver:
        typed(driver, "2", "slash", *"garden")
        await driver.until(lambda: slow.asked and driver.view.listed.search == "garden")
        slow.go_on.set()
        await driver.settle()
        assert 0 < driver.view.listed.count < workspaces.WIDTH


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("meanwhile", ["relist", "read_anew"])
async def test_a_link_is_followed_though_the_list_is_read_again_meanwhile(
    workbench, monkeypatch, meanwhile
):
    async with workbench("features") as driver:
        slow = Slow(monkeypatch, FeatureIndex, "listing")
        typed(driver, "f", "9", "enter")
        await driver.until(lambda: slow.asked)
        getattr(driver.view.listed, meanwhile)()
        assert driver.view.here.target == f"{FIRST}#9"
        slow.go_on.set()
        await driver.settle()
        assert driver.view.page.shown == (FIRST, 9)


async def test_back_leads_to_the_feature_that_was_left_before_its_page_was_here(
    workbench, monkeypatch
):
    async with workbench("features") as driver:
        slow = Slow(monkeypatch, Pages, "read")
        typed(driver, "j", "5")
        await driver.until(lambda: slow.asked and driver.view.NAME == "jobs")
        slow.go_on.set()
        await driver.press("[")
        feature = driver.view.listed.row(1).feature
        assert driver.view.here.target == f"{FIRST}#{feature}"


async def test_neighbours_that_come_late_are_not_shown_on_the_page_of_another_feature(
    workbench, monkeypatch
):
    async with workbench("features") as driver:
        page, rows, go_on = driver.view.page, Database.rows, asyncio.Event()
        coactive = page.neighbors

        async def slow(database, sql):
            found = await rows(database, sql)
            if sql == coactive.query_of(FIRST, first):
                await go_on.wait()
            return found

        first = page.shown[1]
        monkeypatch.setattr(Database, "rows", slow)
        page.neighbors.together = True
        page.on_neighbors_switched()
        page.neighbors.together = False
        await driver.press()
        driver.view.listed.cursor += 1
        await driver.until(lambda: page.shown not in (None, (FIRST, first)))
        shown = [page.neighbors.row(at) for at in range(page.neighbors.count)]
        go_on.set()
        await driver.settle()
        assert [page.neighbors.row(at) for at in range(page.neighbors.count)] == shown


async def test_a_document_asked_for_while_the_tables_change_is_shown(workbench, monkeypatch):
    async with workbench("features") as driver:
        await driver.press("enter")
        slow = Slow(monkeypatch, Database, "rows")
        typed(driver, "enter")
        await driver.until(lambda: slow.asked)
        driver.view.page.forget()
        slow.go_on.set()
        await driver.until(lambda: isinstance(driver.app.screen, Document))


# Lists


async def test_a_key_that_marks_waits_for_the_order_that_was_asked_for(workbench, monkeypatch):
    async with workbench("features") as driver:
        slow = Slow(monkeypatch, FeatureIndex, "listing")
        typed(driver, "s", "space")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.settle()
        rows = driver.view.listed
        assert rows.tagged == {rows.key(rows.row(0))}


async def test_a_key_that_marks_waits_for_what_a_filter_finds(workbench, monkeypatch):
    async with workbench("features") as driver:
        slow = Slow(monkeypatch, FeatureIndex, "listing")
        typed(driver, "slash", *"garden", "enter", "space")
        await driver.until(lambda: len(slow.asked) == 6)
        slow.go_on.set()
        await driver.settle()
        rows = driver.view.listed
        assert rows.tagged == {rows.key(rows.row(0))} and rows.search == "garden"


# Jobs


async def test_keys_that_follow_what_opens_a_box_are_meant_for_the_box(workbench):
    async with workbench("jobs") as driver:
        rows = driver.rows("#jobs-table")
        names = [rows.row(at)[0] for at in range(rows.count)]
        at = names.index("train_sae-1")
        typed(driver, *["j"] * at, "o", "j", "enter")
        await driver.until(lambda: driver.view.NAME == "features")
        assert driver.view.listed.dictionary == workspaces.PROFILED[2]


async def test_the_cursor_of_the_newest_jobs_stays_on_its_job_when_another_comes(workbench):
    async with workbench("overview") as driver:
        rows = driver.rows("#overview-jobs")
        driver.view.show_pane(rows)
        await driver.press("j")
        here, jobs = rows.current[0], driver.app.jobs
        known = next(job for job in jobs if job.state == "running")
        come = known.__class__(**{**known.__dict__, "job": "train_sae-9"})
        driver.view.jobs_changed([come, *jobs])
        assert rows.current[0] == here
        await driver.press("enter")
        assert driver.view.here.target == here


async def test_a_form_that_is_submitted_twice_in_a_row_makes_one_job(workbench, monkeypatch):
    from saetui import submit

    go_on, submitted = threading.Event(), []

    def slow(workspace, kind, raw):
        submitted.append((kind, dict(raw)))
        go_on.wait(20)
        return "submitted", False

    monkeypatch.setattr(submit, "submit", slow)
    async with workbench("overview") as driver:
        driver.app.ask_for_job("profile", {"dictionaries": FIRST})
        await driver.until(lambda: driver.app.screen.query("#form Input"))
        await driver.until(lambda: isinstance(driver.app.focused, Input))
        typed(driver, "down", *"77", "ctrl+j", "ctrl+j")
        await driver.until(lambda: submitted)
        go_on.set()
        await driver.until(lambda: len(driver.app.screen_stack) == 1)
        await driver.settle()
        assert len(submitted) == 1 and "77" in submitted[0][1].values()


# SQL


async def saved_query(driver, at: int) -> Results:
    """Runs a saved query, goes back to the list, the cursor on the next one; gives the result."""
    results = driver.view.query_one(Results)
    listed = driver.view.query_one(SavedList)
    driver.view.show_pane(listed)
    listed.cursor = at
    await driver.press("enter")
    assert results.answer is not None
    driver.view.show_pane(listed)
    return results


@pytest.fixture
def queries(monkeypatch, tmp_path):
    """Two saved queries, whose rows lead to features."""
    monkeypatch.setattr(
        saved,
        "own",
        lambda: [
            saved.Saved(f"q{n}", f"SELECT dictionary, feature, {n} AS q FROM features "
                        f"WHERE dictionary = '{FIRST}' AND feature IN ({n}, {n + 1}) "
                        "ORDER BY feature", own=True)
            for n in (5, 8)
        ],
    )  # fmt: skip


@pytest.mark.usefixtures("queries")
async def test_a_result_is_sorted_that_was_asked_for_last(workbench, monkeypatch):
    async with workbench("sql") as driver:
        results = await saved_query(driver, 0)
        slow = Slow(monkeypatch, Database, "ask")
        typed(driver, "j", "enter", "right", "s")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.settle()
        assert "8 AS q" in results.asked and "ORDER BY 2 DESC" in results.asked
        assert [row[1] for row in results._whole] == [9, 8]


@pytest.mark.usefixtures("queries")
async def test_enter_follows_no_row_of_the_result_before(workbench, monkeypatch):
    async with workbench("sql") as driver:
        await saved_query(driver, 0)
        slow = Slow(monkeypatch, Database, "ask")
        typed(driver, "j", "enter", "enter")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.until(lambda: driver.view.NAME == "features")
        await driver.settle()
        assert driver.view.here.target == f"{FIRST}#8"


@pytest.mark.usefixtures("queries")
async def test_what_was_asked_last_is_exported(workbench, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    async with workbench("sql") as driver:
        await saved_query(driver, 0)
        slow = Slow(monkeypatch, Database, "ask")
        typed(driver, "j", "enter", "e", *"out.csv", "enter")
        await driver.until(lambda: len(slow.asked) > 1)
        slow.go_on.set()
        await driver.until((tmp_path / "out.csv").exists)
        assert ",8\n" in (tmp_path / "out.csv").read_text()


async def test_what_follows_the_key_for_the_history_is_looked_for_in_it(workbench, monkeypatch):
    from saetui.views.sql import history

    monkeypatch.setattr(history, "load", lambda root: ["SELECT 1", "SELECT 2 AS quaint"])
    async with workbench("sql") as driver:
        typed(driver, "h", *"quaint", "enter")
        await driver.settle()
        assert driver.view.query_one(Editor).text == "SELECT 2 AS quaint"


# Prompts


async def test_a_feature_of_the_token_under_the_cursor_is_opened(workbench, monkeypatch):
    async with workbench("features") as driver:
        driver.view.prompting = prompting = Prompting(driver.app.database)
        monkeypatch.setattr(prompting, "_model", lambda dictionary: Reads())
        await driver.press("p")
        await driver.type("one two three")
        await driver.press("enter")
        screen = driver.app.screen
        slow = Slow(monkeypatch, TryPrompt, "_learn_names")
        typed(driver, "left", "tab", "enter")
        await driver.until(lambda: slow.asked)
        token = screen.tokens.cursor
        slow.go_on.set()
        await driver.until(lambda: driver.app.screen is not screen)
        await driver.settle()
        assert driver.view.here.target == f"{FIRST}#{(7 * token) % 256}"
