"""The whole job on a world whose features are known, through a real workspace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jobs.dictionary import ARCHITECTURES, load
from store import AskedWrongly, SaetuiError, Workspace
from tests.unit.profile.planted import (
    CORPUS,
    SINK,
    D,
    M,
    Running,
    Words,
    World,
    dictionary,
    parts,
    publish,
    publish_corpus,
    run,
)

NAME = "planted/L0.resid_post/topk-26-k12-s0"
ASKED = {"dictionaries": [NAME], "tokens": 900, "ce_tokens": 80, "top": 6, "neighbors": 4}


def planted(folder: Path) -> tuple[Workspace, World, Words]:
    workspace, world, words = Workspace.create(folder), World(), Words()
    publish(workspace, NAME, dictionary(world))
    publish_corpus(workspace, words)
    return workspace, world, words


@pytest.fixture(scope="module")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, World, Words]:
    workspace, world, words = planted(tmp_path_factory.mktemp("profiled") / "ws")
    with pytest.MonkeyPatch.context() as patch:
        assert run(Running(workspace), world, words, patch, **ASKED)
    return workspace, world, words


@pytest.fixture(scope="module")
def dense(profiled: tuple[Workspace, World, Words]) -> dict[tuple[int, int], np.ndarray]:
    """(doc, pos) → the dictionary's activations there, computed the long way."""
    workspace, world, words = profiled
    made, found = load(workspace, NAME), {}
    query = "SELECT DISTINCT doc FROM activations ORDER BY doc"
    for (doc,) in workspace.sql(query).fetchall():
        import torch

        row = torch.tensor(words.ids[doc, : words.sizes[doc]])[None]
        (x,) = world.activations(row, [None]).values()
        for pos, f in enumerate(made.encode(x[0])):
            if row[0, pos] != SINK:
                found[doc, pos] = f.numpy()
    return found


@pytest.mark.parametrize("own", [CORPUS, None])
def test_text_is_the_dictionarys_own_and_the_workspaces_for_one_that_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    """What the workspace prefers is another corpus, or the one that an imported one lacks."""
    workspace, world, words = Workspace.create(tmp_path / "ws"), World(), Words()
    publish(workspace, NAME, dictionary(world), corpus=own)
    publish_corpus(workspace, words)
    running = Running(workspace)
    if own is None:
        with pytest.raises(AskedWrongly, match="does not say what it was trained on; give corpus"):
            run(running, world, words, monkeypatch, **ASKED)
    workspace.set_defaults(corpus="planted/others" if own else CORPUS)
    assert run(running, world, words, monkeypatch, **ASKED)
    ((corpus,),) = workspace.sql("SELECT DISTINCT corpus FROM top_activations").fetchall()
    assert corpus == CORPUS
    told = [said for said in running.said if "read is the workspace's" in said]
    assert len(told) == (own is None)


def test_every_activation_is_there_once_in_both_layouts(profiled, dense) -> None:  # type: ignore[no-untyped-def]
    workspace, *_ = profiled
    expected = {
        (int(feature), doc, pos): float(f[feature])
        for (doc, pos), f in dense.items()
        for feature in np.flatnonzero(f)
    }
    for table in ("activations", "activations_by_doc"):
        rows = workspace.sql(f"SELECT feature, doc, pos, activation FROM {table}").fetchall()
        assert len(rows) == len(expected)
        for feature, doc, pos, activation in rows:
            assert activation == pytest.approx(expected[feature, doc, pos], rel=1e-4)


def test_features_say_what_their_activations_say(profiled, dense) -> None:  # type: ignore[no-untyped-def]
    workspace, world, _ = profiled
    table = np.stack(list(dense.values()))
    rows = workspace.sql("SELECT * FROM features ORDER BY feature").pl().to_dicts()
    assert [row["feature"] for row in rows] == list(range(M + 2))
    for row in rows[:M]:
        mine = table[:, row["feature"]]
        fires = mine[mine > 0]
        assert row["density"] == pytest.approx(len(fires) / len(table))
        assert row["mean_activation"] == pytest.approx(fires.mean(), rel=1e-4)
        assert row["max_activation"] == pytest.approx(fires.max(), rel=1e-4)
        assert row["decoder_norm"] == pytest.approx(2, rel=1e-4)
        assert sum(row["histogram"]) == len(fires) and len(row["histogram"]) == 32
        strongest = int(world.strength[:, row["feature"]].argmax())
        assert row["promoted"][0]["token"] == f"w{strongest}"
        assert row["promoted"][0]["logit"] >= row["promoted"][-1]["logit"]
        for token in row["top_tokens"]:
            assert world.strength[int(token[1:]), row["feature"]] > 0
    for row in rows[M:]:
        assert row["density"] == 0 and row["max_activation"] is None
        assert row["top_tokens"] == [] and sum(row["histogram"]) == 0


