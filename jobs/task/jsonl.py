"""Tasks in JSON lines: one pair a line, in our field names or sparse feature circuits'."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.task.spans import read_spans
from jobs.task.task import Example, Spans, Text
from store.errors import AskedWrongly, SaetuiError

FIELDS = {
    "clean": ("clean", "clean_prefix"),
    "corrupt": ("corrupt", "patch_prefix"),
    "answer": ("answer", "clean_answer"),
    "wrong": ("wrong", "patch_answer"),
    "spans": ("spans", "clean_spans"),
    "corrupt_spans": ("corrupt_spans", "patch_spans"),
}
"""What each field may be called."""
_SHOWN = 40


def read_jsonl(path: Path) -> list[Example]:
    """The pairs in `path`; raises AskedWrongly for a line that is none, by file and number.

    A prompt is a string or a list of token ids, an answer a string, an id or a list of one.
    ``corrupt`` and ``wrong`` may be left out (ablation by other prompts needs the first). A field
    ``group`` says what must stay together in a split, where shared prompts do not say it all.
    ``spans`` name parts of the clean prompt (`jobs.task.spans`), ``corrupt_spans`` those of the
    corrupt one, which must stand at the same tokens and may be left out.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise AskedWrongly(f"{path} is not UTF-8 (byte {error.start}), so it is no task.") from None
    except OSError as error:
        raise SaetuiError(f"{path} cannot be read: {error.strerror}.") from None
    found = list(_examples(path, lines))
    if not found:
        raise AskedWrongly(f"{path} holds no pairs; each line is one, as JSON.")
    return found


def _examples(path: Path, lines: list[str]) -> Iterator[Example]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _example(line)
            except ValueError as error:
                raise AskedWrongly(f"{path} line {number}: {error}") from None


def _example(line: str) -> Example:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON ({error}).") from None
    if not isinstance(row, dict):
        raise ValueError("not a JSON object with clean and answer.")
    clean, corrupt = (_prompt(row, field) for field in ("clean", "corrupt"))
    answer, wrong = (_token(row, field) for field in ("answer", "wrong"))
    if clean is None or answer is None:
        missing = "clean" if clean is None else "answer"
        raise ValueError(f"no {missing} (or {FIELDS[missing][1]}); there are {_keys(row)}.")
    spans, corrupt_spans = _spans(row, "spans", clean), _spans(row, "corrupt_spans", corrupt)
    return Example(clean, corrupt, answer, wrong, str(row.get("group", "")), spans, corrupt_spans)


def _field(row: dict[str, Any], field: str) -> tuple[str, Any]:
    name = next((name for name in FIELDS[field] if row.get(name) is not None), field)
    return name, row.get(name)


def _prompt(row: dict[str, Any], field: str) -> str | tuple[int, ...] | None:
    name, value = _field(row, field)
    if value is None:
        return None
    if isinstance(value, list) and value and all(type(item) is int for item in value):
        return tuple(value)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is {_shown(value)}, not a text or a list of token ids.")
    return value


def _token(row: dict[str, Any], field: str) -> str | int | None:
    name, value = _field(row, field)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or type(value) is int:
        return value
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is {_shown(value)}, not a text or one token id.")
    return value


def _spans(row: dict[str, Any], field: str, prompt: Text | None) -> Spans | None:
    name, value = _field(row, field)
    if value is None:
        return None
    if prompt is None:
        raise ValueError(f"{name} are there, and no prompt that they could be of.")
    try:
        return read_spans(value, prompt)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _keys(row: dict[str, Any]) -> str:
    return ", ".join(list(row)[:8]) or "no fields at all"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
