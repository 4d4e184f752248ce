"""Mistyped names, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str], n: int = 3) -> list[str]:
    """Up to `n` of `names` that look like `name`, the likest first."""
    known = list(names)
    by_lower = {known_name.lower(): known_name for known_name in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=n, cutoff=0.6)
    found = [by_lower[match] for match in close]
    if len(name) > 1:
        found += [known_name for known_name in known if name.lower() in known_name.lower()]
    return list(dict.fromkeys(found))[:n]


def ending(name: str, names: Iterable[str], otherwise: str = "") -> str:
    """The end of a sentence that refuses `name`: what is nearest, or `otherwise`."""
    found = [repr(match) for match in nearest(name, names)]
    if found:
        return f"; did you mean {' or '.join(found)}?"
    return f"; {otherwise}." if otherwise else "."
