"""The whole job through a real workspace: what it publishes, how it resumes, what it refuses."""

from __future__ import annotations

import shlex
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from jobs.context import Cancelled, DirectContext
from jobs.kinds import ablate
from jobs.parse import parse, parse_words, shell_command
from jobs.specs import Ablate
from store import AskedWrongly, Workspace
from tests.unit.causal import small

ASKED = {
    "dictionaries": ["late", "early", "latest"],
    "features": ["early#0", "late#5", "early#3"],
    "nulls": 3,
    "tokens": 800,
    "per_source": 5,
    "batch": 8,
}


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("ablate")
    small.models(folder / "model", ())
    return small.workspace(folder / "ws", folder / "model")


def ablated(ws: Workspace, job: str, **asked: Any) -> DirectContext:
    spec = Ablate.model_validate({**ASKED, **asked})
    context = DirectContext(ws, spec, job)
    ablate.run(spec, context)
    return context


def edges(ws: Workspace, job: str) -> pl.DataFrame:
    return ws.sql(f"SELECT * FROM edges WHERE run = '{job}'").pl()


def test_every_target_behind_a_source_is_measured(ws: Workspace) -> None:
    context = ablated(ws, "all", top=10_000)
    (row,) = ws.sql("SELECT * FROM edge_runs WHERE run = 'all'").pl().to_dicts()
    # L0.resid_post: two dictionaries, 2 · (4 heads + MLP), the prediction; L1.mlp_out: one, 1 · 5
    assert row["n_tested"] == 2 * (2 * small.M + 10 + 1) + small.M + 5 + 1
    assert row["n_sources"] == 3 and row["n_silent"] == 0 and row["nulls"] == 3
    assert row["model"].endswith("model") and row["contexts"] == ws.corpora()[0]
    found = edges(ws, "all")
    assert row["n_edges"] == len(found) and row["n_significant"] == found["significant"].sum()
    early = found.filter(source_dictionary="early")
    assert set(early["target_dictionary"]) == {"late", "latest", None}
    assert set(found.filter(source_dictionary="late")["target_dictionary"]) == {"latest", None}
    heads = early.filter(pl.col("target_component").is_not_null(), source_feature=0)
    assert sorted(heads["target_component"]) == sorted(
        [f"L{layer}.{part}" for layer in (1, 2) for part in ("H0", "H1", "H2", "H3", "mlp")]
    )
    metric = pl.col("target_dictionary").is_null() & pl.col("target_component").is_null()
    assert len(found.filter(metric)) == 3
    assert (found["n"] == 5).all() and set(found["method"]) == {"zero"}
    inside = found.filter(pl.col("low") <= pl.col("effect"), pl.col("effect") <= pl.col("high"))
    assert len(inside) > 0.95 * len(found)
    mean = (found["direction_effect"] + found["matched_effect"]) / 2
    assert (found["null_effect"] - mean).abs().max() < 1e-9
    assert (found["p_value"] <= found["q_value"] + 1e-12).all()
    assert any("pairs count at a false discovery rate of 0.05" in line for line in context.said)


def test_the_edges_furthest_from_chance_are_published_and_the_prediction_always(
    ws: Workspace,
) -> None:
    ablated(ws, "few", features=["early#0"], top=4)
    ablated(ws, "many", features=["early#0"], top=10_000)
    few, many = edges(ws, "few"), edges(ws, "many")
    metric = pl.col("target_dictionary").is_null() & pl.col("target_component").is_null()
    assert 4 <= len(few) <= 5 and len(few.filter(metric)) == 1
    features = pl.col("target_dictionary").is_not_null()
    kept, every = few.filter(features)["p_value"], many.filter(features)["p_value"]
    assert kept.sort().to_list() == every.sort()[: len(kept)].to_list()
    same = [c for c in few.columns if c.startswith("target")] + ["effect", "p_value"]
    assert few.join(many, on=same, nulls_equal=True).height == len(few)


@pytest.mark.parametrize("ablation", ["mean", "resample"])
def test_other_values_may_stand_in(ws: Workspace, ablation: str) -> None:
    ablated(ws, ablation, ablation=ablation, components=False, nulls=0)
    found = edges(ws, ablation)
    assert set(found["method"]) == {ablation} and found["target_component"].is_null().all()
    assert found["q_value"].is_null().all() and found["significant"].is_null().all()
    assert found["null_effect"].is_null().all() and found["low"].is_not_null().all()


