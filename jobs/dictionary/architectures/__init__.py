"""One small file an architecture; the registry maps names to them."""

from __future__ import annotations

from jobs.dictionary.architectures.batchtopk import BatchTopK
from jobs.dictionary.architectures.crosscoder import Crosscoder
from jobs.dictionary.architectures.gated import Gated
from jobs.dictionary.architectures.jumprelu import JumpReLU
from jobs.dictionary.architectures.matryoshka import Matryoshka
from jobs.dictionary.architectures.standard import Standard
from jobs.dictionary.architectures.topk import TopK
from jobs.dictionary.architectures.transcoder import Transcoder
from jobs.dictionary.base import Dictionary

ARCHITECTURES: dict[str, type[Dictionary]] = {
    kind.architecture: kind
    for kind in (Standard, Gated, TopK, BatchTopK, JumpReLU, Matryoshka, Transcoder, Crosscoder)
}
"""Name in specs and in ``cfg.json`` → class."""
TRANSCODERS = ("jumprelu_transcoder", "jumprelu_skip_transcoder")
"""Names of SAELens under which transcoders lie on disk."""
TOPK_TRANSCODERS = ("topk_transcoder", "topk_skip_transcoder")
"""Names of our own for those of sparsify, which SAELens cannot read."""

__all__ = [
    "ARCHITECTURES",
    "TOPK_TRANSCODERS",
    "TRANSCODERS",
    "BatchTopK",
    "Crosscoder",
    "Gated",
    "JumpReLU",
    "Matryoshka",
    "Standard",
    "TopK",
    "Transcoder",
]
