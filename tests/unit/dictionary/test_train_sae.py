"""``train_sae`` as a whole, on a planted world: what it leaves, and how it stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jobs.dictionary import load
from jobs.kinds import evaluate, profile, train_sae
from jobs.names import Hook, parse_hook
from jobs.specs import Evaluate, Profile, TrainSae
from store import AskedWrongly, SaetuiError, Workspace
from tests.unit.profile.planted import (
    CONTEXT,
    CORPUS,
    D,
    M,
    Running,
    Words,
    World,
    publish_corpus,
    run,
)

NAME = "planted/L0.resid_post/topk-24-k4-s0"
ASKED: dict[str, Any] = {"model": "planted", "corpus": CORPUS, "hooks": ["L0.resid_post"]}
ASKED |= {"d_sae": 24, "k": 4, "tokens": 4000, "batch": 100, "buffer": 400}


class Vocabulary:
    """As much of a tokenizer as two models side by side are asked for."""

    def __init__(self, tokens: dict[str, int]) -> None:
        self.tokens = tokens

    def vocabulary(self) -> dict[str, int]:
        return self.tokens


class Model(World):
    tokenizer = Vocabulary({"w0": 0, "w1": 1})

    def hook(self, text: str | Hook) -> Hook:
        return parse_hook(text) if isinstance(text, str) else text


class Text(Words):
    context = CONTEXT

    def order(self, split: str, seed: int, epoch: int = 0) -> np.ndarray:
        return np.random.default_rng([seed, epoch]).permutation(self.documents(split))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Model:
    model, words = Model(), Text()
    monkeypatch.setattr("jobs.model.load_model", lambda *_, **__: model)
    monkeypatch.setattr("jobs.corpus.open_corpus", lambda *_: words)
    return model


@pytest.fixture
def workspace(tmp_path) -> Workspace:  # type: ignore[no-untyped-def]
    made = Workspace.create(tmp_path / "ws")
    publish_corpus(made, Words())
    return made


def test_a_job_leaves_the_dictionary_its_curve_and_the_models_row(workspace, world) -> None:  # type: ignore[no-untyped-def]
    train_sae.run(TrainSae(**ASKED), Running(workspace, "train_sae-1"))
    assert workspace.dictionaries() == [NAME]
    assert workspace.sql("SELECT model, n_layers, d_model FROM models").fetchall() == [
        ("planted", 1, D)
    ]
    curve = workspace.sql("SELECT fvu FROM training ORDER BY step").fetchall()
    assert curve[-1][0] < curve[0][0]  # it learned


def test_nan_in_the_activations_stops_the_job_and_keeps_its_checkpoint(workspace, world) -> None:  # type: ignore[no-untyped-def]
    context = Running(workspace, "train_sae-1")
    read = world.activations
    calls = iter(range(10**6))

    def breaks_late(tokens: Any, hooks: Any) -> Any:
        world.broken = next(calls) >= 3
        return read(tokens, hooks)

    world.activations = breaks_late
    with pytest.raises(SaetuiError, match=r"blocks\.0\.hook_resid_post are not finite.*step"):
        train_sae.run(TrainSae(**ASKED), context)
    assert not workspace.dictionaries()
    assert list(context.checkpoint.iterdir())
    world.activations, world.broken = read, False
    train_sae.run(TrainSae(**ASKED), context)  # resumed, with a model that is whole again
    assert workspace.dictionaries() == [NAME]


def test_a_second_job_trains_from_the_cache_to_the_same_bytes(
    workspace: Workspace, world: Model
) -> None:
    """A sweep of seeds, one job each: the model runs once."""
    read, asked = world.activations, list[int]()

    def counted(tokens: Any, hooks: Any) -> Any:
        asked.append(len(tokens))
        return read(tokens, hooks)

    world.activations = counted
    kept = {**ASKED, "cache": "1MB", "passes": 2}
    first, second = Running(workspace, "train_sae-1"), Running(workspace, "train_sae-2")
    train_sae.run(TrainSae(**kept, seed=[0]), first)
    passes = len(asked)
    assert passes > 2
    train_sae.run(TrainSae(**kept, seed=[1]), second)
    assert len(asked) == passes + 1, "but for the probe that tells which model it is"
    told = [line for line in second.said if "were there already" in line]
    assert told == [f"activations of {_kept(workspace)}: 4,002 tokens were there already"]
    train_sae.run(
        TrainSae(**ASKED, passes=2, seed=[1], name="plain"), Running(workspace, "train_sae-3")
    )
    a, b = (
        workspace.dictionary(NAME.replace("topk", x).replace("s0", "s1"))
        for x in ("topk", "plain-topk")
    )
    assert a.weights.read_bytes() == b.weights.read_bytes()


def _kept(workspace: Workspace) -> str:
    (about,) = (workspace.root / "cache").glob("*/*/*/about.json")
    return about.parent.relative_to(workspace.root / "cache").as_posix()


def test_a_crosscoder_of_two_layers_is_profiled_source_by_source(
    workspace: Workspace, world: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted model shows the same at every layer, so every feature is shared alike."""
    asked = {**ASKED, "hooks": "L0.resid_pre+L0.resid_post", "architecture": "crosscoder"}
    train_sae.run(TrainSae(**asked | {"tokens": 8000}), Running(workspace, "train_sae-1"))
    (name,) = workspace.dictionaries()
    assert name == "planted/L0.resid_pre+L0.resid_post/crosscoder-24-k4-s0"
    manifest = workspace.dictionary(name).manifest
    assert (manifest["layer"], manifest["site"], manifest["d_in"]) == (0, "resid_pre", 2 * D)
    assert [(one["model"], one["hook"]) for one in manifest["sources"]] == [
        ("planted", "blocks.0.hook_resid_pre"),
        ("planted", "blocks.0.hook_resid_post"),
    ]
    profiling = {"dictionaries": [name], "tokens": 900, "ce_tokens": 80}
    assert run(context := Running(workspace), world, Text(), monkeypatch, **profiling)
    assert "FVU at L0.resid_pre 0." in context.said[-1]
    ((fvu, null, recovered, fvus, recovereds),) = workspace.sql(
        "SELECT fvu, fvu_random, ce_recovered, source_fvu, source_ce_recovered FROM quality "
        "WHERE split = 'held_out'"
    ).fetchall()
    assert fvu < 0.7 * null and recovered > 0.3
    assert fvus == pytest.approx([fvu, fvu], rel=0.02)
    assert recovereds == pytest.approx([recovered, recovered], rel=0.02)
    norms = workspace.sql("SELECT source_norms FROM features WHERE density > 0").fetchall()
    assert all(each == pytest.approx([0.5, 0.5], abs=0.05) for (each,) in norms)
    promoted = workspace.sql("SELECT len(promoted) FROM features LIMIT 1").fetchall()
    assert promoted == [(10,)]
    found = evaluated(workspace, name)
    for place in (None, "L0.resid_pre", "L0.resid_post"):
        value, random = found["fvu", place]
        assert value == pytest.approx(fvu, rel=0.05) and value < random, place
        value, random = found["kl", place]
        assert value < random, place


