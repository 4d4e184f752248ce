"""Whatever is typed, the SQL pane writes nothing and reads nothing outside the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from store import AskedWrongly, SaetuiError, Workspace
from store.guard import check_select

SECRET = "the-secret-of-another-folder"


class Box(NamedTuple):
    """A workspace with a file beside it that nobody may read, and what the disk looked like."""

    workspace: Workspace
    connection: duckdb.DuckDBPyConnection
    outside: Path
    before: dict[Path, bytes]

    def disk(self) -> dict[Path, bytes]:
        return {
            path: path.read_bytes() for path in self.outside.parent.rglob("*") if path.is_file()
        }


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    home = tmp_path_factory.mktemp("guard")
    outside = home / "outside.csv"
    outside.write_text(f"a\n{SECRET}\n")
    workspace = Workspace.create(home / "ws")
    (workspace.root / "labels" / "link").symlink_to(home)
    connection = workspace.connect()
    empty = Box(workspace, connection, outside, {})
    yield empty._replace(before=empty.disk())
    connection.close()


def writes(box: Box) -> list[str]:
    """Statements that write, change or leave; every one runs somewhere in plain DuckDB."""
    target = box.workspace.root / "stolen"
    copy = f"COPY features TO '{target}.csv'"
    return [
        *(copy, f"COPY (SELECT 1) TO '{target}.parquet'", f"EXPORT DATABASE '{target}'"),
        *(f"ATTACH '{target}.duckdb' AS a", "DETACH memory", "USE memory", "CHECKPOINT"),
        *("SET threads = 1", "RESET threads", "SET VARIABLE a = 1", "PRAGMA database_list"),
        *("PRAGMA enable_profiling", "CALL pragma_version()", "INSTALL httpfs", "LOAD httpfs"),
        *("CREATE TABLE t (i INT)", "CREATE VIEW w AS SELECT 1", "CREATE MACRO m() AS 1"),
        *("DROP VIEW features", "ALTER VIEW features RENAME TO f", "INSERT INTO labels VALUES (1)"),
        *(
            "DELETE FROM labels",
            "UPDATE labels SET note = ''",
            "TRUNCATE labels",
            "BEGIN",
            "COMMIT",
        ),
        *("PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p", "VACUUM", "ANALYZE"),
        *("COMMENT ON VIEW features IS 'x'", "IMPORT DATABASE 'x'", f"WITH a AS ({copy}) FROM a"),
        *(
            "WITH a AS (DELETE FROM labels RETURNING 1) FROM a",
            f"WITH b AS (WITH a AS ({copy}) FROM a) FROM b",
        ),
        *(
            "WITH a AS (INSERT INTO labels VALUES (1) RETURNING 1) SELECT * FROM a",
            "SELECT write_log('x')",
        ),
        *(
            "FROM enable_logging()",
            f"FROM query('{copy.replace(chr(39), chr(39) * 2)}')",
            "FROM checkpoint()",
        ),
        *("FROM copy_database('a', 'b')", "PIVOT features ON feature USING count(*)"),
    ]


WRAPPED = (
    "{}",
    "EXPLAIN {}",
    "EXPLAIN ANALYZE {}",
    "EXPLAIN (ANALYZE) {}",
    "EXPLAIN (ANALYZE, FORMAT json) {}",
    "explain/**/analyze/* x */{}",
    "EXPLAIN -- ANALYZE SELECT 1\n ANALYZE {}",
    "EXPLAIN EXPLAIN {}",
    "-- SELECT 1\n{}",
    "/* SELECT 1; */ {} ;",
    "SELECT 1; {}",
    "{}; SELECT 1",
    "WITH s AS ({}) SELECT 1",
    "SELECT * FROM (WITH s AS MATERIALIZED ({}) FROM s)",
)


@settings(max_examples=300, deadline=None)
@given(choice=some.integers(0, 10_000), wrapped=some.sampled_from(WRAPPED), upper=some.booleans())
def test_a_statement_that_changes_something_is_refused(
    box: Box, choice: int, wrapped: str, upper: bool
) -> None:
    known = writes(box)
    statement = wrapped.format(known[choice % len(known)])
    with pytest.raises(AskedWrongly):
        check_select(box.connection, statement.upper() if upper else statement)
    assert box.disk() == box.before


def test_every_writing_statement_is_refused_in_every_wrapping(box: Box) -> None:
    for statement in writes(box):
        for wrapped in WRAPPED:
            with pytest.raises(AskedWrongly):
                check_select(box.connection, wrapped.format(statement))
    assert box.disk() == box.before


@pytest.mark.parametrize("wrapped", ["DESCRIBE {}", "SUMMARIZE {}", "FROM ({})"])
def test_where_a_table_is_wanted_a_statement_is_only_a_name(box: Box, wrapped: str) -> None:
    """``FROM (DETACH memory)`` asks for a table called detach; whatever passes, nothing runs."""
    for statement in writes(box):
        with pytest.raises((SaetuiError, duckdb.Error)):
            box.workspace.sql(wrapped.format(statement)).fetchall()
    assert box.disk() == box.before


READS = (
    "read_text('{}')",
    "read_blob('{}')",
    "read_csv('{}')",
    "read_csv_auto(['{}'])",
    "read_json('{}')",
    "read_parquet('{}')",
    "sniff_csv('{}')",
    "parquet_metadata('{}')",
    "glob('{}')",
    "'{}'",
    '"{}"',
)


@pytest.mark.parametrize("way", READS)
@pytest.mark.parametrize(
    "wrapped", ["FROM {}", "EXPLAIN ANALYZE FROM {}", "SELECT (SELECT a FROM {})"]
)
def test_nothing_outside_is_read(box: Box, way: str, wrapped: str) -> None:
    root = box.workspace.root
    places = [
        *(str(box.outside), f"{root}/../outside.csv", f"file://{box.outside}", "/etc/passwd"),
        *(f"{root}/labels/link/outside.csv", "../outside.csv", f"{box.outside.parent}/out*"),
        "https://example.org/a.csv",
    ]
    for place in places:
        with pytest.raises((SaetuiError, duckdb.Error)) as refused:
            box.workspace.sql(wrapped.format(way.format(place))).fetchall()
        assert SECRET not in str(refused.value)


READING = (
    "SELECT 1",
    "FROM features",
    "TABLE features",
    "VALUES (1), (2)",
    "(SELECT 1) UNION (SELECT 2)",
    "WITH a AS (SELECT 1) FROM a",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) FROM t",
    "DESCRIBE features",
    "SHOW TABLES",
    "SUMMARIZE features",
    "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b",
    "PIVOT features ON feature IN (1, 2) USING count(*)",
    "SELECT 'COPY x TO y; ATTACH z' AS \"DROP\" -- ; COPY",
    "SELECT unnest(promoted).token FROM features",
    "FROM feature_activations('d', 1) LIMIT 20",
    "SELECT * FROM duckdb_views()",
    "SELECT count(*) FROM range(10)",
)


@pytest.mark.parametrize(
    "wrapped", ["{}", "{};", "-- note\n{}", "EXPLAIN {}", "EXPLAIN ANALYZE {}"]
)
@pytest.mark.parametrize("statement", READING)
def test_statements_that_read_run(box: Box, statement: str, wrapped: str) -> None:
    box.workspace.sql(wrapped.format(statement)).fetchall()


@settings(max_examples=200, deadline=None)
@given(some.text(max_size=80))
@example("\ud800")
@example("SELECT '\x00'")
@example("EXPLAIN (")
@example("EXPLAIN (FORMAT json")
@example("SELECT " + "(" * 2000)
@example("")
@example(";;")
@example("-- only a comment")
def test_any_text_gets_a_result_or_a_sentence(box: Box, text: str) -> None:
    try:
        statement = check_select(box.connection, text)
    except AskedWrongly as refused:
        said = str(refused)
    else:
        said = box.connection.extract_statements(statement)[0].type.name
    assert said.strip()


@settings(max_examples=150, deadline=None)
@given(
    some.lists(
        some.sampled_from(
            [
                "SELECT 1",
                "EXPLAIN",
                "ANALYZE",
                "COPY features TO 'x'",
                "(",
                ")",
                ";",
                "/*",
                "*/",
                "--",
                "\n",
                "WITH a AS (",
                "FROM a",
                "'",
                "$$",
                "FORMAT json",
                ",",
            ]
        ),
        max_size=8,
    )
)
def test_what_passes_is_one_reading_statement_to_duckdb_too(box: Box, pieces: list[str]) -> None:
    """What comes back is what runs: its type is checked again, and that nothing was written."""
    try:
        statement = check_select(box.connection, " ".join(pieces))
    except AskedWrongly:
        return
    (found,) = box.connection.extract_statements(statement)
    assert found.type.name in ("SELECT", "EXPLAIN")
    with suppress(duckdb.Error):
        box.connection.cursor().execute(statement).fetchall()
    assert box.disk() == box.before


def test_a_mistake_gets_duckdbs_own_words(box: Box) -> None:
    with pytest.raises(SaetuiError, match='"density"') as wrong:
        box.workspace.sql("SELECT densty FROM features")
    assert "Traceback" not in str(wrong.value)
    with pytest.raises(AskedWrongly, match="syntax error"):
        box.workspace.sql("SELEC 1")
