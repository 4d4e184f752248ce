"""A circuit that a job searched, not one that was planted: its tree ends in the tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from saetui.circuits.records import METRIC
from saetui.circuits.tree import path
from saetui.views.circuits.tree import TreePane
from store import Workspace
from tests.driver import garden
from tests.unit.causal.test_circuit import searched, ws

__all__ = ["ws"]

NAME, MEASURED = "searched", 10


@pytest.fixture
def root(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    searched(ws, NAME, sizes=[4, MEASURED, 16], edges=MEASURED, exact=0)
    return garden(ws.root, monkeypatch)


async def test_the_tree_of_a_searched_circuit_leads_back_to_the_tokens(workbench):
    async with workbench("circuits") as driver:
        tree = driver.app.screen.query_one(TreePane)
        tree.take(16)
        assert tree.whole.about.circuit == NAME
        ends = [
            name
            for name in tree.taken[:MEASURED]
            if any(twig.node == "embed" for twig in tree.grown.below(name))
        ]
        first = [name for name in tree.taken[:MEASURED] if name.startswith("early#")]
        assert first and ends == first  # behind its whole residual stream nothing gets past
        assert tree.graph.measured == MEASURED < len(tree.taken)
        assert [tree.graph.was_measured(name) for name in tree.taken] == [
            at < MEASURED for at in range(len(tree.taken))
        ]
        assert "└ tokens" in driver.text("#circuits-tree")
        for name in ends:
            assert METRIC not in path(tree.grown, name) and tree.choose(name)
