"""What the README says of nodes by span is what the bench found."""

from __future__ import annotations

import json
from pathlib import Path

from jobs.task.jsonl import read_jsonl
from jobs.task.task import Example, Span
from tests.bench.circuits_spans import LONGER, RESULTS, line, table

README = Path(__file__).parents[3] / "README.md"


def test_the_table_of_the_readme_is_that_of_the_results() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert table(found["circuits"]) in README.read_text(encoding="utf-8")


def test_every_other_pair_is_told_in_a_longer_sentence(tmp_path: Path) -> None:
    pair = Example(
        "The teachers", "The teacher", " are", " is", "0",
        (Span("subject", 4, 12),), (Span("subject", 4, 11),),
    )  # fmt: skip
    file = tmp_path / "mixed.jsonl"
    file.write_text("\n".join(json.dumps(line(pair, said)) for said in ("", LONGER)))
    short, long = read_jsonl(file)
    assert short == pair
    assert long.clean == "We heard that the teachers" and long.spans == (Span("subject", 18, 26),)
    assert long.corrupt == "We heard that the teacher"
    assert long.corrupt_spans == (Span("subject", 18, 25),)
