"""Built-in tasks: pairs of equal length, one token to answer, nothing shared by two groups."""

from __future__ import annotations

import json
import re
from collections import defaultdict

import pytest

from jobs.model.truth import LISTED
from jobs.specs.tasks import tasks
from jobs.task import templates
from jobs.task.templates.made import whole
from tests.unit.task.knows import tokenizer

OF_TINY = [name for name in templates.TEMPLATES if name.startswith("tiny_")]
ENGLISH = [name for name in templates.TEMPLATES if not name.startswith("tiny_")]


class Words:
    """A tokenizer that has every word whole, each with the space before it, and digits apart."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}

    def encode(self, text: str) -> list[int]:
        parts = re.findall(r" ?[A-Za-z]+| ?\d|[^\w\s]", text)
        return [self.ids.setdefault(part, len(self.ids)) for part in parts]

    def token(self, id: int) -> str:
        return list(self.ids)[id]

    def vocabulary(self) -> dict[str, int]:
        return {a + b + c: 0 for a in "bdfgklm" for b in "aeiou" for c in "npstr"}


def spells(name: str) -> templates.Spells:
    return tokenizer() if name in OF_TINY else Words()


@pytest.mark.parametrize("name", templates.TEMPLATES)
def test_pairs_differ_in_as_little_as_they_say(name: str) -> None:
    speaks = spells(name)
    made = templates.make(name, speaks, 64, seed=0)
    assert 40 <= len(made) <= 64
    for example in made:
        assert isinstance(example.clean, str)
        assert isinstance(example.corrupt, str)
        clean, corrupt = speaks.encode(example.clean), speaks.encode(example.corrupt)
        assert len(clean) == len(corrupt)
        assert 1 <= sum(a != b for a, b in zip(clean, corrupt, strict=True)) <= 2
        for answer in (example.answer, example.wrong):
            assert isinstance(answer, str)
            assert whole(speaks, answer)
        assert example.answer != example.wrong


@pytest.mark.parametrize("name", templates.TEMPLATES)
def test_no_two_groups_share_a_content_word(name: str) -> None:
    """What every group says is the template; what some say is theirs alone."""
    seen = defaultdict(set)
    made = templates.make(name, spells(name), 300, seed=1)
    groups = {example.group for example in made}
    for example in made:
        for word in re.findall(r"\w+", str(example.clean)):
            seen[word].add(example.group)
    own = [word for word, where in seen.items() if len(where) == 1]
    shared = {word for word, where in seen.items() if 1 < len(where) < len(groups)}
    assert len(groups) >= 4
    assert len(own) >= 10
    # Digits, verbs of any topic and prepositions belong to nobody; no noun, no name is shared.
    allowed = {"near", "behind", "beside", "by", "under", "above"}
    if name.startswith(("tiny_gender", "tiny_ioi")):
        names = {word for word in shared if word[0].isupper()}
        assert not names
    elif not name.startswith("greater_than"):
        assert shared <= allowed


@pytest.mark.parametrize("name", templates.TEMPLATES)
def test_the_same_seed_gives_the_same_pairs(name: str) -> None:
    first, again, other = (templates.make(name, spells(name), 32, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", templates.TEMPLATES)
def test_every_task_has_a_sibling_in_other_words(name: str) -> None:
    sibling = templates.TEMPLATES[name].shifted
    assert sibling in templates.TEMPLATES
    assert sibling != name
    assert {e.clean for e in templates.make(name, spells(name), 50, 0)}.isdisjoint(
        e.clean for e in templates.make(sibling, spells(name), 50, 0)
    )


def test_answers_are_what_the_prompts_say() -> None:
    for example in templates.make("ioi", Words(), 50, 0):
        first, second, giver = re.match(
            r"When (\w+) and (\w+) .*, (\w+) gave", str(example.clean)
        ).groups()  # type: ignore[union-attr]
        assert {first, second} == {giver, str(example.answer).strip()}
        assert str(example.wrong) == f" {giver}"
        assert str(example.answer).strip() not in str(example.corrupt).split(",")[1]
    for example in templates.make("greater_than", Words(), 50, 0):
        begins = re.search(r"\d\d(\d\d) to", str(example.clean))
        assert begins
        assert int(str(example.wrong)) <= int(begins[1][0]) <= int(str(example.answer))
    for example in templates.make("tiny_brackets", tokenizer(), 50, 0):
        outer, _, inner, _ = str(example.clean).split()
        closes = {"(": ")", "[": "]", "{": "}"}
        assert (closes[inner], closes[outer]) == (example.answer, example.wrong)
    for example in templates.make("induction", Words(), 50, 0):
        words = str(example.clean).split()
        assert words[words.index(words[-1]) + 1] == str(example.answer).strip()


def test_a_name_means_what_the_model_speaks() -> None:
    assert templates.resolve("agreement", tokenizer()) == "tiny_agreement"
    assert templates.resolve("brackets", tokenizer()) == "tiny_brackets"
    assert templates.resolve("agreement", Words()) == "agreement"
    assert templates.make("ioi", tokenizer(), 10, 0) == []
    assert templates.make("tiny_ioi", Words(), 10, 0) == []


def test_the_list_has_an_example_of_each_that_its_template_could_make() -> None:
    listed = tasks()
    assert [task.name for task in listed] == [
        *templates.TEMPLATES,
        *(f"truth:{name}" for name in LISTED),
    ]
    for task in listed:
        assert task.says.endswith(".")
        assert len(task.clean.split()) == len(task.corrupt.split())
        assert task.answer != task.wrong
    assert json.dumps([task._asdict() for task in listed])
