"""Keys typed faster than circuits and clusters are read are about the one under the cursor."""

from __future__ import annotations

import asyncio

import pytest

from saetui.database import Database
from saetui.screens.choose import Choose
from saetui.screens.circuits import CompareCircuits
from saetui.screens.document import Document
from saetui.views.circuits.reading import Reading
from saetui.views.manifolds.view import ManifoldsView
from tests import mapped, traced, workspaces
from tests.typed_ahead import Slow, impatient, root, typed

FIRST = workspaces.PROFILED[0]

__all__ = ["impatient", "root"]


# Circuits


@pytest.fixture
def reading(monkeypatch):
    """Circuits are read ahead of nobody, and slowly once `Slow` is asked for."""

    async def not_ahead(*_) -> None:
        pass

    monkeypatch.setattr(Reading, "read_ahead", not_ahead)


@pytest.mark.usefixtures("reading")
async def test_a_circuit_that_was_left_before_it_was_read_is_not_shown(workbench, monkeypatch):
    async with workbench("circuits") as driver:
        first = driver.view.whole.about
        slow = Slow(monkeypatch, Reading, "read")
        await driver.pilot.pause()
        typed(driver, "j", "k")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.settle()
        assert driver.view.listed.circuit == first
        assert driver.view.whole is not None and driver.view.whole.about == first


@pytest.mark.usefixtures("reading")
async def test_a_form_begins_with_the_circuit_under_the_cursor(workbench, monkeypatch):
    async with workbench("circuits") as driver:
        slow = Slow(monkeypatch, Reading, "read")
        typed(driver, "G", "r")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.until(lambda: driver.app.screen.query("#form Input"))
        assert driver.app.screen.typed["task"] == driver.view.listed.circuit.task
        assert driver.app.screen.typed["task"] != traced.MAIN


@pytest.mark.usefixtures("reading")
async def test_the_circuit_under_the_cursor_is_compared_and_ablated(workbench, monkeypatch):
    async with workbench("circuits") as driver:
        slow = Slow(monkeypatch, Reading, "read")
        typed(driver, "j", "v")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.until(lambda: isinstance(driver.app.screen, CompareCircuits))
        here = driver.view.listed.circuit
        assert driver.app.screen.pair[0].about == here != traced.MAIN


@pytest.mark.usefixtures("reading")
async def test_a_node_is_looked_for_in_the_circuit_under_the_cursor(workbench, monkeypatch):
    async with workbench("circuits") as driver:
        slow = Slow(monkeypatch, Reading, "read")
        typed(driver, "j", "f", "L", "1", "enter")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.settle()
        assert driver.view.here.target.startswith(f"{driver.view.listed.row(2).circuit}::")


@pytest.mark.usefixtures("impatient")
async def test_a_circuit_is_gone_to_though_the_tables_change_meanwhile(workbench, monkeypatch):
    async with workbench("circuits") as driver:
        slow = Slow(monkeypatch, Database, "rows")
        driver.view.go(traced.NEURONS)
        await driver.until(lambda: slow.asked)
        driver.view.tables_changed()
        assert driver.view.here.target == traced.NEURONS
        slow.go_on.set()
        await driver.settle()
        assert driver.view.here.target == traced.NEURONS


async def test_the_first_circuits_are_listed_though_the_tables_change_meanwhile(
    workbench, monkeypatch
):
    async with workbench() as driver:
        slow = Slow(monkeypatch, Database, "rows")
        typed(driver, "4")
        await driver.until(lambda: slow.asked)
        driver.view.tables_changed()
        slow.go_on.set()
        await driver.settle()
        assert driver.view.here.target == traced.MAIN


# Manifolds


async def test_a_cluster_is_looked_for_once_the_runs_are_read(workbench, monkeypatch):
    async with workbench() as driver:
        slow = Slow(monkeypatch, ManifoldsView, "_read_runs")
        typed(driver, "3", "f", "2", "enter")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.settle()
        assert driver.view.here.target == f"{mapped.RUN}#2"


@pytest.mark.usefixtures("impatient")
async def test_runs_are_offered_once_they_are_read(workbench, monkeypatch):
    async with workbench() as driver:
        slow = Slow(monkeypatch, ManifoldsView, "_read_runs")
        typed(driver, "3", "d")
        await driver.until(lambda: slow.asked)
        slow.go_on.set()
        await driver.until(lambda: isinstance(driver.app.screen, Choose))
        assert mapped.RUN in dict(driver.app.screen.names)


async def test_enter_opens_a_member_of_the_cluster_under_the_cursor(workbench):
    async with workbench("manifolds") as driver:
        members = driver.view.members
        before = members.row(0)
        typed(driver, "j", "enter", "enter")
        await driver.until(lambda: driver.view.NAME == "features")
        row = members.row(0)
        assert (members.cluster, driver.view.here.target) == (1, f"{row.dictionary}#{row.feature}")
        assert row != before


@pytest.mark.usefixtures("impatient")
async def test_a_cluster_is_gone_to_though_the_tables_change_meanwhile(workbench, monkeypatch):
    async with workbench("manifolds") as driver:
        slow = Slow(monkeypatch, Database, "rows")
        driver.view.go(f"{mapped.RUN}#3")
        await driver.until(lambda: slow.asked)
        driver.view.tables_changed()
        assert driver.view.here.target == f"{mapped.RUN}#3"
        slow.go_on.set()
        await driver.settle()
        assert driver.view.here.target == f"{mapped.RUN}#3" and driver.view.shown[1] == 3


async def test_the_document_of_a_cluster_comes_though_the_list_is_sorted_meanwhile(
    workbench, monkeypatch
):
    async with workbench("manifolds") as driver:
        read, go_on = Database.rows, asyncio.Event()

        async def slow(database, sql):
            found = await read(database, sql)
            if "doc_activations" in sql:
                await go_on.wait()
            return found

        monkeypatch.setattr(Database, "rows", slow)
        typed(driver, "j")
        await driver.until(lambda: driver.view.shown[1] == 1)
        assert "in no document" not in driver.text("#manifolds-fires")
        driver.view.listed.relist()
        await driver.until(driver.view.listed.here.is_set)
        go_on.set()
        await driver.settle()
        assert driver.view.fires.pieces and driver.view.fires.firings


async def test_a_document_is_shaded_by_what_fires_on_it(workbench, monkeypatch):
    async with workbench("manifolds") as driver:
        fires = driver.view.fires
        driver.view.show_pane(fires)
        slow = Slow(monkeypatch, ManifoldsView, "_read_document")
        typed(driver, "j", "enter")
        await driver.until(lambda: fires.at == 1 and len(slow.asked) == 1)
        slow.go_on.set()
        await driver.until(lambda: isinstance(driver.app.screen, Document))
        await driver.until(lambda: fires.here.is_set())
        assert driver.app.screen.context.strengths == fires.strengths()


async def test_pairs_that_are_opened_one_after_the_other_both_have_their_parents(workbench):
    async with workbench("manifolds") as driver:
        splits = driver.view.splits
        driver.view.show_pane(splits)
        whole = splits.count
        typed(driver, "space", "space")
        await driver.settle()
        assert splits.count == whole