def test_features_may_be_chosen_by_sql_and_contexts_too(ws: Workspace) -> None:
    slice_ = "SELECT corpus, doc FROM documents WHERE doc % 3 = 0 AND len(tokens) > 4"
    raw = parse_words(
        [
            "dictionaries=early,late",
            "select=SELECT 'early' AS dictionary, unnest([3, 4]) AS feature",
            f"contexts={slice_}",
            "nulls=0",
        ]
    )
    (spec,) = parse("ablate", raw)  # the commas of SQL make no sweep
    assert isinstance(spec, Ablate) and spec.contexts == slice_
    words = parse_words(shlex.split(shell_command(spec))[3:])
    assert parse("ablate", words) == [spec]
    ablate.run(spec, DirectContext(ws, spec, "sql"))
    (row,) = ws.sql("SELECT * FROM edge_runs WHERE run = 'sql'").pl().to_dicts()
    wanted = ws.sql(f"SELECT count(*) FROM ({slice_})").fetchall()[0][0]
    assert row["n_documents"] == wanted and row["contexts"] == slice_
    assert set(edges(ws, "sql")["source_feature"]) == {3, 4}


def test_how_far_behind_a_firing_effects_are_measured(ws: Workspace) -> None:
    """Where it fires, unless more is asked for; of prompts everywhere behind, to the answer."""
    asked = {"features": ["early#3"], "components": False, "nulls": 0, "top": 9}
    for reach in (None, 0, 2, 1000):
        ablated(ws, f"reach-{reach}", reach=reach, **asked)
    found = {reach: edges(ws, f"reach-{reach}").drop("run").rows() for reach in (None, 0, 2, 1000)}
    assert found[None] == found[0] != found[2] != found[1000]
    asked |= {"task": "agreement", "limit": 30, "force": True}
    for reach in (None, 1000):
        ablated(ws, f"prompts-{reach}", reach=reach, **asked)
    one, other = (edges(ws, f"prompts-{reach}").drop("run").rows() for reach in (None, 1000))
    assert one == other


def test_a_task_gives_prompts_their_counterparts_and_its_metric(ws: Workspace) -> None:
    asked = {"task": "agreement", "limit": 40, "force": True, "components": False, "nulls": 0}
    for ablation in ("zero", "resample"):
        context = ablated(ws, f"task-{ablation}", ablation=ablation, **asked)
        (row,) = ws.sql(f"SELECT * FROM edge_runs WHERE run = 'task-{ablation}'").pl().to_dicts()
        assert row["contexts"] == "agreement" and 0 < row["n_documents"] < 40
        assert any("logit difference" in line for line in context.said)
    one, other = (edges(ws, f"task-{ablation}") for ablation in ("zero", "resample"))
    metric = pl.col("target_dictionary").is_null()
    effects = [found.filter(metric)["effect"].to_list() for found in (one, other)]
    assert effects[0] != effects[1] and any(effects[0])


def test_a_slice_of_places_has_no_counterparts(ws: Workspace) -> None:
    places = "sql:SELECT corpus, doc, 5 AS pos FROM documents WHERE len(tokens) > 8"
    asked = {"task": places, "limit": 30, "components": False, "nulls": 0, "force": True}
    assert "this task has none; ask for ablation=mean or zero" in refused(
        ws, ablation="resample", **asked
    )
    ablated(ws, "places", ablation="mean", **asked)
    metric = pl.col("target_dictionary").is_null()
    assert edges(ws, "places").filter(metric)["effect"].min() >= 0  # a divergence


def test_a_feature_that_fires_nowhere_is_told(ws: Workspace) -> None:
    made = small.dictionary(32, 5)
    made.b_enc.data[7] = -1e6
    small.publish_dictionary(ws, "half", made, "L0.resid_post", small.model_of(ws))
    context = ablated(ws, "silent", dictionaries=["half", "late"], features=["half#7", "half#1"])
    (row,) = ws.sql("SELECT * FROM edge_runs WHERE run = 'silent'").pl().to_dicts()
    assert row["n_silent"] == 1 and set(edges(ws, "silent")["source_feature"]) == {1}
    assert "1 of 2 features fire nowhere in what was read; tokens=… reads more" in context.said
    context = ablated(ws, "silence", dictionaries=["half", "late"], features=["half#7"])
    assert "the feature fires nowhere" in " ".join(context.said) and not len(edges(ws, "silence"))