def evaluated(workspace: Workspace, name: str) -> dict[tuple[str, str | None], tuple[float, float]]:
    """What was measured and about which source: its value, and that of a random dictionary."""
    measures = ["reconstruction", "splice", "coherence"]
    spec = Evaluate(dictionaries=[name], tokens=900, ce_tokens=80, measures=measures)
    evaluate.run(spec, Running(workspace, "evaluate-1"))
    rows = workspace.sql("SELECT measure, about, value, random_dictionary FROM evaluations")
    return {(measure, about): (a, b) for measure, about, a, b in rows.fetchall()}


def test_a_crosscoder_of_two_models_says_what_each_writes(
    workspace: Workspace, world: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other model lacks a third of the directions: features that write them lean away."""
    other = Model()
    other.name, other.strength = "other", other.strength.clone()
    other.strength[:, : M // 3] = 0
    models = {"planted": world, "other": other}
    monkeypatch.setattr("jobs.model.load_model", lambda name, **_: models[name])
    asked = {**ASKED, "architecture": "crosscoder", "other_model": "other", "tokens": 16_000}
    train_sae.run(TrainSae(**asked), Running(workspace, "train_sae-1"))
    (name,) = workspace.dictionaries()
    assert name == "planted+other/L0.resid_post/crosscoder-24-k4-s0"
    sources = workspace.dictionary(name).manifest["sources"]
    assert [one["model"] for one in sources] == ["planted", "other"]
    monkeypatch.setattr("jobs.corpus.open_corpus", lambda *_: Text())
    profile.run(Profile(dictionaries=[name], tokens=900, ce_tokens=80), Running(workspace))
    ((fvus, recovereds),) = workspace.sql(
        "SELECT source_fvu, source_ce_recovered FROM quality WHERE split = 'held_out'"
    ).fetchall()
    assert max(fvus) < 0.5 and min(recovereds) > 0.2
    norms = workspace.sql("SELECT source_norms[1] FROM features ORDER BY feature").fetchall()
    shares = np.array(norms)[:, 0]
    rows = load(workspace, name).by_source(load(workspace, name).W_dec)[:, 0]
    which = (rows @ world.directions.T).argmax(1).numpy()
    assert shares[which < M // 3].mean() > shares[which >= M // 3].mean() + 0.05
    found = evaluated(workspace, name)
    for place in ("L0.resid_post", "L0.resid_post of the other model"):
        for measure in ("fvu", "kl"):
            value, random = found[measure, place]
            assert value < random, (measure, place)


def test_models_that_cannot_share_a_crosscoder(
    workspace: Workspace, world: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Model()
    other.name, other.tokenizer = "other", Vocabulary({"w0": 1, "w1": 0})
    models = {"planted": world, "other": other}
    monkeypatch.setattr("jobs.model.load_model", lambda name, **_: models[name])
    asked = TrainSae(**{**ASKED, "architecture": "crosscoder", "other_model": "other"})
    with pytest.raises(AskedWrongly, match="planted and other have different tokenizers"):
        train_sae.run(asked, Running(workspace, "train_sae-1"))
    other.tokenizer, other.width = world.tokenizer, lambda hook: D // 2  # type: ignore[method-assign]
    with pytest.raises(AskedWrongly, match=r"of one width: L0\.resid_post is 32 wide, .* model 16"):
        train_sae.run(asked, Running(workspace, "train_sae-1"))


def test_a_transcoder_says_what_it_reads_and_is_profiled_by_what_it_writes(
    workspace: Workspace, world: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {**ASKED, "hooks": ["L0.mlp_out"], "architecture": "transcoder", "tokens": 8000}
    train_sae.run(TrainSae(**asked), Running(workspace, "train_sae-1"))
    (name,) = workspace.dictionaries()
    assert name == "planted/L0.mlp_out/transcoder-24-k4-s0"
    manifest = workspace.dictionary(name).manifest
    assert (manifest["hook"], manifest["reads"]) == (
        "blocks.0.hook_mlp_out",
        "blocks.0.mlp.hook_in",
    )
    profiling = {"dictionaries": [name], "tokens": 900, "ce_tokens": 80}
    assert run(Running(workspace), world, Text(), monkeypatch, **profiling)
    ((fvu, null, recovered),) = workspace.sql(
        "SELECT fvu, fvu_random, ce_recovered FROM quality WHERE split = 'held_out'"
    ).fetchall()
    assert fvu < 0.7 * null and recovered > 0.3
    world.token_strings = lambda ids: [f" {'ab'[id % 2]}" for id in ids]  # type: ignore[method-assign]
    monkeypatch.setattr("jobs.corpus.open_corpus", lambda *_: Text(480))
    evaluating = Evaluate(
        dictionaries=[name], tokens=4000, ce_tokens=80, measures=_WITHOUT_TEXTS, batch=4
    )
    evaluate.run(evaluating, Running(workspace, "evaluate-1"))
    rows = workspace.sql("SELECT * FROM evaluations WHERE about IS NULL").pl().to_dicts()
    found = {row["measure"]: row for row in rows}
    assert found["fvu"]["value"] == pytest.approx(fvu, rel=0.3)
    assert found["fvu"]["value"] < 0.7 * found["fvu"]["random_dictionary"]
    assert found["kl"]["value"] < min(
        found["kl"]["mean_ablation"], found["kl"]["random_dictionary"]
    )
    assert 0 < found["concept_f1"]["value"] <= 1 and found["concept_features"]["value"] >= 1
    assert found["absorption"]["value"] is None, "what it writes is not what it reads"
    assert {"kl", "max_cosine", "dense_fraction"} <= found.keys()


_WITHOUT_TEXTS = ["reconstruction", "splice", "density", "coherence", "stability", "concepts"]
