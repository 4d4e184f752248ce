"""Nodes of a circuit ablated on one prompt, held against the same done by hand."""

from __future__ import annotations

import polars as pl
import pytest
import torch

from jobs.dictionary import load
from jobs.model import load_model
from jobs.names import Hook
from jobs.parse import dump
from jobs.prompt.ablated import Trials
from jobs.prompt.trial import Trial, reader_of
from jobs.prompt.warm import WarmModel
from jobs.specs import Circuit
from store import AskedWrongly
from tests.traced import NULLS

TEXT = "Helen roam clever archer marches fresh spoon cabins"
OTHER = "Helen roam fresh spoon marches fresh spoon cabins"
"""Words of the grammar, of one length."""
SPANS = ["start", *["rest"] * 2, "who", *["rest"] * 4, "end"]
"""Of the tokens of `TEXT`: ``who`` is its archer."""


@pytest.fixture(scope="module")
def searched(place):
    """Circuits of the small model, known by name alone: nothing was searched."""
    for name, more in (
        ("by-zero", {"ablation": "zero"}),
        ("resampled", {}),
        ("by-position", {"ablation": "zero", "per_position": True}),
        ("by-span", {"ablation": "mean", "per_position": "spans"}),
    ):
        spec = Circuit(task="agreement", dictionaries=place.dictionaries, **more)
        row = {"circuit": name, "prompt": 0, "half": "search", "clean": TEXT, "corrupt": OTHER,
               "answer": " sleeps", "wrong": None, "clean_score": 1.0,
               "corrupt_score": 0.0, "spans": SPANS if name == "by-span" else None}  # fmt: skip
        for table, rows in (("circuit_prompts", [row]), ("circuits", [_about(name, row["spans"])])):
            manifest = {"spec": dump(spec), "inputs": []}
            with place.workspace.publish_table(table, run=name, manifest=manifest) as out:
                known = {key: kind for key, kind in NULLS.items() if key in rows[0]}
                known |= dict.fromkeys(("cpr_low", "cpr_high", "cmd_low", "cmd_high"), pl.Float64)
                out.write(pl.DataFrame(rows, schema_overrides=known))
    return place


def _about(name: str, spans: list[str] | None) -> dict:
    from datetime import UTC, datetime

    from store.schema import TABLES

    kinds = {"VARCHAR": "x", "DOUBLE": 0.0, "UBIGINT": 0, "UINTEGER": 0, "BIGINT": 0,
             "BOOLEAN": False, "VARCHAR[]": [], }  # fmt: skip
    row = {
        column.name: None if column.nullable else kinds.get(column.type, datetime.now(UTC))
        for column in TABLES["circuits"].columns
    }
    return row | {"circuit": name, "spans": list(dict.fromkeys(spans)) if spans else None}


@pytest.fixture(scope="module")
def trials(searched) -> Trials:
    reader = reader_of(searched.workspace, "by-zero")
    model = load_model(reader.model, dtype="float32", device="cpu")
    return Trials(searched.workspace, model)


def test_with_no_node_ablated_nothing_changes(trials) -> None:
    found = trials.outcome(Trial("by-zero", [], TEXT))
    assert found.before == found.after and found.divergence == 0 and found.ablated == 0
    assert len(found.tokens) == 10 and found.before == sorted(found.before, reverse=True)


def test_a_feature_set_to_zero_is_what_taking_its_direction_away_gives(trials, searched) -> None:
    name = searched.dictionaries[0]
    dictionary = load(searched.workspace, name)
    model, hook = trials.model, Hook(1, "resid_post")
    ids = [model.tokenizer.bos] if model.tokenizer.bos is not None else []
    tokens = torch.tensor([[*ids, *model.tokenizer.encode(TEXT)]])
    with torch.no_grad():
        x = model.activations(tokens, [hook])[hook].float()
        scale = searched.workspace.dictionary(name).manifest.get("scale")
        assert scale is None  # else massive activations would have to be left out here too
        feature = int(dictionary.encode(x)[0].sum(0).argmax())

        def without(y: torch.Tensor) -> torch.Tensor:
            return y - dictionary.encode(y)[..., feature, None] * dictionary.W_dec[feature]

        last = torch.tensor([tokens.shape[1] - 1])
        expected = model.last_logits(tokens, last, {hook: without})[0].float().softmax(-1)
    found = trials.outcome(Trial("by-zero", [f"{name}#{feature}"], TEXT))
    by_text = {model.tokenizer.token(id): p for id, p in enumerate(expected.tolist())}
    assert found.after == pytest.approx([by_text[token] for token in found.tokens], abs=1e-5)
    assert found.divergence > 0 and found.ablated == 1 and found.before != found.after