def test_a_cancelled_job_ends_as_an_undisturbed_one(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablate, "GROUP", 40)
    ablated(ws, "whole")
    spec = Ablate.model_validate(ASKED)
    for calls in (1, 6, 11):
        context = DirectContext(ws, spec, "stopped")
        left = iter(range(calls))
        monkeypatch.setattr(context, "cancelled", lambda left=left: next(left, None) is None)
        with pytest.raises(Cancelled):
            ablate.run(spec, context)
    ablated(ws, "stopped")
    one, other = (edges(ws, job).drop("run") for job in ("whole", "stopped"))
    assert one.equals(other) and len(one) > 100
    runs = ws.sql("SELECT run, forward_passes FROM edge_runs WHERE run IN ('whole', 'stopped')")
    assert len({passes for _, passes in runs.fetchall()}) == 1


def refused(ws: Workspace, *, beforehand: bool = False, **asked: Any) -> str:
    spec = Ablate.model_validate({**ASKED, **asked})
    context = DirectContext(ws, spec, "refused")
    with pytest.raises(AskedWrongly) as told:
        spec.check(ws) if beforehand else ablate.run(spec, context)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_what_cannot_be_ablated_is_told_in_a_sentence(ws: Workspace) -> None:
    folder = small.model_of(ws)
    small.publish_dictionary(
        ws, "else/a", small.dictionary(32, 9), "L1.mlp_out", folder.parent / "another"
    )
    for beforehand in (True, False):
        assert "is of model" in refused(
            ws, beforehand=beforehand, dictionaries=["early", "else/a"], features=["early#0"]
        )
        assert "early has no feature 24; it has 0 to 23." in refused(
            ws, beforehand=beforehand, features=["early#24"]
        )
        assert "No dictionary comes after latest (L2.resid_mid)" in refused(
            ws, beforehand=beforehand, features=["latest#0"], components=False
        )
    assert "did you mean agreement" in refused(ws, beforehand=True, task="agrement")
    nothing = {"features": [], "select": "SELECT 'early' AS dictionary, 1 AS feature WHERE false"}
    assert "The SQL of select gives no rows" in refused(ws, **nothing)
    assert "it needs dictionary and feature, and feature is missing" in refused(
        ws, features=[], select="SELECT 'early' AS dictionary"
    )
    assert "which is not among dictionaries=…" in refused(
        ws, features=[], select="SELECT 'half' AS dictionary, 1 AS feature"
    )
    assert "The SQL of contexts gives no rows" in refused(
        ws, contexts="SELECT corpus, doc FROM documents WHERE doc < 0"
    )
    assert "contexts gives document 1000000" in refused(
        ws, contexts="SELECT corpus, 1000000 AS doc FROM documents LIMIT 1"
    )
    assert "has no profile" in refused(ws, features=[], density=0.1)
    assert "There is no cluster run 'gone'" in refused(ws, features=[], cluster="gone#1")
    rows = {"run": "groups", "dictionary": "half", "feature": [0, 1], "cluster": [3, 3]}
    rows |= {"membership": 1.0, "x": 0.0, "y": 0.0}
    with ws.publish_table("clusters", run="groups") as out:
        out.write(pl.DataFrame(rows))
    assert "Cluster groups#3 is of half, which is not among" in refused(
        ws, features=[], cluster="groups#3"
    )
    assert "Cluster run groups has no cluster 4." in refused(ws, features=[], cluster="groups#4")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"features": []}, "which features are to be ablated"),
        ({"density": 0.1}, "features and density both say which"),
        ({"corpus": "docs:", "task": "ioi"}, "corpus and task both say what to read"),
        ({"features": ["early"]}, "features=early is none; write DICT#7"),
        ({"nulls": 1}, "give 2 or more, or 0"),
    ],
)
def test_what_means_nothing_is_refused_at_once(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Ablate.model_validate({**ASKED, **asked})
