"""Rows of a DuckDB relation as plain Python values, read in batches so that memory stays small."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

BATCH = 4096
"""Rows fetched at a time."""


class Rows(NamedTuple):
    """A result that is read once, from its first row to its last."""

    columns: list[str]
    types: list[str]
    """DuckDB types, as SQL writes them."""
    values: Iterator[tuple[Any, ...]]

    def records(self) -> Iterator[dict[str, Any]]:
        """Every row as a dict with values that JSON knows."""
        for row in self.values:
            yield {
                name: plain(value, type_)
                for name, type_, value in zip(self.columns, self.types, row, strict=True)
            }


def read(relation: duckdb.DuckDBPyRelation) -> Rows:
    """The rows of `relation`."""
    types = [str(type_) for type_ in relation.types]
    return Rows(list(relation.columns), types, _values(relation.arrow(BATCH)))


def _values(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        yield from zip(*(_column(column) for column in batch.columns), strict=True)


def _column(column: pa.Array) -> list[Any]:
    """Python values of a column. Timestamps are made here, as pyarrow imports pandas for them."""
    import pyarrow as pa

    if not pa.types.is_timestamp(column.type):
        values: list[Any] = column.to_pylist()
        return values
    zone = ZoneInfo(column.type.tz) if column.type.tz else None
    micros = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).to_pylist()
    return [None if micro is None else _moment(micro, zone) for micro in micros]


def _moment(micro: int, zone: ZoneInfo | None) -> datetime.datetime:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moment = epoch + datetime.timedelta(microseconds=micro)
    return moment.astimezone(zone) if zone else moment.replace(tzinfo=None)


def plain(value: Any, type_: str = "") -> Any:
    """`value` as JSON can say it: times in ISO 8601, NaN and infinities as null."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return _parsed(value) if type_ == "JSON" else value
        case float():
            return value if math.isfinite(value) else None
        case decimal.Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime.date() | datetime.time():  # a datetime is a date
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() if type_.startswith("MAP(") and all(len(pair) == 2 for pair in value):
            return {str(key): plain(item) for key, item in value}
        case list() | tuple():
            return [plain(item) for item in value]
    return str(value)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