def test_all_others_are_all_but_these(trials, searched) -> None:
    every = trials.outcome(Trial("by-zero", [], TEXT, others=True))
    one = trials.outcome(Trial("by-zero", [f"{searched.dictionaries[0]}#3"], TEXT, others=True))
    assert every.ablated == one.ablated + 1 == 2 * (64 + 1)


def test_a_counterpart_of_the_same_length_gives_its_values_else_means_do(trials, searched) -> None:
    node = f"{searched.dictionaries[0]}#error"
    same = trials.outcome(Trial("resampled", [node], TEXT, TEXT))
    assert same.after == pytest.approx(same.before, abs=1e-6) and same.ablation == "resample"
    other = trials.outcome(Trial("resampled", [], TEXT, OTHER, " spoon", " archer", others=True))
    assert other.after != other.before and other.said == [] and other.difference
    typed = trials.outcome(Trial("resampled", [node], TEXT))
    assert typed.ablation == "mean" and "no counterpart" in typed.said[0]


def test_nodes_of_a_position_are_refused_where_the_prompt_has_none(trials, searched) -> None:
    name = searched.dictionaries[0]
    found = trials.outcome(Trial("by-position", [f"{name}#3@2"], TEXT))
    assert found.ablated == 1
    with pytest.raises(AskedWrongly, match="too short for its position"):
        trials.outcome(Trial("by-position", [f"{name}#3@7"], "Helen"))


def test_nodes_of_spans_are_ablated_on_the_prompts_of_the_circuit_alone(trials, searched) -> None:
    name = searched.dictionaries[0]
    every = [f"{name}#error@{span}" for span in ("start", "rest", "who", "end")]
    apart = [trials.outcome(Trial("by-span", [node], TEXT)) for node in every]
    assert all(found.ablated == 1 for found in apart)
    # The mean is over this one prompt, so that it is the prompt's own where a span has one token.
    same = [found.after == pytest.approx(found.before, abs=1e-6) for found in apart]
    assert same == [True, False, True, True]
    with pytest.raises(AskedWrongly, match="known for its own prompts alone; choose one of those"):
        trials.outcome(Trial("by-span", every, OTHER))
    with pytest.raises(AskedWrongly, match="not among the nodes"):
        trials.outcome(Trial("by-span", [f"{name}#error@nobody"], TEXT))


def test_what_cannot_be_asked_is_one_sentence(trials, searched) -> None:
    with pytest.raises(AskedWrongly, match="no text"):
        trials.outcome(Trial("by-zero", [], ""))
    with pytest.raises(AskedWrongly, match="not among the nodes"):
        trials.outcome(Trial("by-zero", ["nosuch#3"], TEXT))
    with pytest.raises(AskedWrongly, match="how it was searched"):
        trials.outcome(Trial("nosuch", [], TEXT))


def test_the_warm_process_that_reads_prompts_ablates_too(searched, warm: WarmModel) -> None:
    assert reader_of(searched.workspace, "by-zero") == warm.reader
    found = warm.outcome(Trial("by-zero", [f"{searched.dictionaries[0]}#3"], TEXT))
    assert found.ablated == 1 and len(found.before) == len(found.after) == len(found.tokens)
    assert warm.ask(TEXT, searched.dictionaries[:1]).pieces
    with pytest.raises(AskedWrongly, match="not among the nodes"):
        warm.outcome(Trial("by-zero", ["nosuch#3"], TEXT))
