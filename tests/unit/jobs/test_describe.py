"""What the form, the help and the reference are made from."""

from __future__ import annotations

import json

import pytest

from jobs.describe import describe, kinds, work


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_describes_itself_as_plain_data(kind):
    told = describe(kind)
    assert json.loads(json.dumps(told)) == told
    assert told["says"].endswith(".")
    for field in told["fields"]:
        assert field["description"], f"{kind} has no description of {field['name']}"
        assert field["type"]


def test_a_field_tells_type_range_default_and_choices():
    fields = {field["name"]: field for field in describe("train_sae")["fields"]}
    assert next(iter(fields)) == "hooks", "what must be said comes first"
    assert list(fields)[-2:] == ["name", "device"], "what every kind has comes last"
    assert fields["hooks"]["required"]
    assert fields["d_sae"]["type"] == "list of whole numbers"
    assert fields["d_sae"]["range"] == "greater than 0"
    assert fields["held_out"]["range"] == "greater than 0, less than 1"
    assert fields["dtype"]["choices"] == ["auto", "float32", "bfloat16"]
    assert fields["architecture"]["list"]
    assert fields["tokens"]["default"] == 2_000_000
    assert fields["aux_k"]["type"] == "whole number or none"
    where = {field["name"]: field for field in describe("circuit")["fields"]}["per_position"]
    assert where["choices"] == ["false", "true", "spans"] and where["default"] is False


def test_a_kind_may_come_from_outside(workshop):
    assert "count" in kinds()
    assert callable(work("count"))


def test_an_extra_kind_is_described_as_long_as_it_is_there_and_the_own_one_after_it(monkeypatch):
    own = [field["name"] for field in describe("circuit")["fields"]]
    monkeypatch.setenv("SAETUI_EXTRA_KINDS", "tests.toy_causes")
    assert [field["name"] for field in describe("circuit")["fields"]] != own
    monkeypatch.delenv("SAETUI_EXTRA_KINDS")
    assert [field["name"] for field in describe("circuit")["fields"]] == own
