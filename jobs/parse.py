"""From ``key=value`` or TOML to specs, strictly, and from a spec back to its command."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from jobs.describe import describe, element, is_list, optional, spec_class
from jobs.specs import Spec
from store.errors import AskedWrongly

MOST = 1000
"""Jobs that one sweep may make."""

_COMMA = re.compile(r"(?<!\\),")
_BEFORE = r"(?<!\\),(?=\s*{})"
"""A comma before what is taken whole."""
_SHORT = re.compile(r"^([+-]?[0-9][0-9_]*(?:\.[0-9]+)?)([kKmMgG])$")
_FACTOR = {"k": 10**3, "m": 10**6, "g": 10**9}


def parse(
    kind: str, raw: Mapping[str, Any], ws_defaults: Mapping[str, Any] | None = None
) -> list[Spec]:
    """Specs of `kind` from keys and values: text, as typed, or what TOML holds.

    A list where one value is wanted makes a spec for each of its values (a sweep; several sweep
    together as their product, the last key fastest). In text a comma separates; ``\\,`` is a
    comma itself; a value that names an existing file is never split, nor is SQL. Whole numbers
    may be written ``400k``, ``2M`` or ``1e6``. Keys that `raw` lacks come from `ws_defaults` as
    far as they hold, see `defaults`. Paths become absolute.

    Raises AskedWrongly naming the key and what is wanted, before anything has started.
    """
    fields = spec_class(kind).model_fields
    for key in raw:
        if key not in fields:
            raise AskedWrongly(_unknown(kind, key))
    values = {**defaults(kind, raw, ws_defaults or {}), **raw}
    choices = [_choices(fields[key], value) for key, value in values.items()]
    if any(not choice for choice in choices):
        empty = next(key for key, choice in zip(values, choices, strict=True) if not choice)
        raise AskedWrongly(f"{kind}: {empty} has no value; {_wanted(kind, empty)}.")
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MOST:
        raise AskedWrongly(f"{kind}: this sweep makes {count} jobs; at most {MOST} are allowed.")
    return [make(kind, {**dict(zip(values, point, strict=True))}) for point in product(*choices)]


def defaults(kind: str, raw: Mapping[str, Any], ws_defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a workspace's defaults that hold for a `kind` asked for by `raw`: of keys that it
    has, and that no key of `raw` makes give way (`Spec.gives_way`).
    """
    spec = spec_class(kind)
    given = {key for key, value in raw.items() if _says_something(value)}
    return {
        key: value
        for key, value in ws_defaults.items()
        if key in spec.model_fields and not given & set(spec.gives_way.get(key, ()))
    }


def _says_something(value: Any) -> bool:
    text = value.strip().lower() if isinstance(value, str) else value
    return text not in (None, "", "none", "null", [], ())


def parse_words(words: list[str]) -> dict[str, str]:
    """``["k=32", "hooks=L2.resid_post"]`` as a dict; AskedWrongly for anything else."""
    raw: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise AskedWrongly(f"{word!r} is not key=value, e.g. seed=0.")
        if key in raw:
            raise AskedWrongly(f"{key} is given twice; separate several values by commas.")
        raw[key] = value
    return raw


def make(kind: str, values: Mapping[str, Any]) -> Spec:
    """One spec from values of the right types; AskedWrongly naming the first that is not valid."""
    try:
        return spec_class(kind).model_validate(dict(values))
    except ValidationError as error:
        raise AskedWrongly(_sentence(kind, error)) from error


def dump(spec: Spec) -> dict[str, Any]:
    """A spec as JSON-able data, its kind first; `load` reads it back."""
    return {"kind": spec.kind, **spec.model_dump(mode="json")}


def load(values: Mapping[str, Any]) -> Spec:
    """The spec that `dump` wrote."""
    return make(values["kind"], {key: value for key, value in values.items() if key != "kind"})


def shell_command(spec: Spec | Mapping[str, Any]) -> str:
    """The command that asks for a spec, only its non-default keys: ``saetui run KIND k=v …``."""
    if not isinstance(spec, Spec):
        spec = load(spec)
    words = ["saetui", "run", spec.kind]
    for name, info in type(spec).model_fields.items():
        value = getattr(spec, name)
        if info.is_required() or value != info.get_default(call_default_factory=True):
            words.append(shlex.quote(f"{name}={_typed(value)}"))
    return " ".join(words)


