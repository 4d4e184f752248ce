"""Themes as data: ``themes/*.toml``, each a palette; the styles that use them are ``*.tcss``."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from textual.theme import Theme

import themes

FOLDER = Path(themes.__file__).parent
"""Where the themes that come with saetui lie."""

STYLES = FOLDER / "workbench.tcss"
"""The styles of the workbench, in the names of colours that every theme defines."""

DEFAULT = "dark"


@cache
def read(name: str) -> Theme:
    """The theme in ``themes/<name>.toml``."""
    raw = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    return Theme(name=f"saetui-{name}", **raw)


def names() -> list[str]:
    """Names of the themes that come with saetui, the default first."""
    found = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return sorted(found, key=lambda name: name != DEFAULT)
