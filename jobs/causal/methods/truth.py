"""The nodes that are known to be the circuit, of a model compiled by hand."""

from __future__ import annotations

from jobs.causal.ground import Ground
from jobs.causal.methods.base import Asked, Found, by_size
from store.errors import AskedWrongly


def truth(ground: Ground, asked: Asked) -> Found:
    """No pass at all. Raises AskedWrongly for a model whose circuit nobody knows."""
    if asked.truth is None:
        raise AskedWrongly(
            f"method=truth needs a model whose circuit is known, and {ground.model.name} is none; "
            "the models truth:NAME are."
        )
    return Found(asked.truth, by_size(asked.truth), kept=int((asked.truth != 0).sum()))
