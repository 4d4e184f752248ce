"""Named parts of prompts: read with the task, told for every token, refused where they are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.beforehand import check_task
from jobs.task import templates
from jobs.task.jsonl import read_jsonl
from jobs.task.load import load_task
from jobs.task.prepare import prepare
from jobs.task.spans import names_of, of_tokens, read_spans
from jobs.task.task import Example, Span, Task, Unfit
from jobs.task.tokens import pair_of
from store import AskedWrongly
from tests.unit.task.knows import Knows, tokenizer
from tests.unit.task.test_prepare import NAMES, brackets, closes
from tests.unit.task.test_templates import OF_TINY, spells


def spanned(more: str = "") -> list[Example]:
    """Pairs of two lengths: every other one has a noun more inside its span ``name``."""
    found = []
    for at, name in enumerate(NAMES):
        who = f"{name} gull" if at % 2 else name
        spans = (Span("name", 2, 2 + len(who)), Span("inner", 3 + len(who), 4 + len(who)))
        pair = f"( {who} [ wave{more}", f"[ {who} ( wave{more}"
        found.append(Example(*pair, "]", ")", name, spans, spans))
    return found


def ready(*examples: Example, **more: Any) -> Any:
    model: Any = Knows(closes)
    return prepare(Task("mine", "", examples, "", None), model, by_span=True, **more)


def test_every_token_is_of_one_span_and_prompts_of_several_lengths_go_together() -> None:
    made = ready(*spanned())
    assert made.spans == ("start", "name", "inner", "rest", "end")
    assert set(made.search.length.tolist()) == {5, 6}
    for half in (made.search, made.held_out):
        for row, length in zip(half.spans.tolist(), half.length.tolist(), strict=True):
            told = [made.spans[number] for number in row[:length]]
            assert told == ["start", "rest", *["name"] * (length - 4), "inner", "end"]
    few = made.search.take(made.search.length.argmin()[None])
    assert few.spans.shape == few.clean.shape == (1, 5)


def test_without_them_nothing_is_told() -> None:
    model: Any = Knows(closes)
    made = prepare(Task("mine", "", tuple(spanned()), "", None), model)
    assert (made.spans, made.search.spans) == ((), None)


def test_numbers_become_those_of_another_task() -> None:
    made = ready(*spanned())
    others = ("end", "inner", "more", "name", "rest", "start")
    told = made.search.named(made.spans, others).spans
    for ours, theirs in zip(made.search.spans.flatten(), told.flatten(), strict=True):
        assert made.spans[ours] == others[theirs]


def test_a_token_is_of_the_span_with_which_it_shares_more_than_space() -> None:
    text, offsets = "the old car stops", [(0, 3), (3, 7), (7, 11), (11, 17)]
    spans = (Span("what", 4, 11), Span("verb", 12, 15))
    assert of_tokens(spans, text, offsets, starts=True) == (
        *("start", "rest", "what", "what", "verb"),
    )
    # Four characters of which the first is a space: of the word before, only that is shared.
    assert of_tokens((Span("x", 3, 4),), "a bc d", [(0, 1), (1, 4), (4, 6)], starts=False) == (
        *("rest", "x", "end"),
    )
    ids = (7, 8, 9)
    each = [(0, 1), (1, 2), (2, 3)]
    assert of_tokens((Span("x", 1, 2),), ids, each, starts=True) == ("start", "x", "end")
    assert of_tokens((Span("x", 0, 3),), ids, each, starts=True) == ("x", "x", "x")
    with pytest.raises(Unfit, match="x in 'a bc d'"):
        of_tokens((Span("x", 1, 2),), "a bc d", [(0, 1), (1, 4), (4, 6)], starts=False)
    with pytest.raises(Unfit, match="x and y in 'abc'"):
        of_tokens((Span("x", 0, 1), Span("y", 1, 2)), "abc", [(0, 2), (2, 3)], starts=False)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([4, 12], r"spans are \[4, 12\], not names with a range each"),
        ({}, "not names with a range each"),
        ({"who": 4}, "span who is 4, not where it starts"),
        ({"who": [4]}, r"span who is \[4\], not where it starts"),
        ({"who": [4, 5.5]}, "not where it starts and before what it ends"),
        ({"who": [True, 2]}, "not where it starts"),
        ({"who": [4, 4]}, "span who goes from 4 to 4, and the prompt has 12 characters"),
        ({"who": [4, 13]}, "span who goes from 4 to 13"),
        ({"who": [-1, 3]}, "span who goes from -1 to 3"),
        ({"who": [0, 3], "what": [2, 5]}, "spans who and what overlap"),
        ({"1st": [0, 3]}, "span '1st' is not called by letters, digits"),
        ({"a@b": [0, 3]}, "span 'a@b' is not called by"),
        ({"": [0, 3]}, "span '' is not called by"),
        ({"rest": [0, 3]}, "span rest cannot be named: start, end and rest are what is in no"),
    ],
)
def test_spans_that_are_none_are_told_in_a_sentence_with_their_line(
    tmp_path: Path, value: Any, sentence: str
) -> None:
    file = tmp_path / "mine.jsonl"
    row = {"clean": "the teachers", "answer": " are", "spans": value}
    file.write_text(json.dumps({**row, "spans": {"who": [4, 12]}}) + "\n" + json.dumps(row))
    with pytest.raises(AskedWrongly, match=rf"mine\.jsonl line 2: spans: .*{sentence}"):
        read_jsonl(file)


def test_both_prompts_have_spans_of_their_own_under_either_naming(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [
        {"clean": "a bc", "corrupt": "a d", "answer": "x",
         "spans": {"what": [2, 4]}, "corrupt_spans": {"what": [2, 3]}},
        {"clean_prefix": [1, 2], "patch_prefix": [1, 3], "clean_answer": "x",
         "clean_spans": {"what": [1, 2]}, "patch_spans": {"what": [1, 2]}},
    ]  # fmt: skip
    file.write_text("\n".join(map(json.dumps, rows)))
    one, other = read_jsonl(file)
    assert (one.spans, one.corrupt_spans) == ((Span("what", 2, 4),), (Span("what", 2, 3),))
    assert other.spans == other.corrupt_spans == (Span("what", 1, 2),)
    file.write_text('{"clean": "a", "answer": "x", "corrupt_spans": {"what": [0, 1]}}')
    with pytest.raises(AskedWrongly, match="corrupt_spans are there, and no prompt"):
        read_jsonl(file)
    with pytest.raises(ValueError, match="prompt has 2 tokens"):
        read_spans({"what": [1, 3]}, (5, 6))


def test_what_a_task_does_not_name_is_refused_before_anything_is_searched(tmp_path: Path) -> None:
    with pytest.raises(AskedWrongly, match="Task mine names no spans, and per_position=spans"):
        ready(*brackets().examples)
    pairs = spanned()
    pairs[3] = pairs[3]._replace(spans=pairs[3].spans[:1])
    with pytest.raises(AskedWrongly) as refused:
        ready(*pairs)
    assert str(refused.value) == (
        "Span inner of task mine is missing from 1 of 10 pairs (e.g. '( Emma gull [ wave'); all "
        "must name the same spans."
    )
    file = tmp_path / "mine.jsonl"
    file.write_text('{"clean": "a", "answer": "x"}')
    check_task(None, str(file))  # type: ignore[arg-type]
    for task in (str(file), "truth:ioi", "sql:SELECT corpus, doc FROM documents"):
        with pytest.raises(AskedWrongly, match="names no spans"):
            check_task(None, task, spans=True)  # type: ignore[arg-type]
    check_task(None, "ioi", spans=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"spans": (Span("name", 1, 2), Span("inner", 7, 8))}, "a span holds no token (e.g. name"),
        ({"spans": (Span("name", 2, 3), Span("inner", 3, 6))}, "two spans share a token (e.g. na"),
        (
            {"corrupt_spans": (Span("name", 0, 1), Span("inner", 7, 8))},
            "clean and corrupt have their spans at different tokens (e.g. token 1 is of rest in "
            "'( Mary [ wave', of name in '[ Mary ( wave')",
        ),
        (
            {"corrupt_spans": (Span("name", 2, 6),)},
            "spans at different tokens (e.g. token 3 is of inner in '( Mary [ wave', of rest in",
        ),
    ],
)
def test_pairs_whose_spans_do_not_fit_their_tokens_are_left_out_and_named(
    change: dict[str, Any], sentence: str
) -> None:
    pairs = spanned()
    pairs[0] = pairs[0]._replace(**change)
    made = ready(*pairs)
    assert made.n_dropped == 1
    assert made.said[0].startswith("Left out 1 of 10 pairs: ") and sentence in made.said[0]
    with pytest.raises(AskedWrongly, match="Task mine has 0 usable pairs of 9"):
        ready(*[pairs[0]] * 9)


def test_corrupt_prompts_of_which_nothing_is_said_have_theirs_at_the_same_tokens() -> None:
    one = spanned()[0]
    model: Any = Knows(closes)
    pair = pair_of(one._replace(corrupt_spans=None), model, by_span=True)
    assert pair.spans == ("start", "rest", "name", "inner", "end")


def test_a_start_token_that_is_written_out_is_of_start() -> None:
    one = spanned()[0]
    model: Any = Knows(closes)
    text = f"<bos> {one.clean}"
    moved = tuple(s._replace(start=s.start + 6, stop=s.stop + 6) for s in one.spans or ())
    pair = pair_of(one._replace(clean=text, spans=moved, corrupt_spans=None), model, by_span=True)
    assert pair.spans == ("start", "rest", "name", "inner", "end")


@pytest.mark.parametrize("name", templates.TEMPLATES)
def test_every_template_names_its_spans_and_those_of_both_prompts_are_alike(name: str) -> None:
    made = templates.make(name, spells(name), 40, seed=0)
    template = templates.TEMPLATES[name]
    for example in made:
        assert example.spans is not None and example.corrupt_spans is not None
        assert tuple(span.name for span in example.spans) == template.spans
        assert tuple(span.name for span in example.corrupt_spans) == template.spans
        for text, spans in (
            (str(example.clean), example.spans),
            (str(example.corrupt), example.corrupt_spans),
        ):
            for span in spans:
                word = text[span.start : span.stop]
                assert word and word == word.strip()
    assert names_of(name, made) == template.spans
    if name in OF_TINY:
        model: Any = Knows(closes)
        for example in made:
            own = pair_of(example, model, by_span=True).spans
            assert own and own[0] == "start" and set(template.spans) <= set(own)


@pytest.mark.parametrize("name", templates.TEMPLATES)
def test_in_other_words_a_task_has_no_other_spans(name: str) -> None:
    """So that a circuit of one can be scored on the other."""
    template = templates.TEMPLATES[name]
    sibling = templates.TEMPLATES[str(template.shifted)]
    if name == "tiny_gender_shifted":  # "Mary feeds because" has no second name
        assert set(template.spans) < set(sibling.spans)
    else:
        assert set(sibling.spans) <= set(template.spans)


def test_spans_say_what_they_are_called_for() -> None:
    for example in templates.make("tiny_ioi", tokenizer(), 30, 0):
        said = {s.name: str(example.clean)[s.start : s.stop] for s in example.spans or ()}
        other = {
            s.name: str(example.corrupt)[s.start : s.stop] for s in example.corrupt_spans or ()
        }
        assert said["receiver"] == example.answer and said["giver"] == example.wrong
        assert said["giver"] == said["giver_again"] != other["giver_again"]
        assert other["giver"] == said["giver"]


def test_a_built_in_task_is_ready_by_span() -> None:
    model: Any = Knows(closes)
    made = prepare(load_task("brackets", model, limit=40), model, by_span=True)
    assert made.spans == ("start", "outer", "inner", "rest", "end")
