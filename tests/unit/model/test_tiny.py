"""``tiny``: the same bytes every time, and what it has learned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.model import load_model
from jobs.model.tiny import RECIPE, Recipe, accuracies, tiny_folder
from jobs.model.tiny.made import ACCURACIES, told

QUICK = Recipe(n_layers=1, d_model=16, n_heads=2, d_mlp=16, steps=3, batch=2, context=32)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_training_again_gives_the_same_bytes(own_cache: Path) -> None:
    said: list[str] = []
    folder = tiny_folder(said.append, QUICK)
    before = (folder / "model.safetensors").read_bytes()
    assert "once" in said[0] and said[-1].startswith("Trained tiny in")
    (folder / "model.safetensors").unlink()
    folder.rename(folder.with_name("away"))
    assert (tiny_folder(said.append, QUICK) / "model.safetensors").read_bytes() == before


def test_what_was_made_is_found_again(own_cache: Path) -> None:
    folder = tiny_folder(lambda message: None, QUICK)
    said: list[str] = []
    assert tiny_folder(said.append, QUICK) == folder and said == []


def test_another_recipe_is_another_model() -> None:
    assert replace(RECIPE, seed=1).fingerprint() != RECIPE.fingerprint()


def test_accuracies_stand_beside_chance(own_cache: Path) -> None:
    folder = tiny_folder(lambda message: None, QUICK)
    about = json.loads((folder / ACCURACIES).read_text())
    assert about["accuracies"]["attractor"]["chance"] == 0.5
    assert about["accuracies"]["bracket"]["chance"] == pytest.approx(1 / 3)
    assert about["accuracies"]["induction"]["chance"] == pytest.approx(1 / 40)
    assert "attractor" in told(about) and "(0.50)" in told(about)


@pytest.mark.slow
def test_tiny_has_learned_the_grammar() -> None:
    """Trains tiny on the first run on a machine (a minute or two); cached from then on."""
    model = load_model("tiny")
    found = {a.kind: a for a in accuracies(model._plain, n_texts=200, seed="test")}
    for kind, least in {
        "agreement": 0.95,
        "attractor": 0.95,
        "relative_clause": 0.95,
        "pronoun": 0.95,
        "pronoun_attractor": 0.95,
        "bracket": 0.9,
        "handing": 0.9,
        "induction": 0.9,
    }.items():
        assert found[kind].right >= least > found[kind].chance + 0.3, found[kind]
        assert found[kind].places >= 50
