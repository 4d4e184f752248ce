"""``saetui sql``: what it takes, what it gives, and what it refuses."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.workspaces import PROFILED

ODD = """SELECT * FROM (VALUES
  (1, 'plain', 1.5, TRUE, TIMESTAMPTZ '2026-03-01 12:00:00+00', [1, 2], {'a': 'x'},
   '{"k": 1}'::JSON),
  (2, 'com,ma "quoted"', 'nan'::DOUBLE, FALSE, NULL, [], NULL, NULL)
) AS t(n, text, x, yes, moment, list, struct, json)"""


def test_a_table_in_a_pipe_is_aligned_and_whole(saetui, garden) -> None:
    ended = saetui("sql", "-w", garden, "SELECT dictionary, fvu FROM dictionaries ORDER BY fvu")
    lines = ended.out.splitlines()
    assert ended.status == 0
    assert lines[0].split() == ["dictionary", "fvu"]
    assert lines[1].split() == [PROFILED[0], "0.124"]
    assert lines[4].split()[1] == "—"  # not measured


def test_csv_is_what_a_spreadsheet_reads(saetui, garden) -> None:
    text = saetui("sql", "-w", garden, ODD, "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["yes"] == "true"
    assert rows[0]["list"] == "[1, 2]"
    assert rows[0]["json"] == '{"k": 1}'
    assert rows[0]["moment"].startswith("2026-03-01T12:00:00")
    assert rows[1]["text"] == 'com,ma "quoted"'
    assert rows[1]["x"] == ""


def test_json_is_one_document_with_values_json_knows(saetui, garden) -> None:
    first, second = saetui("sql", "-w", garden, ODD, "--format", "json").json
    assert first["json"] == {"k": 1}
    assert first["struct"] == {"a": "x"}
    assert second["x"] is None
    assert saetui("sql", "-w", garden, "SELECT 1 WHERE false", "--format", "json").json == []


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.parquet"])
def test_output_is_named_by_its_suffix_and_appears_whole(saetui, garden, name: str) -> None:
    ended = saetui("sql", "-w", garden, "FROM features", "-o", name)
    assert (ended.status, ended.out) == (0, "")
    assert [path.name for path in Path().iterdir()] == [name]
    if name == "out.parquet":
        assert pq.read_metadata(name).num_rows == 3 * 256


def test_a_failed_query_leaves_no_file(saetui, garden) -> None:
    query = "SELECT CAST(dictionary AS INTEGER) FROM features"
    ended = saetui("sql", "-w", garden, query, "--output", "out.csv")
    assert ended.status == 1
    assert "Conversion Error" in ended.err
    assert not list(Path().iterdir())


def test_the_statement_may_come_from_stdin(saetui, garden, monkeypatch) -> None:
    text = b"SELECT count(*) AS n FROM features"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert saetui("sql", "-w", garden, "-", "--format", "json").json == [{"n": 768}]


def test_limit_cuts_what_is_printed(saetui, garden) -> None:
    ended = saetui("sql", "-w", garden, "FROM features", "--limit", 3, "--format", "json")
    assert len(ended.json) == 3


@pytest.mark.parametrize(
    "query",
    [
        "COPY (SELECT 1) TO 'stolen.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'stolen.csv'",
        "ATTACH 'stolen.duckdb'",
        "SELECT 1; SELECT 2",
        "PRAGMA version",
        "SELECT '\udcff'",
        "",
    ],
)
def test_only_one_statement_that_reads_is_run(saetui, garden, query: str) -> None:
    ended = saetui("sql", "-w", garden, query)
    assert (ended.status, ended.out) == (2, "")
    assert not list(garden.rglob("stolen*"))


def test_nothing_outside_the_workspace_is_read(saetui, garden) -> None:
    ended = saetui("sql", "-w", garden, "SELECT content FROM read_text('/etc/hostname')")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.count("\n") < 5


def test_an_unknown_column_is_answered_with_the_nearest(saetui, garden) -> None:
    ended = saetui("sql", "-w", garden, "SELECT densty FROM features")
    assert ended.status == 1
    assert '"density"' in ended.err


def test_an_unwritable_output_is_one_sentence(saetui, garden) -> None:
    ended = saetui("sql", "-w", garden, "SELECT 1", "-o", "no/such/folder/out.csv")
    assert ended.status == 1
    assert ended.err.startswith("saetui: no/such/folder/out.csv cannot be written")


def test_a_part_damaged_inside_is_named_then_left_out(saetui, garden, tmp_path: Path) -> None:
    root = Path(shutil.copytree(garden, tmp_path / "copy"))
    part = next((root / "tables/top_activations").rglob("part-*.parquet"))
    content = bytearray(part.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    part.write_bytes(content)
    query = "SELECT sum(activation) FROM top_activations"
    first = saetui("sql", "-w", root, query)
    assert first.status == 1 and str(part) in first.err and "doctor" in first.err
    assert saetui("sql", "-w", root, query).status == 0
    page = saetui("feature", "-w", root, PROFILED[0], 0)
    assert page.status == 0 and "left out" in page.err
