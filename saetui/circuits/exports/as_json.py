"""The whole circuit, every node and edge of it, as one JSON document."""

from __future__ import annotations

import json
import math
from typing import Any

from saetui.circuits.exports import Exported
from saetui.circuits.graph import graph_of

FORMAT = 1


def write(exported: Exported) -> str:
    """The document; what a terminal or a page would obey in it is escaped."""
    return json.dumps(record(exported), indent=1, allow_nan=False) + "\n"


def record(exported: Exported) -> dict[str, Any]:
    """What the document says."""
    whole = exported.whole
    found = {
        "format": FORMAT,
        **whole.about._asdict(),
        "size": exported.size,
        "nodes_taken": [node._asdict() for node in whole.nodes],
        "edges": [edge._asdict() for edge in whole.edges],
        "edges_among": graph_of(whole).measured,
        "curve": [point._asdict() for point in whole.curve],
        "prompts": [dict(prompt) for prompt in exported.prompts],
    }
    return {name: plain(value) for name, value in found.items()}


def plain(value: Any) -> Any:
    """`value` as JSON can say it: no NaN, no infinities."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(name): plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case None | bool() | int() | str():
            return value
    return str(value)
