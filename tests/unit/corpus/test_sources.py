"""``docs:``, ``hf:`` and URIs."""

from __future__ import annotations

import sys
import time
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.corpus.sources import hub, installed, parse_uri
from store import AskedWrongly, SaetuiError


def test_an_unknown_uri_names_the_valid_ones() -> None:
    with pytest.raises(AskedWrongly, match=r"'pile'; valid are docs: .* file: .* hf: .* grammar:"):
        parse_uri("pile")


def test_docs_is_english_from_many_places_in_a_fixed_order() -> None:
    some = list(islice(installed.read(""), 120))
    assert some == list(islice(installed.read(""), 120))
    assert len({text.source.split("/")[0] for text in some}) > 15
    assert all(installed.SHORTEST <= len(text.text) <= installed.LONGEST for text in some)
    assert len({text.text for text in some}) == len(some)


def test_docs_of_named_packages() -> None:
    some = list(islice(installed.read("json, email"), 10))
    assert {text.source.split("/")[0] for text in some} == {"json", "email"}
    with pytest.raises(AskedWrongly, match="'no_such_thing', which is no package"):
        list(installed.read("no_such_thing"))


def test_docs_survives_files_that_are_no_python(tmp_path: Path) -> None:
    docs = "A sentence that says what the module is about, in plain English words. " * 4
    package = tmp_path / "odd"
    package.mkdir()
    (package / "__init__.py").write_text(f'"""{docs}"""\n')
    (package / "broken.py").write_text('"""half a string')
    (package / "binary.py").write_bytes(b'"""\0\xff"""')
    (package / "code.py").write_text('class A:\n  def f(self):\n    """' + docs + '"""\n')
    found = [text for batch in installed._package("odd", package) for text in batch]
    assert [text.source for text in found] == ["odd/__init__.py:module", "odd/code.py:A.f"]


def test_tables_and_short_texts_are_no_prose() -> None:
    assert not installed.is_prose("Too short.")
    assert not installed.is_prose("| 1 | 2 | 3 |\n+---+---+---+\n" * 20)


def test_a_hub_that_cannot_be_reached_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(SaetuiError, match=r"cannot be reached.*docs:, file:PATH and grammar:"):
        list(hub.read("roneneldan/TinyStories"))
    assert time.monotonic() - began < 8


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """A hub with one dataset, ``old`` of the configuration ``small``."""
    asked: list[tuple[object, ...]] = []

    def load_dataset(name: str, config: str | None, **options: object) -> list[dict[str, object]]:
        asked.append((name, config, options["revision"]))
        if (name, config) != ("old", "small"):
            raise FileNotFoundError(f"no dataset {name}")
        return [{"story": "once", "n": 1}, {"story": " ", "n": 2}, {"story": "twice", "n": 3}]

    monkeypatch.setattr(hub, "hub_answers", lambda: True)
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    return asked


def test_a_dataset_is_streamed(dataset: list[tuple[object, ...]]) -> None:
    found = list(hub.read("old/small@v2", text_column="story"))
    assert [(text.text, text.source) for text in found] == [
        ("once", "old/small@v2:0"),
        ("twice", "old/small@v2:2"),
    ]
    assert dataset == [("old/small", None, "v2"), ("old", "small", "v2")]


def test_a_dataset_without_the_column_names_those_it_has(
    dataset: list[tuple[object, ...]],
) -> None:
    with pytest.raises(AskedWrongly, match="no text in column 'text'; its columns of text are st"):
        list(hub.read("old/small"))


def test_a_dataset_that_does_not_exist(dataset: list[tuple[object, ...]]) -> None:
    with pytest.raises(AskedWrongly, match="hf:owner/none cannot be opened: no dataset owner/none"):
        list(hub.read("owner/none"))
