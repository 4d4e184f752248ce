"""The whole job through a real workspace: what it publishes, how it resumes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from pydantic import ValidationError

from jobs.causal import edges
from jobs.causal.nodes import Base, Nodes
from jobs.context import Cancelled, DirectContext
from jobs.kinds import circuit, circuit_ground, import_sae
from jobs.model import load_model
from jobs.parse import parse, parse_words, shell_command
from jobs.specs import Circuit, ImportSae
from store import AskedWrongly, Workspace
from tests.unit.causal import small

TABLES = ("circuit_nodes", "circuit_edges", "circuit_curve", "circuit_prompts")


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("circuit")
    small.models(folder / "model", ())
    ws = small.workspace(folder / "ws", folder / "model", tokens=600)
    write_task(folder / "task.jsonl", folder / "model")
    return ws


def write_task(path: Path, model: Path, n: int = 24, t: int = 6) -> None:
    """Random prompts that differ in one token; the answers are what the model itself says."""
    draw = torch.Generator().manual_seed(0)
    clean = torch.randint(1, 400, (8 * n, t), generator=draw)
    corrupt = clean.clone()
    corrupt[:, 2] = torch.randint(1, 400, (8 * n,), generator=draw)
    own = load_model(str(model))
    answer, wrong = (own.logits(tokens)[:, -1].argmax(1) for tokens in (clean, corrupt))
    rows = [
        {"clean": c.tolist(), "corrupt": k.tolist(), "answer": int(a), "wrong": int(w)}
        for c, k, a, w in zip(clean, corrupt, answer, wrong, strict=True)
        if a != w
    ]
    assert len(rows) >= n
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:n]))


def asked(ws: Workspace, **more: Any) -> Circuit:
    usual = {
        "task": str(ws.root.parent / "task.jsonl"),
        "dictionaries": ["early", "late"],
        "method": "atp",
        "sizes": [1, 4, 16],
        "exact": 2,
        "edges": 4,
        "bootstrap": 20,
        "steps": 4,
    }
    return Circuit.model_validate({**usual, **more})


def searched(ws: Workspace, job: str, **more: Any) -> DirectContext:
    spec = asked(ws, **more)
    context = DirectContext(ws, spec, job)
    circuit.run(spec, context)
    return context


def table(ws: Workspace, name: str, job: str) -> pl.DataFrame:
    return ws.sql(f"SELECT * FROM {name} WHERE circuit = '{job}'").pl()


def test_a_circuit_is_published_with_its_scores(ws: Workspace) -> None:
    searched(ws, "features")
    (row,) = table(ws, "circuits", "features").to_dicts()
    n = 2 * (small.M + 1)
    assert (row["n_nodes"], row["method"], row["nodes"]) == (n, "atp", "features")
    assert row["forward_passes"] == row["backward_passes"] == row["n_search"]
    assert row["n_search"] + row["n_held_out"] <= 24 and row["accuracy"] == 1
    assert row["cmd_low"] <= row["cmd"] <= row["cmd_high"]
    curve = table(ws, "circuit_curve", "features").filter(prompts="held_out").sort("n_nodes")
    assert curve["n_nodes"].to_list() == [0, 1, 2, 4, 5, 10, 16, 25, n]
    assert curve["faithfulness"][0] == 0 and curve["faithfulness"][-1] == 1
    assert curve["completeness"][0] == 1 and curve["completeness"][-1] == 0
    nodes = table(ws, "circuit_nodes", "features").sort("rank")
    assert len(nodes) == 16 and nodes["effect"].abs().is_sorted(descending=True)
    assert nodes["exact"].is_not_null().sum() == 2
    assert nodes["stability"].is_between(0, 1).all()
    features = nodes.filter(pl.col("dictionary").is_not_null())
    assert (features["node"] == features["dictionary"] + "#" + features["feature"].cast(str)).all()
    found = table(ws, "circuit_edges", "features")
    assert set(found["source"]) <= {*nodes["node"][:4], "embed"}
    assert "logits" in set(found["target"])
    assert curve["n_edges"][-1] == len(found)
    prompts = table(ws, "circuit_prompts", "features")
    assert len(prompts) == row["n_search"] + row["n_held_out"]
    assert (prompts["clean_score"] > prompts["corrupt_score"]).mean() > 0.9


def test_the_tokens_lead_to_the_nodes_of_the_first_site_with_all_that_these_do(
    ws: Workspace,
) -> None:
    """Behind the whole residual stream of `early` nothing gets past it to `late`. `atp` estimates a
    node by the gradient, as it does an edge.
    """
    searched(ws, "tokens", edges=2 * (small.M + 1))
    nodes = table(ws, "circuit_nodes", "tokens").filter(pl.col("effect") != 0)
    own = {row["node"]: row["effect"] for row in nodes.to_dicts() if "early" in row["node"]}
    found = table(ws, "circuit_edges", "tokens").filter(source="embed")
    edges = dict(found.select("target", "effect").iter_rows())
    assert len(own) > 3 and all(name.startswith("early#") for name in edges)
    assert {name: edges[name] for name in own} == pytest.approx(own, abs=1e-5)
    assert found["stability"].is_between(0, 1).all()


@pytest.mark.parametrize("method", ["ig", "relp", "acdc", "mask", "cascade", "random"])
def test_every_method_is_scored_alike(ws: Workspace, method: str) -> None:
    searched(ws, method, method=method, edges=2)
    (row,) = table(ws, "circuits", method).to_dicts()
    assert row["method"] == method and row["seconds"] >= 0
    last = table(ws, "circuit_curve", method).sort("n_nodes")[-1]
    assert last["faithfulness"][0] == 1


@pytest.mark.parametrize(
    ("nodes", "names"),
    [("components", r"L\d\.(H\d|mlp)"), ("neurons", r"L\d\.\w+#\d+"), ("features", r".*#.*@\d")],
)
def test_heads_neurons_and_positions_are_nodes_too(ws: Workspace, nodes: str, names: str) -> None:
    more: dict[str, Any] = {"nodes": nodes, "per_position": nodes == "features"}
    if nodes == "components":
        more |= {"dictionaries": [], "model": str(small.model_of(ws))}
    searched(ws, f"by-{nodes}", **more)
    found = table(ws, "circuit_nodes", f"by-{nodes}")["node"]
    assert found.str.contains(f"^{names}$").all()


@pytest.mark.parametrize(
    ("method", "metric", "way"),
    [
        ("atp", "logit_diff", "slope"),
        ("acdc", "logit_diff", "exact"),
        ("ig", "kl", "exact"),  # where nothing is ablated it has no slope
        ("shapley", "kl", "along"),
        ("cascade", "logit_diff", "along"),
    ],
)
def test_edges_are_measured_as_the_method_has_it(
    ws: Workspace, method: str, metric: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for = []

    measure = edges.edges

    def noted(*args: Any, **more: Any) -> Any:
        asked_for.append(more["way"])
        return measure(*args, **more)

    monkeypatch.setattr(edges, "edges", noted)
    searched(ws, f"{method}-{metric}-edges", method=method, metric=metric, edges=2, exact=0)
    assert asked_for == [way]


def test_clusters_are_nodes_and_what_is_in_none_stands_alone(ws: Workspace) -> None:
    publish_clusters(ws)
    searched(ws, "by-clusters", nodes="clusters", clusters="groups", sizes=[50])
    names = set(table(ws, "circuit_nodes", "by-clusters")["node"])
    assert {"groups#0", "groups#1", "early#error", "late#error", "late#23"} <= names
    assert "early#0" not in names and "late#0" not in names
    context = searched(ws, "coarse", method="acdc", clusters="groups", exact=0, edges=1)
    # Two clusters, sixteen features of none, two errors; families that never move need no test.
    (said,) = [line for line in context.said if "tests of" in line]
    assert int(said.split(" tests of ")[1].split()[0]) <= 20


def test_shuffled_clusters_are_as_large_and_hold_others(ws: Workspace) -> None:
    """The control of a search over clusters: the same number of groups, features and hooks."""
    publish_clusters(ws)
    searched(ws, "by-chance", nodes="shuffled", clusters="groups", sizes=[50])
    (row,) = table(ws, "circuits", "by-chance").to_dicts()
    assert (row["nodes"], row["n_nodes"]) == ("shuffled", 20)
    names = set(table(ws, "circuit_nodes", "by-chance")["node"])
    assert {"shuffled groups#0", "shuffled groups#1", "early#error", "late#23"} <= names


def test_dealing_anew_keeps_how_many_features_of_each_dictionary_a_group_has() -> None:
    bases = [Base(f"{d}#{i}", d, 0, d, i) for d in ("early", "late") for i in range(small.M)]
    nodes = Nodes([*bases, Base("late#error", "late", 0)], ())
    own = torch.arange(small.M)
    label = torch.cat([own // 8, torch.where(own < 16, own // 16, 3 + own), torch.tensor([99])])
    dealt = circuit_ground.shuffled(label, nodes, seed=0)
    for part in (slice(0, 24), slice(24, 48)):
        assert torch.equal(dealt[part].sort().values, label[part].sort().values)
    assert not torch.equal(dealt[:24], label[:24])
    assert torch.equal(dealt[40:], label[40:])  # alone in their groups, as before


def publish_clusters(ws: Workspace) -> None:
    """Features 0 to 7 of both dictionaries in cluster 0, 8 to 15 in cluster 1, others in none."""
    rows = [
        {
            "run": "groups", "dictionary": name, "feature": feature, "membership": 1.0,
            "cluster": feature // 8 if feature < 16 else -1, "x": 0.0, "y": 0.0,
        }
        for name in ("early", "late")
        for feature in range(small.M)
    ]  # fmt: skip
    types = {"feature": pl.UInt32, "cluster": pl.Int32, "membership": pl.Float32}
    types |= {"x": pl.Float32, "y": pl.Float32}
    with ws.publish_table("clusters", run="groups", manifest={"inputs": ["early", "late"]}) as out:
        out.write(pl.DataFrame(rows, schema_overrides=types).to_arrow())


def stopped_at_every_part(ws: Workspace, spec: Circuit) -> None:
    """Runs the job "stopped", which is stopped after every part of its work; what it publishes is
    what the job "whole" did.
    """
    stopped = 0
    while True:
        context = DirectContext(ws, spec, "stopped")
        there = len(list(context.checkpoint.rglob("*.npz")))

        def cancelled(context: DirectContext = context, there: int = there) -> bool:
            return len(list(context.checkpoint.rglob("*.npz"))) > there

        context.cancelled = cancelled  # type: ignore[method-assign]
        try:
            circuit.run(spec, context)
            break
        except Cancelled:
            stopped += 1
    assert stopped >= 4
    for name in TABLES:
        ours, theirs = (table(ws, name, job).drop("circuit") for job in ("stopped", "whole"))
        assert ours.equals(theirs), name


def test_a_stopped_search_goes_on_to_the_same(ws: Workspace) -> None:
    """Stopped at every part of the work in turn, it ends as if it had not been."""
    more: dict[str, Any] = {"method": "cascade", "edges": 2}
    searched(ws, "whole", **more)
    stopped_at_every_part(ws, asked(ws, **more))
    ours, theirs = (table(ws, "circuits", job).to_dicts()[0] for job in ("stopped", "whole"))
    for key in ("forward_passes", "backward_passes", "cmd", "cmd_low"):
        assert ours[key] == theirs[key]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"dictionaries": []}, "needs dictionaries"),
        ({"nodes": "clusters"}, "needs clusters=RUN"),
        ({"nodes": "components"}, "leave dictionaries out"),
        ({"nodes": "components", "dictionaries": []}, "needs model="),
        ({"nodes": "neurons", "clusters": "x"}, "nodes=neurons are none"),
        ({"metric": "kl"}, "metric=kl is flat there"),
        ({"flat": True}, "belongs to acdc"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(
    ws: Workspace, more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        asked(ws, **more)


def looked_at(ws: Workspace, **more: Any) -> None:
    """As when a job is asked for."""
    spec = asked(ws, **more)
    spec.check(ws)
    spec.check_rows(ws)


def test_what_the_workspace_shows_is_refused_at_once(ws: Workspace) -> None:
    publish_clusters(ws)
    with ws.publish_table("clusters", run="other", manifest={"inputs": ["latest"]}):
        pass
    for more, sentence in (
        ({"model": "tiny"}, "early is of model .*, not of tiny"),
        ({"clusters": "gropus"}, "did you mean groups"),
        ({"task": "agreemnet"}, "did you mean agreement"),
        ({"clusters": "other"}, "Cluster run other is of latest, none of which"),
    ):
        with pytest.raises(AskedWrongly, match=sentence):
            looked_at(ws, **more)


def test_what_a_task_does_not_allow_is_refused(ws: Workspace) -> None:
    bare = ws.root.parent / "bare.jsonl"
    lines = (ws.root.parent / "task.jsonl").read_text().splitlines()
    rows = [{**json.loads(line), "corrupt": None} for line in lines]
    bare.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(AskedWrongly, match="takes values from corrupt prompts"):
        searched(ws, "bare", task=str(bare))
    with pytest.raises(AskedWrongly, match="needs a model whose circuit is known"):
        searched(ws, "untrue", method="truth")


def test_a_list_of_methods_makes_a_job_each() -> None:
    words = "task=ioi model=tiny nodes=components method=atp,random seed=0,1 sizes=5,10"
    specs = parse("circuit", parse_words(words.split()))
    assert [(spec.method, spec.seed) for spec in specs] == [  # type: ignore[attr-defined]
        ("atp", 0), ("atp", 1), ("random", 0), ("random", 1),
    ]  # fmt: skip
    (again,) = parse("circuit", parse_words(shell_command(specs[0]).split()[3:]))
    assert again == specs[0]


@pytest.mark.parametrize(
    ("method", "node", "edge"), [("cascade", 0.99, 0.95), ("truth", 1.0, 0.95), ("random", 0, 0)]
)
def test_on_a_model_whose_circuit_is_known(
    ws: Workspace, method: str, node: float, edge: float
) -> None:
    more: dict[str, Any] = {"dictionaries": [], "model": "truth:ioi", "nodes": "components"}
    job = f"known-{method}"
    searched(ws, job, task="truth:ioi", method=method, limit=32, edges=8, steps=10, **more)
    (row,) = table(ws, "circuits", job).to_dicts()
    assert row["node_auc"] >= node and row["edge_auc"] >= edge
    if method == "random":
        assert row["node_auc"] < 0.9 and row["edge_auc"] < 0.9
    if method == "truth":
        assert row["nodes_for_80"] <= 4


def features_of(ws: Workspace, truth: str, *hooks: str) -> list[str]:
    """Its dictionaries, imported under names of their own."""
    for hook in hooks:
        spec = ImportSae(source=f"truth:{truth}/{hook}", name=hook, corpus=f"truth:{truth}")
        import_sae.run(spec, DirectContext(ws, spec, f"import-{truth}-{hook}"))
    return [f"truth-{truth}/{hook}/{hook}" for hook in hooks]


def auc(ws: Workspace, truth: str, method: str, names: list[str], limit: int) -> float:
    job, more = f"{truth}-{method}", {"dictionaries": names, "edges": 0, "limit": limit}
    searched(ws, job, task=f"truth:{truth}", method=method, **more)
    found: float = table(ws, "circuits", job)["node_auc"][0]
    return found


def test_on_features_that_are_known(ws: Workspace) -> None:
    names = features_of(ws, "xor", "L0.attn_out", "L1.mlp_out")
    relp, random = (auc(ws, "xor", method, names, 32) for method in ("relp", "random"))
    assert relp > 0.99 > random


def test_features_that_no_prompt_hangs_on_count_neither_as_true_nor_as_false(ws: Workspace) -> None:
    """Eight prompts ask for eight letters of 24: that of others nothing is missed is no error."""
    names = features_of(ws, "sharp", "L0.attn_out", "L1.attn_out")
    assert auc(ws, "sharp", "ig", names, 16) > 0.99
