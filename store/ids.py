"""Ids: readable names that are also places on disk. A ``/`` in an id is a nested folder."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable

from store.errors import AskedWrongly

_LONGEST = 200
"""Bytes in one part of an id; file systems allow 255, and suffixes must fit too."""


def check_id(text: str, what: str = "id", *, nested: bool = True) -> str:
    """Returns `text` if it can name a folder inside the workspace.

    Refused: empty parts, ``.`` and ``..``, a leading dot or dash, backslashes, control characters,
    absolute paths, parts over 200 bytes; also ``/`` where `nested` is false. Raises AskedWrongly.
    """
    parts = text.split("/")
    why = next((problem for part in parts if (problem := _problem(part))), "")
    if not nested and len(parts) > 1:
        why = "it holds a /"
    if why:
        raise AskedWrongly(f"{text!r} cannot be a {what}: {why}.")
    return text


def _problem(part: str) -> str:
    if not part:
        return "it is empty or has an empty part"
    if part[0] in ".-~":
        return f"{part!r} starts with {part[0]!r}"
    if "\\" in part or not part.isprintable():
        return "it holds a backslash or a character that cannot be printed"
    if len(part.encode("utf-8", "replace")) > _LONGEST:
        return f"a part of it is longer than {_LONGEST} bytes"
    return ""


def flat(text: str) -> str:
    """An id as one folder name: ``/`` becomes ``.``, long ones end in a short hash."""
    name = text.replace("/", ".")
    if len(name.encode()) > 120:
        name = name[:100] + "." + hashlib.sha256(text.encode()).hexdigest()[:12]
    return name


def nearest(text: str, known: Iterable[str], what: str) -> str:
    """The end of a sentence that refuses `text`, with its mark: the nearest of `known`, or what
    there is.
    """
    names = sorted(known)
    if not names:
        return f"the workspace has no {what} yet."
    close = difflib.get_close_matches(text, names, n=3, cutoff=0.4)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    shown = ", ".join(names[:5])
    return f"there are {shown}" + (f" and {len(names) - 5} more." if len(names) > 5 else ".")
