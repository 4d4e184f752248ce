"""Any slice of a corpus as a task: prompts up to the places that SQL chose."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.task.load import load_task
from jobs.task.prepare import prepare
from store import AskedWrongly, SaetuiError
from tests import workspaces
from tests.unit.task.knows import Knows

D = workspaces.PROFILED[0]


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> workspaces.Made:
    return workspaces.make(tmp_path_factory.mktemp("slices") / "ws", jobs=False)


@pytest.fixture
def model() -> Any:
    return Knows(lambda words: words[-1])  # says its last word again


def test_prompts_end_where_the_rows_say(garden: workspaces.Made, model: Any) -> None:
    sql = (
        f"sql:SELECT corpus, doc, pos FROM top_activations WHERE dictionary = '{D}' "
        "AND feature = 5 AND quantile IS NULL"
    )
    task = load_task(sql, model, ws=garden.workspace, limit=50)
    rows = garden.workspace.sql(sql.removeprefix("sql:")).fetchall()
    assert len(task.examples) == len(set(rows))
    assert {len(e.clean) for e in task.examples} == {pos + 1 for _, _, pos in rows}
    assert {e.group for e in task.examples} == {f"{c}:{doc}" for c, doc, _ in rows}
    assert all(e.answer == e.clean[-1] for e in task.examples)  # the model's own next token
    assert (task.metric, task.examples[0].corrupt, task.examples[0].wrong) == ("kl", None, None)
    made = prepare(task, model)
    assert (made.accuracy, made.search.corrupt) == (1.0, None)


def test_without_a_position_they_end_where_the_feature_fires_most(
    garden: workspaces.Made, model: Any
) -> None:
    which = f"FROM feature_activations('{D}', 5)"
    most = garden.workspace.sql(f"SELECT doc, arg_max(pos, activation) {which} GROUP BY doc")
    wanted = {(doc, pos + 1) for doc, pos in most.fetchall()}
    for columns in ("corpus, doc, dictionary, feature", "corpus, doc, pos, activation"):
        task = load_task(f"sql:SELECT {columns} {which}", model, ws=garden.workspace, limit=9_999)
        found = {(int(e.group.rpartition(":")[2]), len(e.clean)) for e in task.examples}
        assert found == wanted
    few = load_task(f"sql:SELECT corpus, doc {which}", model, ws=garden.workspace, limit=3)
    assert [len(e.clean) for e in few.examples] == [workspaces.CONTEXT] * 3


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("SELECT corpus, doc, 1 AS pos FROM documents WHERE doc < 0", "chose no rows"),
        ("SELECT doc FROM documents", "gives doc, and no corpus"),
        ("SELECT corpus, doc, 500 AS pos FROM documents", "has 32 tokens, so none at pos 500"),
        ("SELECT corpus, doc, -1 AS pos FROM documents", "whole numbers from 0, not -1"),
        ("SELECT corpus, 9999 AS doc FROM documents", "has no document 9999"),
        ("SELECT 'x' AS corpus, 0 AS doc", "corpus .*x"),
        ("DROP TABLE documents", "Only statements that read"),
    ],
)
def test_a_slice_that_cannot_be_is_refused(
    garden: workspaces.Made, model: Any, sql: str, sentence: str
) -> None:
    with pytest.raises(SaetuiError, match=sentence):
        load_task(f"sql:{sql}", model, ws=garden.workspace)


def test_documents_of_another_model_are_refused(garden: workspaces.Made, model: Any) -> None:
    model.name = "smollm2"
    with pytest.raises(AskedWrongly, match="are those of tiny, not of smollm2"):
        load_task("sql:SELECT corpus, doc FROM documents", model, ws=garden.workspace)
