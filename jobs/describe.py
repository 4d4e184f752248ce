"""What a kind of job can be asked, as plain data: for the form, the help and the reference."""

from __future__ import annotations

import difflib
import importlib
import os
import types
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from jobs.specs import KINDS, Spec
from store.errors import AskedWrongly

_ONE = {int: "whole number", float: "number", str: "text", bool: "true or false"}
_MANY = {int: "whole numbers", float: "numbers", str: "texts", bool: "true or false"}


def kinds() -> dict[str, type[Spec]]:
    """Every kind: the product's own, and those of the modules in ``SAETUI_EXTRA_KINDS``.

    Such a module (importable, several separated by commas) has ``KINDS``, a dict from kind to
    spec, and ``WORK``, a dict from kind to its ``run(spec, context)``.
    """
    found = dict(KINDS)
    for module in _extra():
        found.update(importlib.import_module(module).KINDS)
    return found


def spec_class(kind: str) -> type[Spec]:
    """The spec of a kind; AskedWrongly, with the nearest kinds, if there is none."""
    known = kinds()
    if kind not in known:
        near = difflib.get_close_matches(kind, known, n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"valid are: {', '.join(known)}."
        raise AskedWrongly(f"There is no kind of job {kind!r}; {hint}")
    return known[kind]


def work(kind: str) -> Callable[[Any, Any], None]:
    """The function that does a kind's work; importing it may import torch."""
    spec_class(kind)
    for module in _extra():
        extra = importlib.import_module(module)
        if kind in extra.WORK:
            return extra.WORK[kind]
    return importlib.import_module(f"jobs.kinds.{kind}").run


def describe(kind: str) -> dict[str, Any]:
    """A kind and its fields, ready for JSON.

    ``{"kind", "says", "fields": [{"name", "type", "list", "required", "default", "range",
    "choices", "description"}, …]}``; ``range`` is text such as ``"greater than 0"`` or "".
    """
    return _described(spec_class(kind))


@cache
def _described(spec: type[Spec]) -> dict[str, Any]:
    """By the class, not by its name: extra kinds may come and go under one name."""
    fields = [_field(name, info) for name, info in spec.model_fields.items()]
    # What must be said comes first, what every kind has comes last.
    fields.sort(key=lambda field: (not field["required"], field["name"] in Spec.model_fields))
    return {"kind": spec.kind, "says": spec.says, "fields": fields}


def is_list(info: FieldInfo) -> bool:
    """Whether a field holds a list."""
    return any(get_origin(part) is list or part is list for part in _alternatives(info.annotation))


def element(info: FieldInfo) -> Any:
    """Type of a field's value, or of an element of its list; without None and constraints."""
    parts = [part for part in _alternatives(info.annotation) if part is not types.NoneType]
    inner = parts[0] if len(parts) == 1 else str
    if get_origin(inner) is list:
        inner = get_args(inner)[0]
    return _bare(inner)


def optional(info: FieldInfo) -> bool:
    """Whether a field may be None."""
    return types.NoneType in _alternatives(info.annotation)


def _field(name: str, info: FieldInfo) -> dict[str, Any]:
    inner = element(info)
    choices = list(get_args(inner)) if get_origin(inner) is Literal else _or_words(info)
    listed = is_list(info)
    if choices:
        text = ("any of " if listed else "one of ") + ", ".join(map(str, choices))
    else:
        text = f"list of {_MANY.get(inner, 'texts')}" if listed else _ONE.get(inner, "text")
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    return {
        "name": name,
        "type": text + (" or none" if optional(info) else ""),
        "list": listed,
        "required": info.is_required(),
        "default": default,
        "range": _range(info),
        "choices": choices,
        "description": info.description or "",
    }


def _or_words(info: FieldInfo) -> list[str]:
    """What may be said of a field that is true, false, or one of some words; empty for others."""
    parts = _alternatives(info.annotation)
    words = [word for part in parts if get_origin(part) is Literal for word in get_args(part)]
    return ["false", "true", *words] if words and bool in parts else []


def _range(info: FieldInfo) -> str:
    """Bounds of a number, wherever they were declared: on the field or on a list's element."""
    words = {"gt": "greater than", "ge": "at least", "lt": "less than", "le": "at most"}
    found: dict[str, Any] = {}
    for constraint in [*info.metadata, *_constraints(info.annotation)]:
        for name in words:
            bound = getattr(constraint, name, None)
            if bound is not None and name not in found:
                found[name] = bound
    return ", ".join(f"{words[name]} {bound}" for name, bound in found.items())


def _constraints(annotation: Any) -> list[Any]:
    """Annotations found anywhere inside a type."""
    inside = [_constraints(part) for part in get_args(annotation) if not isinstance(part, str)]
    flat = [constraint for part in inside for constraint in part]
    if hasattr(annotation, "__metadata__"):
        for part in annotation.__metadata__:
            # Field(gt=0) keeps its bounds in metadata of its own.
            flat.extend(getattr(part, "metadata", None) or [part])
    return flat


def _alternatives(annotation: Any) -> list[Any]:
    annotation = _bare(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return [_bare(part) for part in get_args(annotation)]
    return [annotation]


def _bare(annotation: Any) -> Any:
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    return annotation


def _extra() -> list[str]:
    named = os.environ.get("SAETUI_EXTRA_KINDS", "")
    return [module for module in named.split(",") if module]
