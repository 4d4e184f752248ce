"""What may be typed to filter features."""

from __future__ import annotations

import pytest

from saetui.search import conditions
from tests.workspaces import PROFILED


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    from tests import workspaces

    return workspaces.make(tmp_path_factory.mktemp("made") / "garden", jobs=False).workspace


def found(workspace, search: str) -> set[int]:
    from saetui import queries

    rows = workspace.sql(queries.features(PROFILED[0], search=search)).fetchall()
    return {row[1] for row in rows}


def test_words_are_looked_for_in_labels_and_top_tokens(workspace):
    assert 7 in found(workspace, "PLURAL nouns")
    assert found(workspace, "garden") and not found(workspace, "garden plural")


def test_columns_are_compared(workspace):
    rare = found(workspace, "density<0.001")
    assert rare and rare < found(workspace, "")
    assert found(workspace, "dead") | found(workspace, "alive") == found(workspace, "")


def test_labels_and_promoted_tokens_are_asked_for_by_name(workspace):
    assert found(workspace, "label:plural") == {7}
    assert found(workspace, "labelled") == {3, 7}
    assert found(workspace, "promoted:dogs") != found(workspace, "suppressed:dogs")


@pytest.mark.parametrize(
    "search",
    [
        "'",
        "''; DROP TABLE x",
        "%",
        "_",
        "\\",
        '"',
        '"a b',
        "density<",
        "label:",
        "\x00",
        "--",
        "/*",
    ],
)
def test_nothing_that_is_typed_is_sql(workspace, search):
    assert isinstance(found(workspace, search), set)


def test_all_words_must_be_met():
    assert len(conditions('one "two words" max>5')) == 3
