"""Whose tokens a corpus holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace


def check_made_for(ws: Workspace, corpus: str, model: str) -> None:
    """Raises AskedWrongly where the tokens of `corpus` are those of another model."""
    made_for = ws.corpus(corpus).manifest.get("model")
    if made_for != model:
        raise AskedWrongly(
            f"Corpus {corpus} holds tokens of {made_for}, not of {model}; "
            "give the text's URI instead, e.g. corpus=docs:."
        )
