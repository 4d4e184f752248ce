"""The whole job on a world whose features are known, through a real workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from jobs.context import Cancelled
from jobs.dictionary import Dictionary
from jobs.dictionary.architectures import Crosscoder
from jobs.kinds import evaluate
from jobs.names import Hook
from jobs.specs import Evaluate
from store import AskedWrongly, Workspace
from tests.unit.profile.planted import (
    HOOK,
    D,
    M,
    Running,
    Words,
    World,
    dictionary,
    parts,
    publish,
    publish_corpus,
)

NAME = "planted/L0.resid_post/topk-26-k12-s{}"
NAMES = [NAME.format(seed) for seed in (0, 1)]
ASKED = {
    "dictionaries": NAMES,
    "tokens": 100,
    "ce_tokens": 60,
    "batch": 4,
    "measures": ["reconstruction", "splice", "density", "coherence", "stability", "concepts"],
}


def planted(folder: Path) -> Workspace:
    """Two seeds that found the same directions, in another order."""
    workspace, world = Workspace.create(folder), World()
    publish(workspace, NAMES[0], dictionary(world), seed=0)
    other = dictionary(world)
    order = torch.randperm(M + 2, generator=torch.Generator().manual_seed(0))
    other.W_dec.data, other.encoder.data = other.W_dec[order], other.encoder[order]
    publish(workspace, NAMES[1], other, seed=1)
    publish_corpus(workspace, Words())
    return workspace


def run(
    workspace: Workspace,
    patch: pytest.MonkeyPatch,
    *,
    stop: int = 10**9,
    job: str = "evaluate-1",
) -> Running | None:
    """Runs the kind; None where it was cancelled on the way."""
    patch.setattr("jobs.model.load_model", lambda *_, **__: World(), raising=False)
    patch.setattr("jobs.corpus.open_corpus", lambda *_: Words(), raising=False)
    context = Running(workspace, job, stop_after=stop)
    try:
        evaluate.run(Evaluate.model_validate(ASKED), context)
    except Cancelled:
        return None
    return context


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Running]:
    workspace = planted(tmp_path_factory.mktemp("evaluated") / "ws")
    with pytest.MonkeyPatch.context() as patch:
        context = run(workspace, patch)
    assert context is not None
    return workspace, context


def figures(workspace: Workspace) -> dict[str, dict[str, float]]:
    rows = workspace.sql(
        f"SELECT * FROM evaluations WHERE dictionary = '{NAMES[0]}' AND about IS NULL"
    )
    return {row["measure"]: row for row in rows.pl().to_dicts()}


def test_a_dictionary_that_knows_the_truth_beats_every_control(
    evaluated: tuple[Workspace, Running],
) -> None:
    found = figures(evaluated[0])
    fvu, kl, ce = found["fvu"], found["kl"], found["ce_recovered"]
    assert fvu["low"] <= fvu["value"] <= fvu["high"] < 0.02 < fvu["random_dictionary"] < 1
    assert fvu["mean_ablation"] == 1
    assert kl["value"] < 0.05 < kl["random_dictionary"] < kl["mean_ablation"]
    assert ce["value"] > 0.98
    assert found["l0"]["value"] == pytest.approx(found["l0"]["random_dictionary"], abs=1)
    assert found["dead_fraction"]["value"] == pytest.approx(2 / (M + 2))
    assert found["max_cosine"]["value"] < 0.01 < found["max_cosine"]["random_dictionary"]


def test_two_seeds_that_agree_are_matched_whole(evaluated: tuple[Workspace, Running]) -> None:
    found = figures(evaluated[0])
    alike = M / (M + 2)  # two rows are zero and like nothing
    assert found["seed_cosine"]["value"] == pytest.approx(alike, abs=1e-4)
    assert found["seed_matched_90"]["value"] == pytest.approx(alike)
    assert found["seed_cosine"]["random_dictionary"] < 0.7
    others = evaluated[0].sql("SELECT about FROM evaluations WHERE measure = 'seed_cosine'")
    assert set(others.fetchall()) == {(None,), (NAMES[0],), (NAMES[1],)}


def test_the_dictionaries_show_it_and_the_job_says_it(evaluated: tuple[Workspace, Running]) -> None:
    workspace, context = evaluated
    shown = workspace.sql(
        "SELECT fvu, l0, ce_recovered, dead_fraction FROM dictionaries ORDER BY dictionary"
    ).fetchall()
    found = figures(workspace)
    columns = ("fvu", "l0", "ce_recovered", "dead_fraction")
    assert shown[0] == tuple(found[column]["value"] for column in columns)
    assert any(NAMES[0] in line and "FVU" in line and "random" in line for line in context.said)
    # Two features are dead by design. And the planted model is too sure of itself: cross-entropy
    # falls where noise makes it doubt; KL does not, which is what it is there for.
    worse = {line.partition("dictionary: ")[2] for line in context.said if "no better" in line}
    assert worse == {"dead, CE recovered"}
    assert context.shares == sorted(context.shares) and context.shares[-1] == 1


def test_a_stopped_job_resumes_to_the_same_bytes(
    evaluated: tuple[Workspace, Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, starts = planted(tmp_path / "ws"), 0
    while run(broken, monkeypatch, stop=12) is None:
        starts += 1
        assert starts < 40
        assert not broken.sql("FROM evaluations").fetchall()
    assert starts >= 3
    assert parts(broken) == parts(evaluated[0])


def test_what_was_not_asked_for_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = planted(tmp_path / "ws")
    monkeypatch.setitem(ASKED, "measures", ["coherence"])
    assert run(workspace, monkeypatch)
    measures = workspace.sql("SELECT DISTINCT measure FROM evaluations").fetchall()
    assert measures == [("max_cosine",)]
    assert workspace.sql("SELECT fvu FROM dictionaries").fetchall() == [(None,), (None,)]


def test_what_a_later_evaluation_does_not_measure_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, shown = planted(tmp_path / "ws"), "SELECT fvu, l0, dead_fraction FROM dictionaries"
    monkeypatch.setitem(ASKED, "measures", ["reconstruction"])
    assert run(workspace, monkeypatch)
    before, quality = figures(workspace), workspace.sql(shown).fetchall()
    for number, measure in ((2, "coherence"), (3, "density"), (4, "coherence")):
        monkeypatch.setitem(ASKED, "measures", [measure])
        context = run(workspace, monkeypatch, job=f"evaluate-{number}")
    assert context is not None
    after = figures(workspace)
    assert workspace.sql(shown).fetchall() == quality and None not in quality[0]
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"dense_fraction", "max_cosine"}
    (newest,) = (
        run.manifest for run in workspace.catalog().live("evaluations") if run.scope == NAMES[0]
    )
    jobs = {measure: origin["job"] for measure, origin in newest["kept"].items()}
    assert jobs["fvu"] == "evaluate-1" and jobs["dense_fraction"] == "evaluate-3"
    assert "max_cosine" not in jobs
    (said,) = (line for line in context.said if NAMES[0] in line and "stay as" in line)
    assert said.endswith("stay as evaluate-1, evaluate-3 measured them")


def test_dictionaries_of_two_models_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = planted(tmp_path / "ws")
    other = publish(workspace, "other/L0.resid_post/x", dictionary(World()), model="other")
    monkeypatch.setitem(ASKED, "dictionaries", [NAMES[0], other])
    with pytest.raises(AskedWrongly, match="evaluate dictionaries of one model at a time"):
        run(workspace, monkeypatch)


SECOND = Hook(0, "mlp_out")
NOTES = [{"model": "planted", "revision": None, "hook": hook.name} for hook in (HOOK, SECOND)]


class TwoPlaces(World):
    """Shows at a second hook the same sums, ten times as long; the logits read what is at both."""

    def activations(self, tokens: Tensor, hooks: list[Hook]) -> dict[Hook, Tensor]:
        x = self._x(tokens)
        return {hook: 10 * x if hook == SECOND else x for hook in hooks}

    def hook(self, text: Hook) -> Hook:
        return text

    def logits(self, tokens: Tensor, edits: Mapping[Hook, Any] | None = None) -> Tensor:
        at, edits = self.activations(tokens, [HOOK, SECOND]), edits or {}
        x, y = (edits.get(hook, lambda x: x)(at[hook]) for hook in (HOOK, SECOND))
        mean = (x + y / 10) / 2
        return super().logits(tokens, {HOOK: lambda _: mean})


def true_crosscoder(world: World) -> Dictionary:
    """The true directions at both places, each source's half of what a feature writes."""
    rows = world.directions
    made = Crosscoder(2 * D, M, 12, n_sources=2)
    made.encoder.data = torch.cat([rows / 2, rows / 20], 1)
    made.W_dec.data = torch.cat([rows, 10 * rows], 1)
    made.b_dec.data = torch.cat([world.mean, 10 * world.mean])
    made.threshold.data.fill_(0.2)
    made.source_scale.data = torch.tensor([1.0, 0.1])
    return made.requires_grad_(False)


