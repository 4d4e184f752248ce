"""View 4 on a circuit whose nodes are of spans: what they are of is told wherever they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from saetui.circuits.exports import FORMATS, Exported, write
from saetui.circuits.records import METRIC
from saetui.cli.circuits import whole
from saetui.views.circuits.listing import CircuitList
from saetui.views.circuits.tree import TreePane
from store import Workspace
from tests.driver import garden
from tests.unit.causal.test_circuit_spans import searched, ws

__all__ = ["ws"]

NAME, TOGETHER = "by-span", "together"


@pytest.fixture(scope="module")
def both(ws: Workspace) -> Workspace:
    for name, by in ((NAME, "spans"), (TOGETHER, False)):
        searched(ws, name, per_position=by, method="ig", sizes=[4, 10], edges=10, exact=1)
    return ws


@pytest.fixture
def root(both: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    return garden(both.root, monkeypatch)


async def shown(driver, name: str) -> TreePane:
    """The tree of a circuit, at ten nodes."""
    listed = driver.app.screen.query_one(CircuitList)
    for _ in range(3):
        if driver.view.here.target == name:
            break
        listed.step(1)
        await driver.settle()
    tree = driver.app.screen.query_one(TreePane)
    assert tree.whole.about.circuit == name
    driver.view.take(10)
    await driver.settle()
    return tree


async def test_tree_node_and_edges_name_the_span(workbench):
    async with workbench("circuits") as driver:
        tree = await shown(driver, NAME)
        node = next(tree.graph.nodes.get(name) for name in tree.taken)
        assert node.span in ("what", "where", "rest", "end")
        assert f" @{node.span}" in driver.text("#circuits-tree")
        assert "features by span" in driver.screen()
        assert "tokens @what" in driver.text("#circuits-tree")
        tree.choose(node.node)
        await driver.settle()
        assert f"span {node.span}" in driver.text("#circuits-node")
        assert f"@{node.span}" in driver.text("#circuits-edges")


async def test_the_list_finds_searches_by_span_and_compares_them_with_others(workbench):
    async with workbench("circuits") as driver:
        await driver.press("4")
        listed = driver.app.screen.query_one(CircuitList)
        assert {NAME, TOGETHER} <= set(listed.known)
        await shown(driver, NAME)
        await driver.press("v")
        said = driver.text("#compare-lines")
        assert "a node for every" in said and "span" in said and "prompt" in said
        await driver.press("escape", "slash")
        await driver.type("span")
        assert [row.circuit for row in listed.circuits] == [NAME]
        await driver.press("escape", "slash")
        await driver.type("position")
        assert not listed.circuits


def test_exports_name_the_span(both: Workspace):
    found = whole(both, NAME)
    node = found.nodes[0]
    assert node.stands_on == f"span {node.span}" and node.node.endswith(f"@{node.span}")
    for format_ in FORMATS:
        text = write(Exported(found, 10), format_)
        if format_ == "json":
            said = json.loads(text)
            assert said["spans"] == ["start", "what", "where", "rest", "end"]
            assert said["nodes_taken"][0]["span"] == node.span
        else:
            assert f"@{node.span}" in text and "features by span" in text
            assert METRIC in text or found.about.metric in text


def test_names_that_are_long_paths_leave_room_in_a_picture(both: Workspace):
    found = whole(both, NAME)
    task, model = "/a/workspace/of/mine" * 6 + "/task.jsonl", "/models/of/mine" * 8 + "/small"
    about = found.about._replace(task=task, model=model)
    text = write(Exported(found._replace(about=about), 10), "svg")
    assert "/task.jsonl · …" in text and "/small · ig on features by span" in text