def _choices(info: FieldInfo, value: Any) -> list[Any]:
    """The values of one key that a sweep runs through; mostly a single one."""
    if isinstance(value, str):
        words = [value.replace("\\,", ",")] if _whole_after(info) == "" else _split(info, value)
        parts = [_read(info, part) for part in words]
        if not is_list(info):
            return parts or [_read(info, "")]
        return [None if parts == [None] else parts] if parts else []
    if not isinstance(value, list | tuple):
        return [_read(info, value)]
    if not is_list(info) or any(isinstance(part, list | tuple) for part in value):
        return [_each(info, part) for part in value]
    return [_each(info, value)] if value else []


def _each(info: FieldInfo, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_read(info, part) for part in value]
    return _read(info, value)


def _split(info: FieldInfo, text: str) -> list[str]:
    """The values in `text`, as a comma separates them; SQL after its prefix runs to the end, or to
    a comma before another such prefix.
    """
    if "," in text and _exists(text.removeprefix("file:")):
        return [text]
    parts: list[str] = []
    prefix = _whole_after(info)
    for stretch in re.split(_BEFORE.format(re.escape(prefix)), text) if prefix else [text]:
        whole = prefix and stretch.lstrip().startswith(prefix)
        parts += [stretch] if whole else _COMMA.split(stretch)
    parts = [part.strip().replace("\\,", ",") for part in parts]
    return [part for part in parts if part]


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, no such home
        return False


def _read(info: FieldInfo, value: Any) -> Any:
    """One value: what text means for this type; everything else as it is."""
    inner = element(info)
    if isinstance(value, bool) and inner in (int, float):
        # pydantic would take true for 1: hand it on as text, which it refuses.
        return str(value).lower()
    if not isinstance(value, str):
        return value
    if value.lower() in ("none", "null", "") and optional(info):
        return None
    if inner is int:
        return _whole(value)
    return _absolute(value) if inner is str and _may_be_path(info) else value


def _whole(text: str) -> Any:
    if short := _SHORT.match(text):
        number = float(short[1].replace("_", "")) * _FACTOR[short[2].lower()]
    elif "e" in text.lower():
        try:
            number = float(text)
        except ValueError:
            return text
    else:
        return text
    return int(number) if number.is_integer() else text


def _may_be_path(info: FieldInfo) -> bool:
    extra = info.json_schema_extra
    return not isinstance(extra, dict) or extra.get("path") is not False


def _whole_after(info: FieldInfo) -> str | None:
    """What text begins with whose commas are its own, being SQL: ``""`` where all of it is, None
    where none is.
    """
    extra = info.json_schema_extra
    after = extra.get("whole_after") if isinstance(extra, dict) else None
    return after if isinstance(after, str) else None


def _absolute(text: str) -> str:
    """Paths are written out in full: a job may run in another folder than it was asked from."""
    scheme = "file:" if text.startswith("file:") else ""
    path = text.removeprefix(scheme)
    local = path.startswith(("./", "../", "~")) or path.endswith(".gguf")
    # A folder of a model or a dictionary looks like a hub name; it is a path if it is there.
    there = "/" in path and any(_exists(f"{path}/{name}.json") for name in ("config", "cfg"))
    if path and (scheme or local or there):
        return scheme + os.path.abspath(os.path.expanduser(path))
    return text


def _typed(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(_typed(part) for part in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value).replace(",", "\\,")


def _unknown(kind: str, key: str) -> str:
    fields = list(spec_class(kind).model_fields)
    near = difflib.get_close_matches(key, fields, n=2, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "it has: " + ", ".join(fields) + "."
    return f"{kind} has no key {key!r}; {hint}"


def _wanted(kind: str, key: str) -> str:
    field = next(field for field in describe(kind)["fields"] if field["name"] == key)
    limits = f" {field['range']}" if field["range"] else ""
    says = f" ({field['description']})" if field["description"] else ""
    return f"wanted: {field['type']}{limits}{says}"


def _sentence(kind: str, error: ValidationError) -> str:
    """The first of the faults as one sentence, with the keys of the others."""
    faults = error.errors()
    first = faults[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    others = sorted({str(fault["loc"][0]) for fault in faults if fault["loc"]} - {key})
    more = f" Also wrong: {', '.join(others)}." if others else ""
    if first["type"] == "missing":
        return f"{kind} needs {key}=…; {_wanted(kind, key)}.{more}"
    if first["type"] == "extra_forbidden":
        return _unknown(kind, key)
    if not key:
        return f"{kind}: {first['msg'].removeprefix('Value error, ')}.{more}"
    # A list's fault names its element by position: quote that element.
    value = first["input"]
    return f"{kind}: {key}={_quoted(value)} is not valid; {_wanted(kind, key)}.{more}"


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    shown = text if len(text) <= 80 else text[:79] + "…"
    return repr(shown) if isinstance(value, str) else shown
