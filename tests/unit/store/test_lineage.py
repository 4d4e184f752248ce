"""From any row, dictionary, corpus, run or job back to the commands that made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import AskedWrongly, Workspace, lineage
from tests.unit.store.examples import CORPUS, DICTIONARY, corpus, dictionary, profile


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.create(tmp_path / "ws")
    corpus(workspace)
    dictionary(workspace)
    profile(workspace, "profile-1", density=0.5)
    return workspace


def test_a_row_leads_back_to_the_text(workspace: Workspace) -> None:
    row = workspace.sql("SELECT dictionary, feature FROM features LIMIT 1").pl().row(0, named=True)
    steps = lineage.trace_row(workspace, "features", row)
    assert [(step.kind, step.job, step.command) for step in steps] == [
        ("table", "profile-1", f"saetui run profile dictionaries={DICTIONARY} tokens=1000"),
        ("dictionary", "train_sae-1", "saetui run train_sae model=tiny hooks=L2.resid_post k=16"),
        ("corpus", "train_sae-1", "saetui run train_sae corpus=grammar:"),
    ]
    assert steps[0].inputs == (DICTIONARY, CORPUS)


@pytest.mark.parametrize(
    ("table", "row", "first"),
    [
        ("dictionaries", {"dictionary": DICTIONARY}, DICTIONARY),
        ("training", {"dictionary": DICTIONARY, "step": 1}, DICTIONARY),
        ("labels", {"dictionary": DICTIONARY}, DICTIONARY),
        ("documents", {"corpus": CORPUS, "doc": 0}, CORPUS),
        ("jobs", {"job": "profile-1"}, f"features/profile-1@{DICTIONARY.replace('/', '.')}"),
    ],
)
def test_rows_of_every_source(
    workspace: Workspace, table: str, row: dict[str, object], first: str
) -> None:
    assert lineage.trace_row(workspace, table, row)[0].id == first


def test_a_feature_is_named_by_its_dictionary(workspace: Workspace) -> None:
    assert lineage.trace(workspace, f"{DICTIONARY}#7")[0].id == DICTIONARY


def test_what_is_unknown_names_the_nearest(workspace: Workspace) -> None:
    with pytest.raises(AskedWrongly, match=r"did you mean .*topk-512-k16-s0"):
        lineage.trace(workspace, DICTIONARY + "1")
    with pytest.raises(AskedWrongly, match="no table 'feature': did you mean features"):
        lineage.trace_row(workspace, "feature", {})
    with pytest.raises(AskedWrongly, match="No run of table features holds a row of tiny/x"):
        lineage.trace_row(workspace, "features", {"dictionary": "tiny/x"})


def test_a_command_can_be_pasted_into_a_shell() -> None:
    spec = {
        "kind": "train_sae",
        "corpus": "file:my text.txt",
        "fast": True,
        "k": [8, 16],
        "x": None,
    }
    assert (
        lineage.command(spec) == "saetui run train_sae 'corpus=file:my text.txt' fast=true k=8,16"
    )
