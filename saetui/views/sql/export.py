"""A query's whole result in a file: Parquet, CSV or JSON, by the name's ending."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from store.errors import AskedWrongly, SaetuiError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

BATCH = 16_384
"""Rows held in memory at a time."""

ENDINGS = (".parquet", ".csv", ".json")


def destination(text: str) -> Path:
    """The file that was named; relative to the folder that saetui was started in.

    Raises AskedWrongly for another ending, a file that is there, a folder that is not.
    """
    path = Path(text.strip()).expanduser()
    path = Path.cwd() / path
    if path.suffix.lower() not in ENDINGS:
        raise AskedWrongly(f"The name must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.")
    if path.exists():
        raise AskedWrongly(f"{path} is there already; choose another name.")
    if not path.parent.is_dir():
        raise AskedWrongly(f"There is no folder {path.parent}.")
    return path


def export(cursor: DuckDBPyConnection, sql: str, path: Path) -> int:
    """Writes all rows of `sql`, which only reads, to `path`; gives how many.

    The file takes its name once it is whole.
    """
    from store.guard import check_select

    relation = cursor.sql(check_select(cursor, sql))
    if relation is None:
        raise AskedWrongly("The statement gives no rows.")
    made = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with open(made, "wb") as file:
            write = {".parquet": _parquet, ".csv": _csv, ".json": _json}[path.suffix.lower()]
            rows = write(relation, file)
        os.replace(made, path)
    except OSError as error:
        raise SaetuiError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        made.unlink(missing_ok=True)
    return rows


def _parquet(relation: DuckDBPyRelation, file: IO[bytes]) -> int:
    import pyarrow.parquet as pq

    batches = relation.arrow(BATCH)
    rows = 0
    with pq.ParquetWriter(file, batches.schema, compression="zstd") as out:
        for batch in batches:
            out.write_batch(batch)
            rows += batch.num_rows
    return rows


def _csv(relation: DuckDBPyRelation, file: IO[bytes]) -> int:
    from saetui.cli.rows import read

    found, count = read(relation), 0
    out = csv.writer(_Text(file), lineterminator="\n")
    out.writerow(found.columns)
    for row in found.values:
        out.writerow([_cell(value) for value in row])
        count += 1
    return count


def _cell(value: Any) -> Any:
    from saetui.cli.rows import plain

    value = plain(value)
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _json(relation: DuckDBPyRelation, file: IO[bytes]) -> int:
    from saetui.cli.rows import read

    text, count = _Text(file), 0
    for count, record in enumerate(read(relation).records(), 1):
        text.write("[\n" if count == 1 else ",\n")
        text.write(json.dumps(record, ensure_ascii=False, allow_nan=False))
    text.write("\n]\n" if count else "[]\n")
    return count


class _Text:
    """Text to a binary file, in UTF-8."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode("utf-8", "backslashreplace"))
