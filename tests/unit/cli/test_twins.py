"""What a pane shows, a command prints as one JSON document."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from store import Workspace
from tests import connected, mapped, traced
from tests.twins import CIRCUIT, DICT, FEATURE, TWINS


@pytest.fixture(scope="module")
def planted(garden, tmp_path_factory) -> Path:
    """The workspace with clusters, splits, circuits and causal edges in it."""
    root = Path(shutil.copytree(garden, tmp_path_factory.mktemp("twins") / "garden"))
    mapped.plant(Workspace(root))
    traced.plant(Workspace(root))
    return connected.once(root)


@pytest.mark.parametrize("words", sorted(set(TWINS.values())), ids=" ".join)
def test_a_pane_has_a_command_that_prints_it(saetui, planted, words) -> None:
    said = words if "--format" in words else (*words, "--json")
    ended = saetui(*said, "-w", planted)
    assert (ended.status, ended.err) == (0, "")
    assert ended.json


def test_the_panes_of_a_circuit_have_one(saetui, planted) -> None:
    name = saetui("circuit", "--json", "-w", planted).json[0]["circuit"]
    ended = saetui("circuit", name, "--json", "-w", planted)
    assert ended.status == 0, CIRCUIT
    assert {"nodes", "edges", "curve"} <= set(ended.json)


def test_a_document_marks_the_tokens_on_which_a_feature_fires(saetui, planted) -> None:
    top = saetui("feature", FEATURE, "--json", "-w", planted).json["top_activations"][0]
    found = saetui("feature", FEATURE, "--doc", top["doc"], "--json", "-w", planted).json
    assert dict(zip(found["positions"], found["activations"], strict=True))[top["pos"]] == (
        pytest.approx(top["activation"])
    )
    text = saetui("feature", FEATURE, "--doc", top["doc"], "-w", planted).out
    assert f"«{found['pieces'][top['pos']]}»" in text

    refused = saetui("feature", FEATURE, "--doc", 99_999, "-w", planted)
    assert refused.status == 1
    assert f"{DICT}#140 fires on no profiled token of document 99999" in refused.err


def test_a_feature_that_is_none_has_no_edges_to_look_for(saetui, planted) -> None:
    refused = saetui("edges", f"{DICT}#256", "-w", planted)
    assert (refused.status, refused.out) == (2, "")
    assert f"{DICT} has no feature 256; it has 0 to 255." in refused.err
    assert "There is no dictionary" in saetui("edges", f"{DICT[:-1]}#0", "-w", planted).err
