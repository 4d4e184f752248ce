"""No key without an example: each is pressed by a test of the view or box that it belongs to."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from saetui.bindings import known

HERE = Path(__file__).parent

PLACES = {
    "app": ("frame", "walk", "form", "features"),
    "view": ("features", "frame"),
    "box": ("features", "frame"),
    "choose": ("features",),
    "circuits": ("circuits", "ablate"),
    "compare": ("overview",),
    "clusters": ("manifolds",),
    "contexts": ("features", "feature_page"),
    "curve": ("circuits",),
    "curves": ("jobs",),
    "document": ("features",),
    "edges": ("circuits",),
    "effects": ("causal_edges",),
    "features": ("features", "feature_page", "prompt", "manifolds", "causal_edges"),
    "fired": ("prompt",),
    "fires": ("manifolds",),
    "form": ("form",),
    "grid": ("overview",),
    "jobs": ("jobs",),
    "log": ("jobs",),
    "manifolds": ("manifolds",),
    "map": ("manifolds",),
    "members": ("manifolds",),
    "neighbors": ("features", "feature_page"),
    "node": ("circuits",),
    "pane": ("features", "every_pane"),
    "overview": ("overview",),
    "plane": ("manifolds",),
    "prompt": ("prompt",),
    "proposals": ("sql",),
    "recall": ("sql",),
    "results": ("sql",),
    "rows": ("features",),
    "scatter": ("scatter",),
    "searches": ("circuits",),
    "splits": ("manifolds",),
    "sql": ("sql",),
    "summary": ("every_pane",),
    "tree": ("circuits",),
    "try": ("ablate",),
}
"""Where a binding belongs, by the first part of its id, and the tests that press its key."""

WRITTEN = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}
"""Keys that tests write as they are on the keyboard."""


VIEWS = {"app.overview", "app.features", "app.manifolds", "app.circuits", "app.jobs", "app.sql"}
"""Pressed by `test_digits_open_the_views_that_are_there`, whatever views there are."""


def pressed(tests: str) -> set[str]:
    """Every key that `test_{tests}.py` names: a text of its code that stands by itself."""
    code = ast.parse((HERE / f"test_{tests}.py").read_text(encoding="utf-8"))
    return {
        node.value
        for node in ast.walk(code)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize("binding", sorted(set(known()) - VIEWS))
def test_a_test_presses_every_key_of(binding: str) -> None:
    place = binding.partition(".")[0]
    assert place in PLACES, f"{binding}: say in PLACES which tests press the keys of {place}"
    found = set().union(*map(pressed, PLACES[place]))
    keys = {WRITTEN.get(key, key) for key in ",".join(known()[binding].keys).split(",")}
    assert keys <= found, f"no test of {place} presses {', '.join(sorted(keys - found))}"
