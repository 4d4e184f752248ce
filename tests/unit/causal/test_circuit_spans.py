"""A search by span through a real workspace: what it publishes, how it resumes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from jobs.context import DirectContext
from jobs.kinds import circuit
from jobs.model import load_model
from jobs.parse import dump, load, parse, parse_words, shell_command
from jobs.specs import Circuit
from store import AskedWrongly, Workspace
from tests.unit.causal import small
from tests.unit.causal.test_circuit import stopped_at_every_part, table

SPANS = ["start", "what", "where", "rest", "end"]


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("spans")
    small.models(folder / "model", ())
    ws = small.workspace(folder / "ws", folder / "model", tokens=600)
    write_task(folder / "task.jsonl", folder / "model")
    return ws


def write_task(path: Path, model: Path, n: int = 24) -> None:
    """Random prompts of three lengths, that differ at ``what``, which has one to three tokens; the
    answers are what the model itself says.
    """
    draw, own, rows = torch.Generator().manual_seed(0), load_model(str(model)), list[dict]()
    while len(rows) < n:
        long = 1 + len(rows) % 3
        clean = torch.randint(1, 400, (5 + long,), generator=draw)
        clean[0] = own.tokenizer.bos
        corrupt = clean.clone()
        corrupt[2 : 2 + long] = torch.randint(1, 400, (long,), generator=draw)
        answer, wrong = (int(own.logits(t[None])[0, -1].argmax()) for t in (clean, corrupt))
        if answer != wrong:
            spans = {"what": [2, 2 + long], "where": [2 + long, 3 + long]}
            rows.append({"clean": clean.tolist(), "corrupt": corrupt.tolist(), "answer": answer,
                         "wrong": wrong, "spans": spans, "corrupt_spans": spans})  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def asked(ws: Workspace, **more: Any) -> Circuit:
    usual: dict[str, Any] = {
        "task": str(ws.root.parent / "task.jsonl"),
        "dictionaries": ["early", "late"],
        "per_position": "spans",
        "method": "atp",
        "sizes": [1, 4, 16],
        "exact": 2,
        "edges": 6,
        "bootstrap": 20,
        "steps": 4,
    }
    return Circuit.model_validate(usual | more)


def searched(ws: Workspace, job: str, **more: Any) -> DirectContext:
    spec = asked(ws, **more)
    context = DirectContext(ws, spec, job)
    circuit.run(spec, context)
    return context


def test_a_circuit_by_span_is_published_with_the_names_of_its_spans(ws: Workspace) -> None:
    context = searched(ws, "by-span")
    assert "spans: start, what, where, rest, end" in context.said
    (row,) = table(ws, "circuits", "by-span").to_dicts()
    n = 5 * 2 * (small.M + 1)
    assert (row["n_nodes"], row["per_position"], row["spans"]) == (n, True, SPANS)
    curve = table(ws, "circuit_curve", "by-span").sort("n_nodes")
    assert (curve["faithfulness"][0], curve["faithfulness"][-1]) == (0, 1)
    assert (curve["completeness"][0], curve["completeness"][-1]) == (1, 0)
    nodes = table(ws, "circuit_nodes", "by-span").sort("rank")
    assert nodes["node"].str.contains(r"^(early|late)#(\d+|error)@(what|where|rest|end)$").all()
    assert (nodes["node"].str.split("@").list.last() == nodes["span"]).all()
    assert [SPANS[at] for at in nodes["position"]] == nodes["span"].to_list()
    found = table(ws, "circuit_edges", "by-span")
    # Only the tokens of `what` are others in the corrupt prompt.
    assert set(found["source"]) <= {*nodes["node"][:6], "embed@what"}
    assert "embed@what" in set(found["source"])
    prompts = table(ws, "circuit_prompts", "by-span")
    assert set(prompts["spans"].list.len()) == {6, 7, 8}
    assert all(told[:2] == ["start", "rest"] for told in prompts["spans"].to_list())
    # What comes before `what` is the same in both prompts: it never moves.
    every = searched_by_sql(ws, "by-span", "span, sum(abs(effect)) FROM circuit_nodes", "span")
    assert "start" not in every and every["what"] > 0


def searched_by_sql(ws: Workspace, job: str, what: str, by: str) -> dict[str, float]:
    rows = ws.sql(f"SELECT {what} WHERE circuit = '{job}' GROUP BY {by}").fetchall()
    return dict(rows)


def test_where_nodes_are_of_no_span_nothing_is_said_of_any(ws: Workspace) -> None:
    searched(ws, "together", per_position=False)
    (row,) = table(ws, "circuits", "together").to_dicts()
    assert (row["per_position"], row["spans"]) == (False, None)
    assert table(ws, "circuit_nodes", "together")["span"].is_null().all()
    assert table(ws, "circuit_prompts", "together")["spans"].is_null().all()


@pytest.mark.parametrize("nodes", ["components", "neurons"])
@pytest.mark.parametrize("ablation", ["mean", "zero"])
def test_other_levels_and_ablations_have_spans_too(
    ws: Workspace, nodes: str, ablation: str
) -> None:
    more: dict[str, Any] = {"nodes": nodes, "ablation": ablation}
    if nodes == "components":
        more |= {"dictionaries": [], "model": str(small.model_of(ws))}
    searched(ws, f"{nodes}-{ablation}", **more)
    found = table(ws, "circuit_nodes", f"{nodes}-{ablation}")["node"]
    assert found.str.contains(r"^L\d\.(H\d|mlp|\w+#\d+)@\w+$").all()


def test_a_built_in_task_is_scored_in_other_words_of_other_lengths(ws: Workspace) -> None:
    """`tiny_ioi_shifted` has a word more; its spans are called the same."""
    spec = Circuit(
        task="ioi",
        model="tiny",
        nodes="components",
        method="atp",
        per_position="spans",
        limit=32,
        sizes=[1, 4],
        edges=0,
        exact=0,
        bootstrap=0,
    )
    circuit.run(spec, DirectContext(ws, spec, "ioi"))
    (row,) = table(ws, "circuits", "ioi").to_dicts()
    assert row["spans"] == [
        *("start", "receiver", "giver", "giver_again", "object", "rest", "end"),
    ]
    assert row["transfer"] == "tiny_ioi_shifted" and row["transfer_cmd"] is not None


def test_a_stopped_search_goes_on_to_the_same(ws: Workspace) -> None:
    """Stopped at every part of the work in turn, it ends as if it had not been."""
    more: dict[str, Any] = {"method": "cascade", "edges": 2}
    searched(ws, "whole", **more)
    stopped_at_every_part(ws, asked(ws, **more))


def test_what_lacks_spans_is_refused_when_it_is_asked_for(ws: Workspace) -> None:
    for task in ("truth:ioi", "sql:SELECT corpus, doc FROM documents"):
        with pytest.raises(AskedWrongly, match="names no spans, and per_position=spans"):
            asked(ws, task=task, ablation="mean").check(ws)
    bare = ws.root.parent / "bare.jsonl"
    rows = [json.loads(line) for line in (ws.root.parent / "task.jsonl").read_text().splitlines()]
    del rows[5]["spans"]["where"]
    bare.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(AskedWrongly, match=r"Span where of task .* is missing from 1 of 24 pairs"):
        asked(ws, task=str(bare)).check(ws)


def test_one_key_says_all_three(ws: Workspace) -> None:
    words = "task=ioi model=tiny nodes=components per_position=false,true,spans"
    specs: Any = parse("circuit", parse_words(words.split()))
    assert [spec.per_position for spec in specs] == [False, True, "spans"]
    assert [(spec.each_position, spec.by_span) for spec in specs] == [
        *((False, False), (True, False), (False, True)),
    ]
    for spec in specs:
        assert load(json.loads(json.dumps(dump(spec)))) == spec
        (again,) = parse("circuit", parse_words(shell_command(spec).split()[3:]))
        assert again == spec
    with pytest.raises(AskedWrongly, match="per_position='span' is not valid; wanted: one of fal"):
        parse("circuit", parse_words(["task=ioi", "per_position=span"]))


def test_the_rows_of_a_search_by_span_can_be_joined(ws: Workspace) -> None:
    """The place of a node's span in the spans of its circuit is its position."""
    searched(ws, "joined", exact=0, edges=0)
    rows = ws.sql(
        "SELECT n.span, c.spans[n.position + 1] AS named FROM circuit_nodes n "
        "JOIN circuits c USING (circuit) WHERE circuit = 'joined'"
    ).pl()
    assert len(rows) == 16 and (rows["span"] == rows["named"]).all()
    assert rows.filter(pl.col("span").is_null()).is_empty()