def test_top_activations_point_at_the_tokens_where_it_fires(profiled, dense) -> None:  # type: ignore[no-untyped-def]
    workspace, *_ = profiled
    rows = workspace.sql("SELECT * FROM top_activations ORDER BY feature, rank").pl()
    for row in rows.iter_rows(named=True):
        assert dense[row["doc"], row["pos"]][row["feature"]] == pytest.approx(
            row["activation"], rel=1e-4
        )
    strongest = rows.filter(rows["quantile"].is_null())
    for (feature,), mine in strongest.group_by("feature"):
        assert len(mine) <= 6 and mine["doc"].is_unique().all()
        best = max(float(f[feature]) for f in dense.values())
        assert mine["activation"].max() == pytest.approx(best, rel=1e-4)
    assert rows["quantile"].drop_nulls().is_in([0.9, 0.7, 0.5, 0.3, 0.1]).any()


def test_neighbors_fire_together_as_counted(profiled, dense) -> None:  # type: ignore[no-untyped-def]
    workspace, *_ = profiled
    fires = np.stack(list(dense.values())) > 0
    rows = workspace.sql("SELECT * FROM neighbors").pl()
    assert len(rows) == (M + 2) * 4
    for row in rows.iter_rows(named=True):
        one, two = fires[:, row["feature"]], fires[:, row["other_feature"]]
        union = (one | two).sum()
        if union:
            assert row["coactivation"] == pytest.approx((one & two).sum() / union, rel=1e-5)
        else:
            assert row["coactivation"] is None
        assert row["other_dictionary"] == NAME and abs(row["cosine"]) < 1e-5


def test_quality_of_a_dictionary_that_knows_the_truth(profiled, dense) -> None:  # type: ignore[no-untyped-def]
    workspace, *_ = profiled
    rows = workspace.sql("SELECT * FROM quality ORDER BY split").pl().to_dicts()
    assert [row["split"] for row in rows] == ["held_out", "train"]
    for row, inside in zip(rows, (True, False), strict=True):
        docs = [key for key in dense if (key[0] % 10 == 3) == inside]
        assert row["n_tokens"] == len(docs)
        assert row["l0"] == pytest.approx(np.mean([(dense[key] > 0).sum() for key in docs]))
        assert row["fvu"] < 0.01
        assert row["left_out"] > 0
        assert row["dead_fraction"] == pytest.approx(2 / (M + 2))
    held_out = rows[0]
    assert held_out["fvu_random"] > 20 * held_out["fvu"]
    assert held_out["ce_clean"] < held_out["ce_zero"]
    assert held_out["ce_recovered"] > 0.98
    assert rows[1]["ce_recovered"] is None
    shown = workspace.sql("SELECT fvu, ce_recovered FROM dictionaries").fetchall()
    assert shown == [(held_out["fvu"], held_out["ce_recovered"])]
    assert workspace.sql("SELECT model, d_model FROM models").fetchall() == [("planted", D)]


