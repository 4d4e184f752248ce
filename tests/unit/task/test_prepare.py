"""Before a search: what does not fit is counted, what is too weak is refused, nothing is shared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs.task.jsonl import read_jsonl
from jobs.task.load import load_task
from jobs.task.prepare import prepare
from jobs.task.split import split
from jobs.task.task import Example, Task
from store import AskedWrongly
from tests.unit.task.knows import Knows

NAMES = ("Mary", "Anna", "Laura", "Emma", "Julia", "Sarah", "John", "Peter", "David", "Mark")
OPEN = {"(": ")", "[": "]", "{": "}"}


def closes(words: list[str]) -> str:
    """The bracket opened last, of a prompt without closed ones."""
    return OPEN[[word for word in words if word in OPEN][-1]]


def brackets(*more: Example) -> Task:
    """Ten pairs about as many names."""
    pairs = [Example(f"( {n} [ gull", f"[ {n} ( gull", "]", ")", n) for n in NAMES]
    return Task("mine", "Brackets.", (*pairs, *more), "", None)


def ready(task: Task, answer: Any = closes, **more: Any) -> Any:
    return prepare(task, Knows(answer), **more)  # type: ignore[arg-type]


def test_a_task_becomes_two_sets_of_prompts_that_share_nothing() -> None:
    made = ready(brackets(), held_out=0.3)
    assert (made.search.n, made.held_out.n) == (7, 3)
    assert made.aligned
    assert made.search.clean[0, 0] == Knows(closes).tokenizer.bos
    names = [set(half.clean[:, 2].tolist()) for half in (made.search, made.held_out)]
    assert not names[0] & names[1]
    assert (made.accuracy, made.corrupt_accuracy) == (1.0, 0.0)
    assert (made.clean_diff, made.corrupt_diff) == (1.0, -1.0)
    assert made.said == (
        "tiny answers 1.00 of 10 pairs of mine rightly, logit difference 1.00 (corrupt 0.00 and "
        "-1.00).",
    )
    again, other = ready(brackets(), held_out=0.3), ready(brackets(), held_out=0.3, seed=1)
    assert torch.equal(made.search.clean, again.search.clean)
    assert not torch.equal(made.search.clean, other.search.clean)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (
            Example("( Mary [", "[ Mary ( gull", "]", ")", "x"),
            "clean and corrupt are of unequal length (e.g. '( Mary [' has 4 tokens, "
            "'[ Mary ( gull' has 5)",
        ),
        (
            Example("( Mary [ wave", "[ Mary ( wave", "] .", ")", "x"),
            "an answer is several tokens (e.g. '] .' is ' ]' + ' .')",
        ),
        (
            Example("( Mary [ wave", "[ Mary ( wave", "]", " ]", "x"),
            "answer and wrong are one token (e.g. ']' after '( Mary [ wave')",
        ),
        (
            Example("( Zoe [ wave", "[ Mary ( wave", "]", ")", "x"),
            "tiny does not know a word (e.g. 'Zoe' in '( Zoe [ wave')",
        ),
        (Example((0, 9_999), (0, 1), "]", ")", "x"), "tiny has no such token (e.g. 9999)"),
        (
            Example("( " * 40, "[ " * 40, "]", ")", "x"),
            "a prompt is longer than the 32 tokens that tiny reads at once",
        ),
    ],
)
def test_a_pair_that_does_not_fit_is_left_out_and_named(bad: Example, sentence: str) -> None:
    made = ready(brackets(bad))
    assert made.n_dropped == 1
    assert made.said[0].startswith("Left out 1 of 11 pairs: ")
    assert sentence in made.said[0]
    only = Task("mine", "", tuple([bad] * 9), "", None)
    with pytest.raises(AskedWrongly) as refused:
        ready(only)
    assert "Task mine has 0 usable pairs of 9; at least 8 are needed." in str(refused.value)
    assert sentence in str(refused.value)


def test_the_start_token_stands_once_and_ids_without_it_are_told() -> None:
    plain = brackets().examples
    written = [one._replace(clean=f"<bos> {one.clean}") for one in plain]
    once, twice = ready(brackets()), ready(Task("mine", "", tuple(written), "", None))
    assert torch.equal(once.search.clean, twice.search.clean)
    assert twice.n_dropped == 0

    def ids(text: Any) -> tuple[int, ...]:
        return tuple(Knows(closes).tokenizer.encode(text))

    bare = [one._replace(clean=ids(one.clean), corrupt=ids(one.corrupt)) for one in plain[:4]]
    mixed = ready(Task("mine", "", (*bare, *plain[4:]), "", None))
    assert mixed.said[0] == (
        "4 of 10 pairs are token ids without the start token, 0, with which tiny's documents "
        "begin; they are taken as they are."
    )


def test_a_behaviour_too_weak_to_explain_is_refused_with_its_figures() -> None:
    def half(words: list[str]) -> str:
        return closes(words) if any(name in words for name in NAMES[:5]) else ")"

    with pytest.raises(AskedWrongly) as refused:
        ready(brackets(), half)
    assert str(refused.value) == (
        "tiny answers 0.50 of 10 pairs of mine rightly, logit difference 0.00 (corrupt 0.00 and "
        "-1.00). That is too weak: below 0.75. Nothing to explain; force=true searches anyway."
    )
    with pytest.raises(AskedWrongly, match="has 5 usable pairs of 10"):
        ready(brackets(), half, force=True)
    forced = ready(brackets(), half, force=True, right_only=False)
    assert forced.search.n + forced.held_out.n == 10
    assert forced.said[-1].endswith("Searched all the same.")


def test_a_behaviour_that_the_corrupt_prompts_show_too_is_refused() -> None:
    with pytest.raises(AskedWrongly, match="the corrupt prompts do not clearly lower it"):
        ready(brackets(), lambda words: "]")


def test_what_the_model_gets_wrong_is_left_out() -> None:
    def nearly(words: list[str]) -> str:
        return ")" if "Mary" in words else closes(words)

    made = ready(brackets(), nearly)
    assert (made.n_failed, made.search.n + made.held_out.n) == (1, 9)
    assert made.said[-1] == "Left out 1 pair that the model gets wrong."
    assert made.accuracy == pytest.approx(0.9)


def test_prompts_of_one_length_where_positions_are_told_apart() -> None:
    longer = Example("Mary ( Mary [ gull", "Mary [ Mary ( gull", "]", ")", "x")
    assert not ready(brackets(longer)).aligned
    made = ready(brackets(longer), aligned=True)
    assert made.aligned
    assert made.said[0] == "Left out 1 pairs that are not 5 tokens long, as most are."


def test_pairs_that_share_a_prompt_stay_together() -> None:
    """A prompt that is clean in one row and corrupt in another would be seen on both sides."""
    text = [f"( {n} [ gull" for n in NAMES] + [f"[ {n} ( gull" for n in NAMES]
    there = [Example(a, b, "]", ")", "") for a, b in zip(text[:10], text[10:], strict=True)]
    back = [Example(b, a, ")", "]", "") for a, b in zip(text[:10], text[10:], strict=True)]
    pairs = [e._replace(group=str(i)) for i, e in enumerate((*there, *back))]
    made = ready(Task("mine", "", tuple(pairs), "", None))
    assert (made.search.n, made.held_out.n) == (10, 10)
    seen = [
        {tuple(row) for side in (half.clean, half.corrupt) for row in side.tolist()}
        for half in (made.search, made.held_out)
    ]
    assert not seen[0] & seen[1]
    one = [e._replace(group="all") for e in pairs]
    with pytest.raises(AskedWrongly, match="share prompts or groups all through"):
        ready(Task("mine", "", tuple(one), "", None))


def test_a_split_keeps_its_share_as_well_as_the_groups_allow() -> None:
    keys = [[i // 7] for i in range(70)]
    search, held = split(keys, 0.3, seed=0)
    assert (len(search), len(held)) == (49, 21)
    assert sorted(search + held) == list(range(70))
    assert not {keys[i][0] for i in search} & {keys[i][0] for i in held}
    assert split(keys, 0.3, seed=0) == (search, held)


def test_both_field_namings_ids_and_texts_are_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(
        '{"clean": "The keys", "corrupt": "The key", "answer": " are", "wrong": " is"}\n\n'
        '{"clean_prefix": [1, 2], "patch_prefix": [1, 3], "clean_answer": 7, "patch_answer": [8]}\n'
        '{"clean": "Paula", "corrupt": null, "answer": " is", "group": "p"}\n'
    )
    assert read_jsonl(file) == [
        Example("The keys", "The key", " are", " is", ""),
        Example((1, 2), (1, 3), 7, 8, ""),
        Example("Paula", None, " is", None, "p"),
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"clean": "a", "wrong": "b"}', r"no answer \(or clean_answer\); there are clean, wrong"),
        ('{"answer": "a"}', r"no clean \(or clean_prefix\)"),
        ('{"clean": 3, "answer": "a"}', "clean is 3, not a text or a list of token ids"),
        ('{"clean": "a", "answer": ["b", "c"]}', "answer is .*, not a text or one token id"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, what: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"clean": "a", "answer": "b"}\n' + line + "\n")
    with pytest.raises(AskedWrongly, match=rf"bad\.jsonl line 2: .*{what}"):
        read_jsonl(file)


def test_a_line_whose_answer_is_wrong_too_is_left_out_as_other_misfits_are(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    rows = [example._asdict() for example in brackets().examples]
    rows[3]["wrong"] = rows[3]["answer"]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model: Any = Knows(closes)
    made = prepare(load_task(str(file), model), model)
    assert made.n_dropped == 1
    assert f"Left out 1 of {len(rows)} pairs: answer and wrong are one token" in made.said[0]


def test_tasks_are_found_by_name(tmp_path: Path) -> None:
    model: Any = Knows(closes)
    made = load_task("brackets", model, limit=20)
    assert (made.template, made.shifted) == ("tiny_brackets", "tiny_brackets_shifted")
    assert made.said == ("Task brackets is tiny_brackets for tiny.",)
    assert prepare(made, model).accuracy == 1
    file = tmp_path / "few.jsonl"
    file.write_text("\n".join(f'{{"clean": "Mary {i}", "answer": "row"}}' for i in range(9)))
    few = load_task(str(file), model, limit=4)
    assert len(few.examples) == 4
    assert few.said == ("Of 9 pairs in few.jsonl 4 are taken at random.",)
    with pytest.raises(AskedWrongly, match="did you mean tiny_brackets"):
        load_task("tiny_braket", model)
    with pytest.raises(AskedWrongly, match="There is no task file"):
        load_task("none.jsonl", model)
    with pytest.raises(AskedWrongly, match="too few of the words"):
        load_task("greater_than", model)
    with pytest.raises(AskedWrongly, match="there is none here"):
        load_task("sql:SELECT 1", model)