def test_a_crosscoder_is_measured_whole_and_source_by_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, name = Workspace.create(tmp_path / "ws"), "planted/L0.resid_post+L0.mlp_out/cc-s{}"
    about = {"architecture": "crosscoder", "sources": NOTES}
    names = [
        publish(workspace, name.format(seed), true_crosscoder(World()), seed=seed, **about)
        for seed in (0, 1)
    ]
    publish_corpus(workspace, Words())
    monkeypatch.setitem(ASKED, "dictionaries", names)
    monkeypatch.setattr("tests.unit.quality.test_evaluate.World", TwoPlaces)
    assert run(workspace, monkeypatch)
    rows = workspace.sql(f"FROM evaluations WHERE dictionary = '{names[0]}'").pl().to_dicts()
    found = {(row["measure"], row["about"]): row for row in rows}
    for place in (None, "L0.resid_post", "L0.mlp_out"):
        for measure in ("fvu", "kl"):
            row = found[measure, place]
            assert row["value"] < 0.1 * row["random_dictionary"], (measure, place)
        assert ("ce_recovered", place) in found
    assert found["fvu", None]["value"] < 0.02 and found["fvu", "L0.mlp_out"]["value"] < 0.02
    assert found["seed_cosine", None]["value"] == pytest.approx(1, abs=1e-4)