def test_a_stopped_job_resumes_to_the_same_bytes(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Stopped again and again, wherever it stands; each start does only what is left."""
    monkeypatch.setattr("jobs.dictionary.profile.documents.Reading.chunks.__defaults__", (200,))
    whole, *_ = straight = planted(tmp_path / "straight")
    assert run(Running(whole), *straight[1:], monkeypatch, **ASKED, batch=4)
    broken, *rest = planted(tmp_path / "broken")
    starts = 0
    while not run(Running(broken, stop_after=9), *rest, monkeypatch, **ASKED, batch=4):
        starts += 1
        assert starts < 30
        assert not broken.sql("FROM quality").fetchall()
    assert starts >= 3
    assert parts(broken) == parts(whole)


def test_half_a_chunk_left_by_a_killed_job_is_read_again(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    whole, *rest = planted(tmp_path / "whole")
    assert run(Running(whole), *rest, monkeypatch, **ASKED)
    workspace, *rest = planted(tmp_path / "ws")
    context = Running(workspace)
    (done,) = (whole.root / "jobs").rglob("chunks")
    torn = workspace.root / done.relative_to(whole.root) / ".00000000"
    torn.mkdir(parents=True)
    (torn / "0-0000.parquet").write_bytes(b"PAR1 half of it")
    assert run(context, *rest, monkeypatch, **ASKED)
    assert not torn.exists()
    assert parts(workspace) == parts(whole)


def test_what_another_spec_left_in_the_checkpoint_is_not_taken(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    whole, world, words = planted(tmp_path / "whole")
    second = publish(whole, NAME.replace("k12", "k2"), dictionary(world, k=2))
    assert run(
        Running(whole), world, words, monkeypatch, **ASKED | {"dictionaries": [NAME, second]}
    )
    other, world, words = planted(tmp_path / "other")
    publish(other, second, dictionary(world, k=2))
    stopped = Running(other, stop_after=9)
    turned = ASKED | {"dictionaries": [second, NAME]}
    assert not run(stopped, world, words, monkeypatch, **turned)
    assert run(
        Running(other), world, words, monkeypatch, **ASKED | {"dictionaries": [NAME, second]}
    )
    assert parts(other) == parts(whole)


def test_the_size_of_chunks_changes_no_row(profiled, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    workspace, *_ = profiled
    monkeypatch.setattr("jobs.dictionary.profile.documents.Reading.chunks.__defaults__", (200,))
    monkeypatch.setattr("jobs.dictionary.profile.spill.cut.__defaults__", (300,))
    other, *rest = planted(tmp_path / "ws")
    assert run(Running(other), *rest, monkeypatch, **ASKED)
    logits = ", promoted, suppressed"  # a product of fewer rows is rounded otherwise
    for table, rounded in (
        ("activations", ""),
        ("activations_by_doc", ""),
        ("top_activations", ""),
        ("features", logits),
    ):
        query = f"SELECT * EXCLUDE (dictionary{rounded}) FROM {table} ORDER BY ALL"
        assert other.sql(query).fetchall() == workspace.sql(query).fetchall()


def test_two_dictionaries_of_one_hook_share_the_model_s_forward(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    workspace, world, words = planted(tmp_path / "ws")
    second = publish(workspace, NAME.replace("k12", "k2"), dictionary(world, k=2))
    passes, plain = [], world.activations
    world.activations = lambda *a: passes.append(1) or plain(*a)  # type: ignore[method-assign, func-returns-value]
    alone = Running(workspace)
    assert run(alone, world, words, monkeypatch, **ASKED)
    once = len(passes)
    both = {**ASKED, "dictionaries": [NAME, second]}
    assert run(Running(workspace, "profile-2"), world, words, monkeypatch, **both)
    assert len(passes) == 2 * once
    found = dict(workspace.sql("SELECT dictionary, fvu FROM dictionaries ORDER BY 1").fetchall())
    assert found[second] > 10 * found[NAME]
    assert any("CE recovered" in line for line in alone.said)
    assert alone.shares == sorted(alone.shares) and alone.shares[-1] == 1


def test_a_dictionary_with_any_number_of_active_features(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Rows of a standard dictionary's code differ in length; naming it twice profiles it once."""
    workspace, world, words = planted(tmp_path / "ws")
    made = ARCHITECTURES["standard"](D, M)
    made.W_dec.data, made.encoder.data = world.directions.clone(), world.directions.clone()
    made.b_dec.data, made.b_enc.data[:] = world.mean.clone(), -0.01
    name = publish(workspace, "planted/L0.resid_post/standard-24-s0", made.requires_grad_(False))
    asked = {**ASKED, "dictionaries": [name, name]}
    assert run(Running(workspace), world, words, monkeypatch, **asked)
    ((fvu, l0, recovered),) = workspace.sql(
        "SELECT fvu, l0, ce_recovered FROM quality WHERE split = 'held_out'"
    ).fetchall()
    assert fvu < 0.01 and 1 < l0 < M and recovered > 0.98


def test_refusals_say_what_and_where(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    workspace, world, words = planted(tmp_path / "ws")
    context = Running(workspace)

    def refused(error: type[SaetuiError], *words_of_it: str, **asked: object) -> None:
        with pytest.raises(error) as told:
            run(context, world, words, monkeypatch, **{**ASKED, **asked})
        assert all(word in str(told.value) for word in words_of_it)
        assert not [part for part in parts(workspace) if not part.startswith("models/")]

    refused(AskedWrongly, "planted/L0.resid_post/nope", dictionaries=["planted/L0.resid_post/nope"])
    other = publish(workspace, "other/L0.resid_post/x", dictionary(world), model="other")
    refused(AskedWrongly, "one model", dictionaries=[NAME, other])
    deep = publish(workspace, "planted/L7/x", dictionary(world), hook="blocks.7.hook_resid_post")
    refused(AskedWrongly, "layer 7", "L0.resid_post", dictionaries=[deep])
    monkeypatch.setattr(world, "width", lambda hook: D + 1)
    refused(AskedWrongly, NAME, f"{D}", f"{D + 1}")
    monkeypatch.undo()
    world.broken = True
    refused(SaetuiError, "L0.resid_post", "NaN")
    assert CORPUS in workspace.corpora()
