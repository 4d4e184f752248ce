"""One page with all of a circuit in it: it fetches nothing and runs nothing but its own script.

The page is ``themes/circuit.html``: its style and its script are named by their checksums in its
content security policy, so that no text of a circuit could run even if it escaped its place. All
of it comes in as JSON and is shown by ``textContent``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from typing import Any

import themes
from saetui.circuits.exports import Exported
from saetui.circuits.exports.as_json import plain
from saetui.circuits.exports.as_svg import STYLE, picture
from saetui.circuits.graph import graph_of
from saetui.circuits.names import names
from saetui.circuits.text import said_of
from saetui.text import inert

LARGEST = 60
"""Nodes up to which a size is drawn as a picture."""

MOST = 2_000
"""Nodes that the page holds, the first by rank."""


def write(exported: Exported) -> str:
    """The page."""
    page = _template()
    style = _block(page, "style").replace("/* the picture */", STYLE)
    script = _block(page, "script")
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{_checksum(style)}'; script-src '{_checksum(script)}'"
    )
    about = exported.whole.about
    filled = {
        "policy": escape(policy),
        "title": escape(inert(f"{about.circuit} · {about.task}")),
        "style": style,
        "data": _data(exported),
        "pictures": _pictures(exported),
        "script": script,
    }
    page = re.sub(r"<style>.*?</style>", "<style>{{style}}</style>", page, flags=re.DOTALL)
    page = re.sub(r"<script>.*?</script>", "<script>{{script}}</script>", page, flags=re.DOTALL)
    return re.sub(r"{{(\w+)}}", lambda found: filled[found[1]], page)


def _template() -> str:
    from importlib.resources import files

    return files(themes).joinpath("circuit.html").read_text(encoding="utf-8")


def _block(page: str, tag: str) -> str:
    """What stands between ``<tag>`` and ``</tag>``."""
    return page.split(f"<{tag}>", 1)[1].split(f"</{tag}>", 1)[0]


def _checksum(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def _data(exported: Exported) -> str:
    """All that the script shows, as JSON that can end no element."""
    whole = exported.whole
    called = names(whole)
    shown = whole._replace(nodes=whole.nodes[:MOST])
    data = {
        "about": whole.about._asdict(),
        "asked": said_of(whole.about),
        "baseline": whole.about.baseline,
        "size": exported.size,
        "sizes": shown.sizes,
        "nodes": [
            {**node._asdict(), "name": called[node.node], "kind": node.kind,
             "example": _example(exported, node.dictionary, node.feature)}
            for node in shown.nodes
        ],
        "edges": [edge._asdict() for edge in whole.edges],
        "measured": graph_of(whole).measured,
        "names": called,
        "curve": [point._asdict() for point in whole.curve],
        "others": [
            {"about": each.about._asdict(), "baseline": each.about.baseline,
             "curve": [point._asdict() for point in each.curve]}
            for each in exported.others
        ],
        "prompts": [dict(prompt) for prompt in exported.prompts],
    }  # fmt: skip
    text = json.dumps(_inert(plain(data)), allow_nan=False)  # ASCII: what else there is, is escaped
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _example(exported: Exported, dictionary: str | None, feature: int | None) -> Any:
    found = exported.examples.get((dictionary or "", -1 if feature is None else feature))
    return None if found is None else [found.before or "", found.peak or "", found.after or ""]


def _inert(value: Any) -> Any:
    """Every text without what would reorder or hide other text."""
    match value:
        case str():
            return inert(value)
        case dict():
            return {name: _inert(each) for name, each in value.items()}
        case list():
            return [_inert(each) for each in value]
    return value


def _pictures(exported: Exported) -> str:
    """The picture at every size that is not too large for one."""
    sizes = [size for size in exported.whole.sizes if size <= LARGEST]
    return "\n".join(
        f'<figure data-size="{size}" hidden>'
        + picture(exported._replace(size=size), inside=True)
        + "</figure>"
        for size in sizes
    )
