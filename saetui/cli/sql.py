"""``saetui sql``: one reading statement, its rows as a table, CSV, JSON or Parquet."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from saetui.cli.output import note, shown, table
from saetui.cli.rows import BATCH, Rows, plain, read
from saetui.cli.where import workspace_at, workspace_option
from saetui.text import inert
from store.errors import AskedWrongly, SaetuiError

if TYPE_CHECKING:
    import duckdb

    from store import Workspace

FORMATS = ("table", "csv", "json", "parquet")
SCREENFUL = 500
"""Rows of a table drawn on a terminal, unless --limit asks for more."""


@click.command("sql")
@click.argument("query", metavar="SELECT…|-")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="[default: by --output]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write.")
@click.option("--limit", type=click.IntRange(min=0), help="Print at most so many rows.")
@workspace_option
def command(
    query: str,
    format_: str | None,
    output: Path | None,
    limit: int | None,
    workspace: Path | None,
) -> None:
    """Ask the workspace in SQL: one statement that reads; - takes it from stdin.

    `saetui docs tables` tells what there is to ask.
    """
    if query == "-":
        query = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    if not _is_text(query):
        raise AskedWrongly("The statement is not valid UTF-8.")
    chosen = format_ or _by_suffix(output)
    ws = workspace_at(workspace)
    with duckdb_errors(), _damage_told(ws):
        relation = ws.sql(query)
        if relation is None:
            raise AskedWrongly("The statement gives no rows.")
        with _destination(output, chosen) as file:
            _write(relation, chosen, file, limit)


@contextlib.contextmanager
def _damage_told(ws: Workspace) -> Iterator[None]:
    """Where a damaged file stops the answer, some of which may be printed already: says so, and
    leaves the file out from now on.
    """
    from store.damage import suspected

    try:
        yield
    except Exception as error:
        found = ws.mend() if suspected(error) else []
        if not found:
            raise
        others = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise SaetuiError(
            f"{found[0]}{others} is damaged ({_said(error)}), and is left out from now on: ask "
            f"again for what there is without it; `saetui doctor {ws.root}` names what to do."
        ) from None


def _said(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _is_text(query: str) -> bool:
    """Whether it came as UTF-8: other bytes of a command line are halves of surrogate pairs."""
    try:
        query.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextlib.contextmanager
def duckdb_errors() -> Iterator[None]:
    """Turns an error of DuckDB's into a sentence of its own words: it points and proposes."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ == "InterruptException" or "Query interrupted" in str(error):
            raise KeyboardInterrupt from None
        if not type(error).__module__.startswith(("duckdb", "_duckdb", "pyarrow")):
            raise
        raise SaetuiError(str(error).strip()) from None


def _by_suffix(output: Path | None) -> str:
    suffix = output.suffix.lower().lstrip(".") if output else ""
    return suffix if suffix in FORMATS else "table"


@contextlib.contextmanager
def _destination(output: Path | None, format_: str) -> Iterator[IO[bytes]]:
    """Stdout, or a file that takes its place only when it is whole."""
    if output is None:
        if format_ == "parquet" and sys.stdout.isatty():
            raise AskedWrongly("Parquet is no text for a terminal; name a file with --output.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    made = output.with_name(f".{output.name}.{os.getpid()}.new")
    try:
        with open(made, "wb") as file:
            yield file
        os.replace(made, output)
    except OSError as error:
        if error.filename is None:
            raise
        raise SaetuiError(f"{output} cannot be written: {error.strerror or error}.") from None
    finally:
        made.unlink(missing_ok=True)


def _write(
    relation: duckdb.DuckDBPyRelation, format_: str, file: IO[bytes], limit: int | None
) -> None:
    if format_ == "parquet":
        _parquet(relation if limit is None else relation.limit(limit), file)
        return
    rows = read(relation)
    if limit is not None:
        rows = rows._replace(values=islice(rows.values, limit))
    text = _Text(file)
    if format_ == "csv":
        _csv(rows, text)
    elif format_ == "json":
        _json(rows, text)
    elif file is sys.stdout.buffer:
        _screen(rows, limit)
    else:
        _tsv(rows, text)


class _Text:
    """Writes text to a binary file; on a terminal, inert."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.inert = file is sys.stdout.buffer and sys.stdout.isatty()

    def write(self, text: str) -> int:
        """Writes `text` in UTF-8; half a surrogate pair, which UTF-8 lacks, as its escape."""
        return self._file.write(text.encode("utf-8", "backslashreplace"))


def _screen(rows: Rows, limit: int | None) -> None:
    most = SCREENFUL if limit is None and sys.stdout.isatty() else None
    values = list(islice(rows.values, most + 1 if most else None))
    table(rows.columns, values[:most])
    if most and len(values) > most:
        note(f"The first {most} rows; --limit, --format csv or --output give more.")


def _csv(rows: Rows, text: _Text) -> None:
    def cell(value: object, type_: str) -> object:
        value = plain(value, "" if type_ == "JSON" else type_)
        if isinstance(value, list | dict):
            value = json.dumps(value, ensure_ascii=False)
        if isinstance(value, bool):
            value = "true" if value else "false"
        return inert(value) if text.inert and isinstance(value, str) else value

    out = csv.writer(text, lineterminator="\n")
    out.writerow(rows.columns)
    for row in rows.values:
        out.writerow([cell(value, type_) for value, type_ in zip(row, rows.types, strict=True)])


def _json(rows: Rows, text: _Text) -> None:
    before = "[\n"
    for record in rows.records():
        text.write(before + json.dumps(record, ensure_ascii=text.inert, allow_nan=False))
        before = ",\n"
    text.write("[]\n" if before == "[\n" else "\n]\n")


def _tsv(rows: Rows, text: _Text) -> None:
    for row in [rows.columns, *rows.values]:
        text.write("\t".join(shown(value, digits=9) for value in row) + "\n")


def _parquet(relation: duckdb.DuckDBPyRelation, file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    batches = relation.arrow(BATCH * 16)
    with pq.ParquetWriter(file, batches.schema, compression="zstd") as out:
        for batch in batches:
            out.write_batch(batch)
